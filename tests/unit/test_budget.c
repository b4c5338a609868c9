/* Limits of the host from made-up /proc, /sys and environments. */
#include "check.h"

#include <budget/host.h>
#include <longtake/pool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20, MOST = 8 };

/* One machine: 16 GiB, 12 of them free, and what else is said of it. */
typedef struct {
    const char *catches;
    const char *files[MOST][2];      /* path below the root, content */
    const char *env[MOST][2];
    int64_t     total, available, cgroup, slurm, process;       /* MiB expected; -1: none */
    lt_limit    binds, process_binds;
} machine;

#define MEMINFO "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   12582912 kB\n"
#define STATUS "Name:\tx\nVmPeak:\t  999999 kB\nVmSize:\t  524288 kB\nVmData:\t  131072 kB\n"
#define LIMITS(as, data) "Limit                     Soft Limit           Hard Limit           Units     \n" \
                         "Max data size             " data "            unlimited            bytes     \n" \
                         "Max address space         " as "            unlimited            bytes     \n"

static const machine machines[] = {
    { "nothing limits it", { { "proc/meminfo", MEMINFO }, { "proc/self/limits", LIMITS("unlimited", "unlimited") }, { "proc/self/status", STATUS } },
      { { NULL } }, 16384, 12288, -1, -1, -1, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "cgroup v2, the parent's is less; page cache is free", { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/a/b\n" },
      { "sys/fs/cgroup/a/b/memory.max", "max\n" }, { "sys/fs/cgroup/a/memory.max", "4294967296\n" }, { "sys/fs/cgroup/a/memory.current", "2147483648\n" },
      { "sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 1073741824\n" } }, { { NULL } }, 4096, 3072, 4096, -1, -1, LT_LIMIT_CGROUP, LT_LIMIT_FREE },
    { "cgroup v1, and its word for no limit above", { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "9:memory:/job\n1:cpu:/\n" },
      { "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1073741824\n" }, { "sys/fs/cgroup/memory/job/memory.usage_in_bytes", "268435456\n" },
      { "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n" } }, { { NULL } }, 1024, 768, 1024, -1, -1, LT_LIMIT_CGROUP, LT_LIMIT_FREE },
    { "Slurm, by node", { { "proc/meminfo", MEMINFO } }, { { "SLURM_MEM_PER_NODE", "3000" } }, 3000, 3000, -1, 3000, -1, LT_LIMIT_SLURM_NODE, LT_LIMIT_FREE },
    { "Slurm, by core", { { "proc/meminfo", MEMINFO } }, { { "SLURM_MEM_PER_CPU", "500" }, { "SLURM_CPUS_ON_NODE", "4" } },
      2000, 2000, -1, 2000, -1, LT_LIMIT_SLURM_CPU, LT_LIMIT_FREE },
    { "Slurm, by GPU", { { "proc/meminfo", MEMINFO } }, { { "SLURM_MEM_PER_GPU", "1500" }, { "SLURM_GPUS_ON_NODE", "2" } },
      3000, 3000, -1, 3000, -1, LT_LIMIT_SLURM_GPU, LT_LIMIT_FREE },
    { "Slurm, the least of all", { { "proc/meminfo", MEMINFO } }, { { "SLURM_MEM_PER_NODE", "3000" }, { "SLURM_MEM_PER_CPU", "500" }, { "SLURM_CPUS_ON_NODE", "4" },
      { "SLURM_MEM_PER_GPU", "2500" }, { "SLURM_GPUS_ON_NODE", "1" } }, 2000, 2000, -1, 2000, -1, LT_LIMIT_SLURM_CPU, LT_LIMIT_FREE },
    { "Slurm, more than is free", { { "proc/meminfo", MEMINFO } }, { { "SLURM_MEM_PER_NODE", "14000" } }, 14000, 12288, -1, 14000, -1, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "Slurm's 0 is all of the node; half a pair and nonsense say nothing", { { "proc/meminfo", MEMINFO } },
      { { "SLURM_MEM_PER_NODE", "0" }, { "SLURM_MEM_PER_CPU", "500" }, { "SLURM_MEM_PER_GPU", "12x" }, { "SLURM_GPUS_ON_NODE", "2" } },
      16384, 12288, -1, -1, -1, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "Slurm, numbers beyond what is possible", { { "proc/meminfo", MEMINFO } },
      { { "SLURM_MEM_PER_CPU", "1000000000000" }, { "SLURM_CPUS_ON_NODE", "1000000000000" }, { "SLURM_MEM_PER_NODE", "99999999999999999999" } },
      16384, 12288, -1, -1, -1, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "Slurm within a control group", { { "proc/meminfo", MEMINFO }, { "proc/self/cgroup", "0::/job\n" }, { "sys/fs/cgroup/job/memory.max", "2147483648\n" } },
      { { "SLURM_MEM_PER_NODE", "3000" } }, 2048, 2048, 2048, 3000, -1, LT_LIMIT_CGROUP, LT_LIMIT_FREE },
    { "RLIMIT_AS, less what is mapped", { { "proc/meminfo", MEMINFO }, { "proc/self/limits", LIMITS("2147483648", "unlimited") }, { "proc/self/status", STATUS } },
      { { NULL } }, 16384, 12288, -1, -1, 1536, LT_LIMIT_FREE, LT_LIMIT_ADDRESSES },
    { "RLIMIT_DATA, the lesser of two", { { "proc/meminfo", MEMINFO }, { "proc/self/limits", LIMITS("2147483648", "1073741824") }, { "proc/self/status", STATUS } },
      { { NULL } }, 16384, 12288, -1, -1, 896, LT_LIMIT_FREE, LT_LIMIT_DATA },
    { "RLIMIT_AS below what is mapped", { { "proc/meminfo", MEMINFO }, { "proc/self/limits", LIMITS("1048576", "unlimited") }, { "proc/self/status", STATUS } },
      { { NULL } }, 16384, 12288, -1, -1, 0, LT_LIMIT_FREE, LT_LIMIT_ADDRESSES },
};
enum { N_MACHINES = sizeof machines / sizeof *machines };

