/* Ranks: how this process was started, and what each has. */
#include "doctor.h"

#include <longtake/pool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST = 64, DEVICE = 160, PROBLEM = 480 };

/* What the ranks tell each other at the end. */
typedef struct {
    char      host[HOST], device[DEVICE], kind[LT_PLACE_KIND], problem[PROBLEM];
    lt_budget budget;
    int32_t   works, cores, n_problems;
} card;

/* After a failure the others are not asked again: they may be gone. */
static void lose_ranks(lt_doctor *d)
{
    lt_finding_failed(d->found.problems);
    lt_comm_close(&d->comm, 0);
}

/* [collective] all [size * n_bytes]; alone, or without an answer, it is this rank's own. */
static void gather(lt_doctor *d, const void *mine, size_t n_bytes, void *all)
{
    memset(all, 0, (size_t)d->size * n_bytes);
    if (d->comm && lt_comm_gather_all(d->comm, mine, n_bytes, all) >= 0) return;
    if (d->comm) lose_ranks(d);
    memcpy((char *)all + (size_t)d->rank * n_bytes, mine, n_bytes);
}

static void join(lt_doctor *d)
{
    d->size = d->local_size = 1;
    if (lt_comm_open((int)d->s->peer_timeout, &d->comm) < 0) {
        lt_finding_failed(d->found.problems);
        return;
    }
    d->rank = lt_comm_rank(d->comm);
    d->size = lt_comm_size(d->comm);
    d->local_rank = lt_comm_local_rank(d->comm);
    d->local_size = lt_comm_local_size(d->comm);
    lt_log_set_rank(d->s->log, d->rank, d->size, lt_comm_host(d->comm));
}

/* Ranks that share a GPU, and then the least limits of all, as in a run. */
static lt_status share(lt_doctor *d)
{
    lt_status st = LT_OK;
    char mine[LT_DEVICE_UUID] = "", *all = calloc((size_t)d->size, sizeof mine);
    lt_budget *budgets = calloc((size_t)d->size, sizeof *budgets);
    int sharing = 0;
    if (!all || !budgets) LT_FAIL(LT_E_MEMORY, "no memory for %d ranks", d->size);
    if (d->place.device) snprintf(mine, sizeof mine, "%s", lt_device_get_facts(d->place.device)->uuid);
    gather(d, mine, sizeof mine, all);
    for (int r = 0; r < d->size; r++) sharing += !strcmp(all + (size_t)r * sizeof mine, mine);
    if (d->place.device && d->size > 1 && lt_place_budget(&d->place, d->s, sharing, d->local_size) < 0) {
        lt_finding_failed(d->found.problems);
        lt_place_close(&d->place);
        d->works = false;
    }
    d->least = d->place.budget;
    gather(d, &d->place.budget, sizeof d->place.budget, budgets);
    /* A rank that does not work tells nothing. */
    for (int r = 0; r < d->size; r++)
        if (budgets[r].pool) lt_budget_least(&d->least, &budgets[r]);
done:
    free(all);
    free(budgets);
    return st;
}

lt_status lt_doctor_open(lt_doctor *d, const lt_settings *s)
{
    lt_status st = LT_OK;
    *d = (lt_doctor){ .s = s, .full_model = -1, .found = { json_array(), json_array() } };
    if (!d->found.problems || !d->found.notes) LT_FAIL(LT_E_MEMORY, "no memory to examine this machine");
    join(d);
    lt_doctor_look(d);
    d->works = lt_place_open(s, d->local_rank, d->local_size, &d->place) >= 0;
    if (d->works) {
        lt_dtype type;
        lt_place asked = d->place;
        if (lt_place_precision(&asked, s, &type) < 0) lt_finding_failed(d->found.problems);
    } else {
        lt_finding_failed(d->found.problems);
    }
    LT_TRY(share(d));
done:
    return st;
}

