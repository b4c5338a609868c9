/* Processor, memory, limits, disk. */
#include "doctor.h"

#include <longtake/cpu.h>
#include <longtake/gpu.h>
#include <longtake/kernel.h>
#include <longtake/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };
static const uint64_t LEAST_MEMORY = 512u << 20;      /* below this not even small videos fit, libraries included */
static const uint64_t LEAST_DISK = 1u << 30;

/* The rest of the first line of a file that begins with `key` (and colons, tabs or spaces), or "". */
static void read_field(const char *path, const char *key, char *out, size_t n)
{
    FILE *f = fopen(path, "r");
    char line[512];
    *out = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const char *value = line + strlen(key);
        value += strspn(value, ": \t");
        snprintf(out, n, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (f) fclose(f);
}

json_t *lt_doctor_cpu(lt_findings *f)
{
    char model[128], text[512];
    int allowed = lt_cpus_allowed();
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    read_field("/proc/cpuinfo", "model name", model, sizeof model);
    json_t *o = json_object();
    json_object_set_new(o, "model", json_string(*model ? model : "unknown"));
    json_object_set_new(o, "cores_online", json_integer(online));
    json_object_set_new(o, "cores_allowed", json_integer(allowed));
    json_object_set_new(o, "isa", json_string(lt_isa_name(lt_cpu_isa())));
    json_object_set_new(o, "bf16_units", json_boolean(lt_machine_here(lt_cpu_isa(), 1).bf16_units));
    read_field("/proc/self/status", "Cpus_allowed_list", text, sizeof text);
    json_object_set_new(o, "mask", json_string(text));
    if (allowed < online)
        lt_finding(f->notes, "%d of %ld cores may be used: a mask or a container's quota says so", allowed, online);
    return o;
}

/* Bytes of a limit file; UINT64_MAX for "max", no file, or cgroup v1's way of saying none. */
static uint64_t limit_file(const char *path)
{
    char text[64];
    read_field(path, "", text, sizeof text);
    if (!*text || strcmp(text, "max") == 0) return UINT64_MAX;
    uint64_t v = strtoull(text, NULL, 10);
    return v >= (uint64_t)1 << 62 ? UINT64_MAX : v;
}

/* The least limit of a cgroup and those above it. In a container the path in /proc is the host's and not to be
 * found below the mount; the mount's root then is the container's own. */
static uint64_t cgroup_limit(const char *mount, const char *group, const char *file)
{
    char path[PATH_BYTES], at[PATH_BYTES / 2];
    uint64_t least = UINT64_MAX;
    snprintf(at, sizeof at, "%s", group);
    for (;;) {
        snprintf(path, sizeof path, "%s%s/%s", mount, strcmp(at, "/") == 0 ? "" : at, file);
        uint64_t v = limit_file(path);
        if (v < least) least = v;
        char *slash = strrchr(at, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

static uint64_t memory_cgroup(void)
{
    char group[PATH_BYTES / 2], line[PATH_BYTES / 2];
    uint64_t v2, v1 = UINT64_MAX;
    read_field("/proc/self/cgroup", "0::", group, sizeof group);
    v2 = cgroup_limit("/sys/fs/cgroup", group, "memory.max");
    FILE *f = fopen("/proc/self/cgroup", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *path = strstr(line, ":memory:");
        if (!path) continue;
        path += strlen(":memory:");
        path[strcspn(path, "\n")] = 0;
        v1 = cgroup_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
    }
    if (f) fclose(f);
    return v1 < v2 ? v1 : v2;
}

json_t *lt_doctor_memory(lt_findings *f)
{
    char total[64], available[64];
    read_field("/proc/meminfo", "MemTotal", total, sizeof total);
    read_field("/proc/meminfo", "MemAvailable", available, sizeof available);
    uint64_t n_total = strtoull(total, NULL, 10) * 1024, n_available = strtoull(available, NULL, 10) * 1024;
    uint64_t cgroup = memory_cgroup();
    uint64_t usable = n_available < cgroup ? n_available : cgroup;
    json_t *o = json_object();
    json_object_set_new(o, "total_bytes", json_integer((json_int_t)n_total));
    json_object_set_new(o, "available_bytes", json_integer((json_int_t)n_available));
    json_object_set_new(o, "cgroup_limit_bytes", cgroup == UINT64_MAX ? json_null() : json_integer((json_int_t)cgroup));
    if (!n_total) lt_finding(f->notes, "/proc/meminfo could not be read: give --host-memory-limit and --memory-limit");
    else if (usable < LEAST_MEMORY)
        lt_finding(f->problems, "only %" PRIu64 " MiB of memory may be used: longtake needs %" PRIu64 " MiB at least", usable >> 20, LEAST_MEMORY >> 20);
    return o;
}

json_t *lt_doctor_limits(lt_findings *f)
{
    static const struct {
        const char *name;
        int         what;
    } limits[] = { { "address_space_bytes", RLIMIT_AS }, { "data_bytes", RLIMIT_DATA }, { "locked_bytes", RLIMIT_MEMLOCK },
                   { "stack_bytes", RLIMIT_STACK }, { "file_size_bytes", RLIMIT_FSIZE }, { "open_files", RLIMIT_NOFILE },
                   { "processes", RLIMIT_NPROC } };
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit r = { 0 };
        if (getrlimit((__rlimit_resource_t)limits[i].what, &r)) continue;
        json_object_set_new(o, limits[i].name, r.rlim_cur == RLIM_INFINITY ? json_null() : json_integer((json_int_t)r.rlim_cur));
        if (limits[i].what == RLIMIT_NOFILE && r.rlim_cur < 256)
            lt_finding(f->problems, "only %ju files may be open at once: raise it with ulimit -n 1024", (uintmax_t)r.rlim_cur);
        if (limits[i].what == RLIMIT_FSIZE && r.rlim_cur != RLIM_INFINITY)
            lt_finding(f->notes, "files may not grow beyond %ju bytes (ulimit -f): results are large", (uintmax_t)r.rlim_cur);
    }
    return o;
}

json_t *lt_doctor_gpu(lt_findings *f)
{
    enum { MOST = 16 };
    lt_gpu gpus[MOST];
    int n = 0;
    bool driver = access("/dev/nvidiactl", F_OK) == 0 || access("/proc/driver/nvidia/version", F_OK) == 0;
    json_t *o = json_object(), *list = json_array();
    lt_status st = lt_gpu_list(gpus, MOST, &n);
    for (int i = 0; i < n; i++) {
        const lt_gpu *g = &gpus[i];
        json_array_append_new(list, json_pack("{s:s s:i s:i s:I}", "name", g->name, "sm", 10 * g->major + g->minor,
                                              "multiprocessors", g->multiprocessors, "memory", (json_int_t)g->memory));
        lt_finding(f->notes, "GPU %d is a %s (sm_%d%d): this version computes on the CPU only", i, g->name, g->major, g->minor);
    }
    json_object_set_new(o, "cuda_built", json_boolean(lt_gpu_built()));
    json_object_set_new(o, "nvidia_driver", json_boolean(driver));
    json_object_set_new(o, "gpus", list);
    if (driver && st < 0) lt_finding(f->notes, "there is an NVIDIA driver, but %s", lt_error_last()->text);
    return o;
}

/* Cuts a path that does not exist back to its nearest folder that does. */
static void existing(char *path)
{
    struct stat s;
    while (stat(path, &s) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash) {
            strcpy(path, ".");
            return;
        }
        slash[slash == path] = 0;
        if (slash == path) return;
    }
}

/* Whether one can write, lock and link here, as the job directory needs it. */
static void try_files(const char *folder, json_t *o, lt_findings *f)
{
    char path[PATH_BYTES], twin[PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s/.longtake-doctor-XXXXXX", folder);
    int fd = mkstemp(path);
    bool writable = fd >= 0 && write(fd, path, sizeof path) == (ssize_t)sizeof path && fsync(fd) == 0;
    json_object_set_new(o, "writable", json_boolean(writable));
    if (!writable) lt_finding(f->problems, "'%s' cannot be written: %s", folder, strerror(errno));
    if (fd < 0) return;
    bool locks = flock(fd, LOCK_EX | LOCK_NB) == 0;
    json_object_set_new(o, "locks", json_boolean(locks));
    if (!locks) lt_finding(f->notes, "'%s' has no file locks: set HDF5_USE_FILE_LOCKING=FALSE", folder);
    snprintf(twin, sizeof twin, "%s.twin", path);
    bool links = link(path, twin) == 0;
    if (links) unlink(twin);
    json_object_set_new(o, "hard_links", json_boolean(links));
    if (!links) lt_finding(f->problems, "'%s' has no hard links (%s): put the job directory on another file system", folder, strerror(errno));
    unlink(path);
    close(fd);
}

json_t *lt_doctor_disk(const char *out, lt_findings *f)
{
    char path[PATH_BYTES - 64];
    struct statvfs v;
    struct stat s;
    const char *locking = getenv("HDF5_USE_FILE_LOCKING");
    json_t *o = json_object();
    snprintf(path, sizeof path, "%s", out ? out : ".");
    existing(path);
    json_object_set_new(o, "directory", json_string(out ? out : "."));
    json_object_set_new(o, "tested", json_string(path));
    json_object_set_new(o, "HDF5_USE_FILE_LOCKING", locking ? json_string(locking) : json_null());
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) {
        lt_finding(f->problems, "'%s' is not a directory", path);
        return o;
    }
    if (statvfs(path, &v) == 0) {
        uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
        json_object_set_new(o, "free_bytes", json_integer((json_int_t)free_bytes));
        if (free_bytes < LEAST_DISK) lt_finding(f->notes, "only %" PRIu64 " MiB are free in '%s'", free_bytes >> 20, path);
    }
    try_files(path, o, f);
    return o;
}
