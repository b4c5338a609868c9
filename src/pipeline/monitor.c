#include "monitor.h"

#include <longtake/budget.h>

#include <stdio.h>
#include <stdlib.h>

/* Seconds between samples at first; the share of a limit, and of the plan, from which on a word is said. */
static const double period = 0.5, near_limit = 0.9, beyond_plan = 1.05;

enum { NOBODY = -1 };

typedef struct {
    lt_rank_memory memory;
    int            host;             /* of `hosts`; NOBODY: not heard of so far */
    int64_t        most;             /* of host memory */
    lt_samples     samples;
} rank_memory;

typedef struct {
    char    name[LT_PROGRESS_NAME];
    int     n_ranks;
    int64_t planned, now, most;
    bool    warned, told;            /* of the limit; of the plan */
} host_memory;

struct lt_monitor {
    lt_monitor_opts o;
    rank_memory    *ranks;           /* [n_ranks] */
    host_memory    *hosts;           /* [n_hosts], room [n_ranks] */
    int             n_hosts, n_heard;
    double          spoke;
};

lt_status lt_monitor_create(const lt_monitor_opts *opts, lt_monitor **out)
{
    lt_status st = LT_OK;
    lt_monitor *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m) LT_FAIL(LT_E_MEMORY, "no memory to watch memory");
    m->o = *opts;
    m->spoke = opts->started;
    m->ranks = calloc((size_t)opts->n_ranks, sizeof *m->ranks);
    m->hosts = calloc((size_t)opts->n_ranks, sizeof *m->hosts);
    if (!m->ranks || !m->hosts) LT_FAIL(LT_E_MEMORY, "no memory to watch the memory of %d ranks", opts->n_ranks);
    for (int r = 0; r < opts->n_ranks; r++) {
        m->ranks[r].host = NOBODY;
        m->ranks[r].most = -1;
        lt_samples_init(&m->ranks[r].samples, period);
    }
    *out = m;
    m = NULL;
done:
    lt_monitor_destroy(&m);
    return st;
}

/* The host of a rank that is heard for the first time. */
static int host_of(lt_monitor *m, const char *name)
{
    int h = 0;
    while (h < m->n_hosts && strcmp(m->hosts[h].name, name) != 0) h++;
    if (h == m->n_hosts) {
        snprintf(m->hosts[h].name, sizeof m->hosts[h].name, "%s", name);
        m->hosts[h].most = -1;
        m->n_hosts++;
    }
    return h;
}

/* ---- warnings ---- */

static const char *const kinds[LT_HOLDERS] = { "", "frames decoded ahead", "frames on their way to the disk", "halo records" };
static const char *const mends[LT_HOLDERS] = { "", "give a smaller --prefetch", "give fewer --threads", "use fewer ranks here" };

static void check_limit(lt_monitor *m, int rank, host_memory *h)
{
    const lt_rank_memory *r = &m->ranks[rank].memory;
    char now[32], limit[32], most[32], what[128] = "";
    if (h->warned || r->limit <= 0 || r->under_limit < 0 || (double)r->under_limit < near_limit * (double)r->limit) return;
    h->warned = true;
    if (r->most)
        snprintf(what, sizeof what, "; the largest part is for %s (%s): %s, or", kinds[r->most], lt_bytes_text(r->most_bytes, most, sizeof most), mends[r->most]);
    lt_log_warn(m->o.log, "host memory is nearly used up: rank %d on %s holds %s of the %s that it may (%s)%s raise that limit", rank, h->name,
                lt_bytes_text(r->under_limit, now, sizeof now), lt_bytes_text(r->limit, limit, sizeof limit), lt_limit_text((lt_limit)r->binds), *what ? what : ":");
}

/* What CUDA takes of a host nobody can ask for beforehand, so on a GPU it is no fault. */
static void check_plan(lt_monitor *m, int rank, host_memory *h)
{
    const lt_rank_memory *r = &m->ranks[rank].memory;
    char now[32], planned[32];
    if (h->told || r->host_planned <= 0 || r->host_used < 0 || (double)r->host_used <= beyond_plan * (double)r->host_planned) return;
    h->told = true;
    const char *end = m->o.one_memory ? "; the job goes on. This is a fault of longtake: please report this line"
                                      : ", without what the driver and the libraries of a GPU take";
    lt_log_write(m->o.log, m->o.one_memory ? LT_LOG_WARN : LT_LOG_INFO, "host memory is beyond its plan: rank %d on %s holds %s and %s were planned%s",
                 rank, h->name, lt_bytes_text(r->host_used, now, sizeof now), lt_bytes_text(r->host_planned, planned, sizeof planned), end);
}