static void fill_card(const lt_doctor *d, card *c)
{
    const json_t *first = json_array_get(d->found.problems, 0);
    memset(c, 0, sizeof *c);
    if (d->comm) snprintf(c->host, sizeof c->host, "%s", lt_comm_host(d->comm));
    else if (gethostname(c->host, sizeof c->host - 1)) *c->host = 0;
    if (d->works) snprintf(c->device, sizeof c->device, "%s", lt_doctor_here(d).name);
    snprintf(c->kind, sizeof c->kind, "%s", d->place.kind);
    if (first) snprintf(c->problem, sizeof c->problem, "%s", json_string_value(first));
    c->budget = d->place.budget;
    c->works = d->works;
    c->cores = lt_cpus_allowed();
    c->n_problems = (int32_t)json_array_size(d->found.problems);
}

static json_t *card_json(const card *c, int rank)
{
    json_t *o = json_object();
    json_object_set_new(o, "rank", json_integer(rank));
    json_object_set_new(o, "host", json_string(c->host));
    json_object_set_new(o, "device", c->works ? json_string(c->device) : json_null());
    json_object_set_new(o, "cores", json_integer(c->cores));
    json_object_set_new(o, "plan_may_use_bytes", lt_known(c->works ? c->budget.device : -1));
    json_object_set_new(o, "host_may_use_bytes", lt_known(c->works ? c->budget.host : -1));
    json_object_set_new(o, "problem", *c->problem ? json_string(c->problem) : json_null());
    return o;
}

/* What is wrong elsewhere, said once where many have the same. */
static void tell_of_others(lt_doctor *d, const card *all)
{
    for (int r = 1; r < d->size; r++) {
        bool known = !*all[r].problem;
        for (int k = 0; k < r && !known; k++) known = !strcmp(all[k].problem, all[r].problem);
        if (!known) lt_finding(d->found.problems, "rank %d on %s: %s", r, all[r].host, all[r].problem);
    }
    for (int r = 1; r < d->size && !(d->s->allow & LT_ALLOW_MIXED_DEVICES); r++) {
        if (!all[0].works || !all[r].works || !strcmp(all[0].kind, all[r].kind)) continue;
        lt_finding(d->found.problems, "rank 0 computes on %s and rank %d on %s, whose results may differ in the last bit: give --cpu-isa of the lower one, or --allow mixed-devices",
                   all[0].kind, r, all[r].kind);
        break;
    }
}

json_t *lt_doctor_ranks(lt_doctor *d)
{
    card mine, *all = calloc((size_t)d->size, sizeof *all);
    json_t *o = json_object(), *list = json_array();
    const int cores = lt_cpus_allowed();
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const bool bound = cores < online;
    fill_card(d, &mine);
    json_object_set_new(o, "launched", json_boolean(d->size > 1 || getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK")));
    json_object_set_new(o, "size", json_integer(d->size));
    json_object_set_new(o, "rank", json_integer(d->rank));
    json_object_set_new(o, "on_this_machine", json_integer(d->local_size));
    json_object_set_new(o, "threads_each", d->works ? json_integer(d->place.n_threads) : json_null());
    json_object_set_new(o, "cores_each", json_integer(cores));
    json_object_set_new(o, "bound", json_boolean(bound));
    if (d->local_size > 1 && bound && (long)cores * d->local_size < online)
        lt_finding(d->found.notes, "each of the %d ranks here is bound to %d of %ld cores: start them with mpirun --bind-to none", d->local_size, cores, online);
    if (all) {
        gather(d, &mine, sizeof mine, all);
        for (int r = 0; r < d->size; r++) json_array_append_new(list, card_json(&all[r], r));
        if (d->rank == 0) tell_of_others(d, all);
    }
    json_object_set_new(o, "by_rank", list);
    free(all);
    return o;
}

int lt_doctor_close(lt_doctor *d, int code)
{
    int worst = code;
    const bool together = d->comm && lt_agree(d->comm, code, &worst) >= 0;
    lt_place_close(&d->place);
    lt_comm_close(&d->comm, together);
    free(d->gpus);
    json_decref(d->found.problems);
    json_decref(d->found.notes);
    return worst;
}
