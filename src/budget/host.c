/* Memory of the host: the machine's, and what control groups, Slurm and resource limits leave of it. */
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_BYTES = 2048, PATH_BYTES = 2 * GROUP_BYTES + 128 };

/* Where a version of cgroups keeps what. `inactive` is the line of memory.stat with file pages that the kernel takes back at will: they are counted as
 * used and are free to whoever needs them (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst). */
static const struct {
    const char *mount, *limit, *used, *inactive;
} versions[] = {
    { "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file " },
    { "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file " },
};

/* The number behind `key` at the beginning of a line of a file, or -1: absent, or "max". */
static int64_t number_in(const char *path, const char *key)
{
    char line[256], *end;
    int64_t found = -1;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        errno = 0;
        const long long v = strtoll(line + strlen(key), &end, 10);
        if (end != line + strlen(key) && !errno) found = (int64_t)v;
        break;
    }
    if (f) fclose(f);
    return found;
}

static int64_t group_number(const lt_host_sources *from, int version, const char *group, const char *file, const char *key)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s%s%s/%s", from->root, versions[version].mount, group, file);
    return number_in(path, key);
}

static int64_t proc_number(const lt_host_sources *from, const char *file, const char *key)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%sproc/%s", from->root, file);
    return number_in(path, key);
}

/* What a group and those above it leave of *out. In a container the group's path may be the host's and not to be found below the mount: the mount's root
 * is then the container's own. */
static void apply_groups(const lt_host_sources *from, int version, char *group, lt_host_memory *out)
{
    for (;;) {
        if (strcmp(group, "/") == 0) *group = 0;
        const int64_t limit = group_number(from, version, group, versions[version].limit, "");
        /* Version 1 writes a number near 2^63 for "no limit". */
        if (limit >= 0 && limit < (int64_t)1 << 60) {
            const int64_t used = group_number(from, version, group, versions[version].used, "");
            const int64_t inactive = group_number(from, version, group, "memory.stat", versions[version].inactive);
            const int64_t busy = used < 0 ? 0 : inactive > 0 && inactive < used ? used - inactive : used;
            const int64_t left = limit > busy ? limit - busy : 0;
            if (out->cgroup_limit < 0 || limit < out->cgroup_limit) out->cgroup_limit = limit;
            if (limit < out->total) out->total = limit;
            if (left < out->available) out->available = left, out->binds = LT_LIMIT_CGROUP;
        }
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

/* The groups of this process: lines "0::/path" of version 2 and "9:memory:/path" of version 1; both may be there. */
static void read_groups(const lt_host_sources *from, char group[2][GROUP_BYTES])
{
    char line[GROUP_BYTES], path[PATH_BYTES];
    snprintf(path, sizeof path, "%sproc/self/cgroup", from->root);
    FILE *f = fopen(path, "r");
    group[0][0] = group[1][0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        char *one = strstr(line, ":memory:");
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "0::", 3) == 0) snprintf(group[0], GROUP_BYTES, "%s", line + 3);
        else if (one) snprintf(group[1], GROUP_BYTES, "%s", one + strlen(":memory:"));
    }
    if (f) fclose(f);
}

/* A whole positive number of the environment, or -1. Slurm writes 0 for "all of the node", which limits nothing. */
static int64_t number_of(const lt_host_sources *from, const char *name)
{
    const char *text = from->env(name);
    char *end;
    if (!text || !*text) return -1;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    return *end || errno || v <= 0 || v > (int64_t)1 << 40 ? -1 : (int64_t)v;
}

/* What Slurm gives a job on this node, shared by its ranks here: srun(1), "OUTPUT ENVIRONMENT VARIABLES"; memory in units of 2^20 bytes. */
static void apply_slurm(const lt_host_sources *from, lt_host_memory *out)
{
    static const struct {
        const char *mib, *times;
        lt_limit    name;
    } rows[] = {
        { "SLURM_MEM_PER_NODE", NULL, LT_LIMIT_SLURM_NODE },
        { "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE", LT_LIMIT_SLURM_CPU },
        { "SLURM_MEM_PER_GPU", "SLURM_GPUS_ON_NODE", LT_LIMIT_SLURM_GPU },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t mib = number_of(from, rows[i].mib), times = rows[i].times ? number_of(from, rows[i].times) : 1;
        if (mib < 0 || times < 0 || mib > ((int64_t)1 << 42) / times) continue;
        const int64_t limit = mib * times << 20;
        if (out->slurm_limit < 0 || limit < out->slurm_limit) out->slurm_limit = limit;
        if (limit < out->total) out->total = limit;
        if (limit < out->available) out->available = limit, out->binds = rows[i].name;
    }
}

/* What a resource limit leaves to this process beside what it has mapped already. */
static void apply_rlimit(const lt_host_sources *from, const char *limit_key, const char *used_key, lt_limit name, lt_host_memory *out)
{
    const int64_t limit = proc_number(from, "self/limits", limit_key), used_kib = proc_number(from, "self/status", used_key);
    if (limit < 0) return;
    const int64_t used = used_kib < 0 ? 0 : used_kib * 1024, left = limit > used ? limit - used : 0;
    if (out->process < 0 || left < out->process) out->process = left, out->process_binds = name;
}

lt_status lt_host_memory_from(const lt_host_sources *from, lt_host_memory *out)
{
    lt_status st = LT_OK;
    char group[2][GROUP_BYTES];
    const int64_t total = proc_number(from, "meminfo", "MemTotal:"), available = proc_number(from, "meminfo", "MemAvailable:");
    *out = (lt_host_memory){ .cgroup_limit = -1, .slurm_limit = -1, .process = -1, .binds = LT_LIMIT_FREE };
    if (total <= 0 || available < 0) LT_FAIL(LT_E_DEVICE, "/proc/meminfo does not say how much memory there is: see whether /proc is mounted");
    out->total = total * 1024;
    out->available = available * 1024;
    read_groups(from, group);
    for (int v = 0; v < 2; v++) apply_groups(from, v, group[v], out);
    apply_slurm(from, out);
    apply_rlimit(from, "Max address space", "VmSize:", LT_LIMIT_ADDRESSES, out);
    apply_rlimit(from, "Max data size", "VmData:", LT_LIMIT_DATA, out);
done:
    return st;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

static const lt_host_sources here = { "/", environment };

lt_status lt_host_memory_read(lt_host_memory *out)
{
    return lt_host_memory_from(&here, out);
}

lt_status lt_host_limits_check_from(const lt_host_sources *from, bool gpu)
{
    lt_status st = LT_OK;
    char text[32];
    const int64_t limit = proc_number(from, "self/limits", "Max address space");
    if (gpu && limit >= 0)
        LT_FAIL(LT_E_DEVICE, "addresses of this process are limited to %s, and CUDA reserves many more than it uses: run 'ulimit -v unlimited' first",
                lt_bytes_text(limit, text, sizeof text));
done:
    return st;
}

lt_status lt_host_limits_check(bool gpu)
{
    return lt_host_limits_check_from(&here, gpu);
}

int64_t lt_host_used(void)
{
    int64_t sum = 0;
    static const char *const kinds[] = { "RssAnon:", "RssShmem:" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const int64_t kib = proc_number(&here, "self/status", kinds[i]);
        if (kib < 0) return -1;
        sum += kib * 1024;
    }
    return sum;
}