/* ---- what comes in ---- */

void lt_monitor_take(lt_monitor *m, int rank, const lt_rank_state *state, double now)
{
    rank_memory *r = &m->ranks[rank];
    const lt_rank_memory before = r->memory;
    const bool first = r->host == NOBODY;
    if (first) {
        r->host = host_of(m, state->host);
        m->hosts[r->host].n_ranks++;
        m->n_heard++;
    }
    host_memory *h = &m->hosts[r->host];
    r->memory = state->memory;
    if (r->memory.host_most > r->most) r->most = r->memory.host_most;
    h->planned += r->memory.host_planned - (first ? 0 : before.host_planned);
    h->now += (r->memory.host_used > 0 ? r->memory.host_used : 0) - (first || before.host_used < 0 ? 0 : before.host_used);
    if (h->now > h->most) h->most = h->now;
    const lt_report_sample sample = { now - m->o.started, r->memory.device_used > 0 ? r->memory.device_used : -1, r->memory.host_used };
    lt_samples_add(&r->samples, &sample);
    check_limit(m, rank, h);
    check_plan(m, rank, h);
}

/* ---- lines ---- */

static void say_rank(const lt_monitor *m, int rank)
{
    const lt_rank_memory *r = &m->ranks[rank].memory;
    char planned[32], now[32], most[48] = "not known before a segment ends", driver[32], more[80] = "";
    if (r->device_used > 0) snprintf(most, sizeof most, "%s used", lt_bytes_text(r->device_used, driver, sizeof driver));
    if (r->driver >= 0) snprintf(more, sizeof more, "; %s by the driver, with its own part", lt_bytes_text(r->driver, driver, sizeof driver));
    lt_log_info(m->o.log, "memory of rank %d, %s: planned %s, now %s, peak %s%s", rank, m->o.device, lt_bytes_text(r->device_planned, planned, sizeof planned),
                lt_bytes_text(r->device_planned, now, sizeof now), most, more);
}

static void say_host(const lt_monitor *m, const host_memory *h)
{
    char planned[32], now[32], most[32];
    lt_log_info(m->o.log, "memory of host %s, %d rank%s%s: planned %s, now %s, peak %s", h->name, h->n_ranks, h->n_ranks == 1 ? "" : "s",
                m->o.one_memory ? " with their arenas" : "", lt_bytes_text(h->planned, planned, sizeof planned), lt_bytes_text(h->now, now, sizeof now),
                lt_bytes_text(h->most, most, sizeof most));
}

void lt_monitor_speak(lt_monitor *m, double now)
{
    if (m->o.period <= 0 || now - m->spoke < m->o.period || m->n_heard < m->o.n_ranks) return;
    m->spoke = now;
    for (int r = 0; r < m->o.n_ranks; r++) say_rank(m, r);
    for (int h = 0; h < m->n_hosts; h++) say_host(m, &m->hosts[h]);
}

void lt_monitor_sum_up(lt_monitor *m)
{
    int64_t device[2] = { 0, 0 }, host[2] = { 0, 0 };
    char text[4][32], which[64] = "";
    for (int r = 0; r < m->o.n_ranks; r++) {
        const rank_memory *k = &m->ranks[r];
        if (k->memory.device_planned > device[0]) device[0] = k->memory.device_planned;
        if (k->memory.device_used > device[1]) device[1] = k->memory.device_used;
        if (k->memory.host_planned > host[0]) host[0] = k->memory.host_planned;
        if (k->most > host[1]) host[1] = k->most;
    }
    /* Where no video can be done nothing is planned. */
    if (host[0] <= 0) return;
    if (m->o.n_ranks > 1) snprintf(which, sizeof which, " of a rank (%d ranks)", m->o.n_ranks);
    lt_log_info(m->o.log, "memory%s: device %s planned, %s used at most; host %s planned%s, %s held at most", which,
                lt_bytes_text(device[0], text[0], sizeof text[0]), lt_bytes_text(device[1], text[1], sizeof text[1]),
                lt_bytes_text(host[0], text[2], sizeof text[2]), m->o.one_memory ? " with it" : "", lt_bytes_text(host[1], text[3], sizeof text[3]));
}

const lt_report_sample *lt_monitor_samples(lt_monitor *m, int rank, int *n)
{
    return lt_samples_list(&m->ranks[rank].samples, n);
}

int64_t lt_monitor_host_most(const lt_monitor *m, int rank)
{
    return m->ranks[rank].most;
}

void lt_monitor_destroy(lt_monitor **m)
{
    if (!*m) return;
    free((*m)->ranks);
    free((*m)->hosts);
    free(*m);
    *m = NULL;
}