static const machine *now;
static char root[] = "/tmp/longtake-budget-XXXXXX";

static const char *env_now(const char *name)
{
    for (int i = 0; i < MOST && now->env[i][0]; i++)
        if (!strcmp(now->env[i][0], name)) return now->env[i][1];
    return NULL;
}

/* The files of a machine below root/<number>/, folders and all. */
static void build(const machine *m, char *base, size_t n_bytes)
{
    char path[512];
    now = m;
    snprintf(base, n_bytes, "%s/%d/", root, (int)(m - machines));
    assert_true(mkdir(base, 0700) == 0);
    for (int i = 0; i < MOST && m->files[i][0]; i++) {
        snprintf(path, sizeof path, "%s%s", base, m->files[i][0]);
        for (char *slash = path + strlen(base); (slash = strchr(slash, '/')); slash++) {
            *slash = 0;
            (void)mkdir(path, 0700);
            *slash = '/';
        }
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(m->files[i][1], f) >= 0);
        assert_int_equal(fclose(f), 0);
    }
}

static void is(const machine *m, const char *what, int64_t got, int64_t mib)
{
    if (got != (mib < 0 ? -1 : mib * MIB)) fail_msg("%s: %s is %lld bytes, expected %lld MiB", m->catches, what, (long long)got, (long long)mib);
}

static void limits(void **state)
{
    (void)state;
    for (int i = 0; i < N_MACHINES; i++) {
        const machine *m = &machines[i];
        char base[256];
        lt_host_memory h;
        build(m, base, sizeof base);
        const lt_host_sources from = { base, env_now };
        assert_ok(lt_host_memory_from(&from, &h));
        is(m, "total", h.total, m->total);
        is(m, "available", h.available, m->available);
        is(m, "cgroup", h.cgroup_limit, m->cgroup);
        is(m, "Slurm", h.slurm_limit, m->slurm);
        is(m, "process", h.process, m->process);
        if (h.binds != m->binds) fail_msg("%s: bound by %s", m->catches, lt_limit_text(h.binds));
        if (m->process >= 0 && h.process_binds != m->process_binds) fail_msg("%s: bound by %s", m->catches, lt_limit_text(h.process_binds));
        const bool as = m->files[1][0] && strstr(m->files[1][1], "Max address") && !strstr(m->files[1][1], "Max address space         unlimited");
        assert_ok(lt_host_limits_check_from(&from, false));
        const lt_status st = lt_host_limits_check_from(&from, true);
        if (st != (as ? LT_E_DEVICE : LT_OK)) fail_msg("%s: a GPU under it: status %d", m->catches, st);
        if (as) assert_non_null(strstr(lt_error_last()->text, "ulimit -v unlimited"));
    }
}

/* ---- what a rank may plan ---- */

