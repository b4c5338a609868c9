/* Memory of the host: the machine's, and that of the control groups which hold this process. */
#include <longtake/budget.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_BYTES = 2048, PATH_BYTES = GROUP_BYTES + 128 };

/* Where a version of cgroups keeps what. `inactive` is the line of memory.stat with file pages that the kernel takes back at will: they are counted as
 * used and are free to whoever needs them (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst). */
static const struct {
    const char *mount, *limit, *used, *inactive;
} versions[] = {
    { "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file " },
    { "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file " },
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

static int64_t group_number(int version, const char *group, const char *file, const char *key)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s%s/%s", versions[version].mount, group, file);
    return number_in(path, key);
}

/* What a group and those above it leave of *out. In a container the group's path may be the host's and not to be found below the mount: the mount's root
 * is then the container's own. */
static void apply_groups(int version, char *group, lt_host_memory *out)
{
    for (;;) {
        if (strcmp(group, "/") == 0) *group = 0;
        const int64_t limit = group_number(version, group, versions[version].limit, "");
        /* Version 1 writes a number near 2^63 for "no limit". */
        if (limit >= 0 && limit < (int64_t)1 << 60) {
            const int64_t used = group_number(version, group, versions[version].used, "");
            const int64_t inactive = group_number(version, group, "memory.stat", versions[version].inactive);
            const int64_t busy = used < 0 ? 0 : inactive > 0 && inactive < used ? used - inactive : used;
            if (out->cgroup_limit < 0 || limit < out->cgroup_limit) out->cgroup_limit = limit;
            if (limit < out->total) out->total = limit;
            if (limit - busy < out->available) out->available = limit > busy ? limit - busy : 0;
        }
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

/* The groups of this process: lines "0::/path" of version 2 and "9:memory:/path" of version 1; both may be there. */
static void read_groups(char group[2][GROUP_BYTES])
{
    char line[GROUP_BYTES];
    FILE *f = fopen("/proc/self/cgroup", "r");
    group[0][0] = group[1][0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        char *one = strstr(line, ":memory:");
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "0::", 3) == 0) snprintf(group[0], GROUP_BYTES, "%s", line + 3);
        else if (one) snprintf(group[1], GROUP_BYTES, "%s", one + strlen(":memory:"));
    }
    if (f) fclose(f);
}

lt_status lt_host_memory_read(lt_host_memory *out)
{
    lt_status st = LT_OK;
    char group[2][GROUP_BYTES];
    const int64_t total = number_in("/proc/meminfo", "MemTotal:"), available = number_in("/proc/meminfo", "MemAvailable:");
    *out = (lt_host_memory){ 0, 0, -1 };
    if (total <= 0 || available < 0) LT_FAIL(LT_E_DEVICE, "/proc/meminfo does not say how much memory there is: see whether /proc is mounted");
    out->total = total * 1024;
    out->available = available * 1024;
    read_groups(group);
    for (int v = 0; v < 2; v++) apply_groups(v, group[v], out);
done:
    return st;
}
