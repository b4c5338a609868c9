/* Processor, memory, limits, disk. */
#include "doctor.h"

#include <longtake/budget.h>
#include <longtake/cpu.h>
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
static const uint64_t LEAST_DISK = 1u << 30;

/* The rest of the first line of a file that begins with `key` (and colons, tabs or spaces), cut to n, or "". */
static void read_field(const char *path, const char *key, char *out, size_t n)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    *out = 0;
    while (f && getline(&line, &room, f) >= 0) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const char *value = line + strlen(key);
        value += strspn(value, ": \t");
        snprintf(out, n, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    free(line);
    if (f) fclose(f);
}

/* Those of the processor's features, as the kernel names them, that its kernels or libraries use. */
static json_t *features(void)
{
    static const char *const wanted[] = { "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16",
                                          "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16" };
    char flags[8192], word[32], found[256] = "";
    read_field("/proc/cpuinfo", "flags", flags + 1, sizeof flags - 2);
    flags[0] = ' ';
    strcat(flags, " ");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const size_t at = strlen(found);
        snprintf(word, sizeof word, " %s ", wanted[i]);
        if (strstr(flags, word)) snprintf(found + at, sizeof found - at, "%s%s", at ? " " : "", wanted[i]);
    }
    return *found ? json_string(found) : json_null();
}

void lt_processor_name(char *out, size_t n)
{
    read_field("/proc/cpuinfo", "model name", out, n);
    if (!*out) snprintf(out, n, "unknown");
}

json_t *lt_doctor_cpu(lt_doctor *d)
{
    lt_findings *f = &d->found;
    char model[128], text[512];
    int allowed = lt_cpus_allowed();
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    lt_processor_name(model, sizeof model);
    json_t *o = json_object();
    json_object_set_new(o, "model", json_string(model));
    json_object_set_new(o, "cores_online", json_integer(online));
    json_object_set_new(o, "cores_allowed", json_integer(allowed));
    json_object_set_new(o, "features", features());
    json_object_set_new(o, "isa", json_string(lt_isa_name(lt_cpu_isa())));
    json_object_set_new(o, "bf16_units", json_boolean(lt_machine_here(lt_cpu_isa(), 1).bf16_units));
    read_field("/proc/self/status", "Cpus_allowed_list", text, sizeof text);
    json_object_set_new(o, "mask", json_string(text));
    if (allowed < online)
        lt_finding(f->notes, "%d of %ld cores may be used: a mask or a container's quota says so", allowed, online);
    return o;
}

static json_t *limit_text(const lt_doctor *d, lt_limit limit)
{
    return d->works ? json_string(lt_limit_text(limit)) : json_null();
}

json_t *lt_doctor_memory(lt_doctor *d)
{
    lt_host_memory m;
    json_t *o = json_object();
    if (lt_host_memory_read(&m) < 0) {
        lt_finding_failed(d->found.problems);
        return o;
    }
    const bool own = m.process >= 0 && m.process < m.available;
    json_object_set_new(o, "total_bytes", json_integer((json_int_t)m.total));
    json_object_set_new(o, "available_bytes", json_integer((json_int_t)m.available));
    json_object_set_new(o, "cgroup_limit_bytes", lt_known(m.cgroup_limit));
    json_object_set_new(o, "slurm_limit_bytes", lt_known(m.slurm_limit));
    json_object_set_new(o, "process_limits_leave_bytes", lt_known(m.process));
    json_object_set_new(o, "limit_that_binds", json_string(lt_limit_text(own ? m.process_binds : m.binds)));
    /* Of all ranks the least, as a run counts. */
    json_object_set_new(o, "device_may_use_bytes", lt_known(d->works ? d->least.device : -1));
    json_object_set_new(o, "device_bound_by", limit_text(d, d->least.device_binds));
    json_object_set_new(o, "host_may_use_bytes", lt_known(d->works ? d->least.host : -1));
    json_object_set_new(o, "host_bound_by", limit_text(d, d->least.host_binds));
    return o;
}

json_t *lt_doctor_limits(lt_doctor *d)
{
    const lt_findings *f = &d->found;
    static const struct {
        const char *name;
        int         what;
    } limits[] = { { "address_space_bytes", RLIMIT_AS }, { "data_bytes", RLIMIT_DATA }, { "locked_bytes", RLIMIT_MEMLOCK },
                   { "stack_bytes", RLIMIT_STACK }, { "file_size_bytes", RLIMIT_FSIZE }, { "open_files", RLIMIT_NOFILE },
                   { "processes", RLIMIT_NPROC } };
    json_t *o = json_object();
    json_object_set_new(o, "memory_limit_bytes", lt_known(d->s->memory_limit ? (int64_t)d->s->memory_limit : -1));
    json_object_set_new(o, "memory_fraction", json_real(d->s->memory_fraction));
    json_object_set_new(o, "host_memory_limit_bytes", lt_known(d->s->host_memory_limit ? (int64_t)d->s->host_memory_limit : -1));
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

json_t *lt_doctor_disk(lt_doctor *d)
{
    lt_findings *f = &d->found;
    const char *out = d->s->out;
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