static const struct {
    const char     *catches;
    lt_host_memory  m;
    lt_budget_opts  o;
    int64_t         device, host, pool;          /* MiB; -1: what the process may map, less the reserve */
    lt_limit        device_binds, host_binds, pool_binds;
} plans[] = {
    { "free memory less the reserve", { .total = 16384, .available = 8192, .process = -1, .binds = LT_LIMIT_FREE }, { .ranks_here = 1 },
      7936, 7936, 7936, LT_LIMIT_FREE, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "ranks share what Slurm gives", { .total = 4096, .available = 4096, .process = -1, .binds = LT_LIMIT_SLURM_NODE }, { .ranks_here = 4 },
      768, 768, 768, LT_LIMIT_SLURM_NODE, LT_LIMIT_SLURM_NODE, LT_LIMIT_SLURM_NODE },
    { "a fraction of the whole", { .total = 4096, .available = 4096, .process = -1, .binds = LT_LIMIT_FREE }, { .ranks_here = 1, .memory_fraction = 0.25 },
      1024, 3840, 3840, LT_LIMIT_FRACTION, LT_LIMIT_FREE, LT_LIMIT_FREE },
    { "options", { .total = 4096, .available = 4096, .process = -1, .binds = LT_LIMIT_FREE },
      { .ranks_here = 1, .memory_limit = 100, .host_memory_limit = 200 }, 100, 200, 3840, LT_LIMIT_OPTION, LT_LIMIT_HOST_OPTION, LT_LIMIT_FREE },
    { "options above what there is", { .total = 4096, .available = 1024, .process = -1, .binds = LT_LIMIT_CGROUP },
      { .ranks_here = 1, .memory_limit = 8000, .host_memory_limit = 8000 }, 768, 768, 768, LT_LIMIT_CGROUP, LT_LIMIT_CGROUP, LT_LIMIT_CGROUP },
    { "a process's own limit is not shared", { .total = 65536, .available = 65536, .process = 16384, .binds = LT_LIMIT_FREE, .process_binds = LT_LIMIT_DATA },
      { .ranks_here = 2 }, -1, -1, -1, LT_LIMIT_DATA, LT_LIMIT_DATA, LT_LIMIT_DATA },
    { "a process's own limit, used up", { .total = 65536, .available = 65536, .process = 1, .binds = LT_LIMIT_FREE, .process_binds = LT_LIMIT_ADDRESSES },
      { .ranks_here = 1 }, 0, 0, 0, LT_LIMIT_ADDRESSES, LT_LIMIT_ADDRESSES, LT_LIMIT_ADDRESSES },
};

static void budgets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        lt_host_memory m = plans[i].m;
        lt_budget_opts o = plans[i].o;
        lt_budget b;
        m.total *= MIB;
        m.available *= MIB;
        if (m.process > 0) m.process *= MIB;
        o.memory_limit *= MIB;
        o.host_memory_limit *= MIB;
        lt_budget_from(&o, &m, &b);
        /* 256 MiB, and 8 MiB for each stack of three threads a core and eight more. */
        const int64_t mapped = m.process / MIB - 256 - 8 * (3 * lt_cpus_allowed() + 8);
        const int64_t own = mapped > 0 ? mapped : 0, got[] = { b.device, b.host, b.pool };
        const int64_t want[] = { plans[i].device, plans[i].host, plans[i].pool };
        const lt_limit binds[] = { b.device_binds, b.host_binds, b.pool_binds };
        const lt_limit say[] = { plans[i].device_binds, plans[i].host_binds, plans[i].pool_binds };
        for (int k = 0; k < 3; k++) {
            /* On a machine of a thousand cores the reserve is more than this limit; then nothing is left. */
            const int64_t mib = want[k] < 0 ? own : want[k];
            if (got[k] / MIB != mib) fail_msg("%s: %d: %lld MiB, expected %lld", plans[i].catches, k, (long long)(got[k] / MIB), (long long)mib);
            if (binds[k] != say[k]) fail_msg("%s: %d: bound by %s", plans[i].catches, k, lt_limit_text(binds[k]));
        }
    }
}

/* What is written to counts as used, what is only mapped does not. */
static void used(void **state)
{
    (void)state;
    enum { BYTES = 64 * MIB };
    const int64_t before = lt_host_used();
    unsigned char *p = malloc(BYTES);
    assert_non_null(p);
    assert_true(before > 0);
    assert_true(lt_host_used() - before < BYTES / 4);
    for (size_t i = 0; i < BYTES; i += 4096) ((volatile unsigned char *)p)[i] = (unsigned char)i;
    /* The kernel counts pages per thread in batches: some hundred pages may be missing. */
    assert_true(lt_host_used() - before > BYTES - 4 * MIB);
    free(p);
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char words[128];
    (void)state;
    snprintf(words, sizeof words, "rm -r '%s'", root);
    return system(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(limits), cmocka_unit_test(budgets), cmocka_unit_test(used) };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
