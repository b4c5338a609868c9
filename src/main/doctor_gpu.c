/* GPUs: what this build holds, what the driver shows, what a rank would compute on. */
#include "doctor.h"

#include <longtake/budget.h>
#include <longtake/gpu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_GPUS = 64 };

static json_t *version_or_null(int v)
{
    char text[16];
    snprintf(text, sizeof text, "%d.%d", v / 1000, v % 1000 / 10);
    return v ? json_string(text) : json_null();
}

/* The program of a process; null where its number is one of another machine or container. */
static json_t *program_of(int64_t pid, bool ours)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    FILE *f = ours ? fopen(path, "r") : NULL;
    if (f && !fgets(name, sizeof name, f)) *name = 0;
    if (f) fclose(f);
    name[strcspn(name, "\n")] = 0;
    json_t *text = *name ? json_string(name) : NULL;
    return text ? text : json_null();
}

/* Who takes its memory; this process is none of them. `ours`: process numbers are those of this container. */
static json_t *users(const lt_gpu *g, bool ours)
{
    json_t *list = json_array();
    for (int i = 0; i < g->n_users; i++) {
        json_t *o = json_object();
        if (ours && g->users[i].pid == (int64_t)getpid()) continue;
        json_object_set_new(o, "pid", json_integer((json_int_t)g->users[i].pid));
        json_object_set_new(o, "program", program_of(g->users[i].pid, ours));
        json_object_set_new(o, "bytes", lt_known(g->users[i].bytes));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *describe(const lt_gpu *g, bool ours)
{
    static const char *const modes[] = { "shared", "one process at a time", "prohibited" };
    static const char *const codes[] = { "at most PTX, which the driver translates", "no", "yes" };
    char sm[16];
    json_t *o = json_object();
    snprintf(sm, sizeof sm, "sm_%d%d", g->major, g->minor);
    json_object_set_new(o, "name", json_string(g->name));
    json_object_set_new(o, "uuid", json_string(g->uuid));
    json_object_set_new(o, "architecture", json_string(sm));
    json_object_set_new(o, "multiprocessors", json_integer(g->multiprocessors));
    json_object_set_new(o, "memory_bytes", json_integer((json_int_t)g->memory));
    json_object_set_new(o, "free_bytes", lt_known(g->free));
    json_object_set_new(o, "others_bytes", lt_known(g->others));
    json_object_set_new(o, "used_by", users(g, ours));
    json_object_set_new(o, "code", json_string(codes[g->code + 1]));
    json_object_set_new(o, "compute_mode", json_string(modes[g->exclusive]));
    json_object_set_new(o, "mig_instance", json_boolean(g->mig));
    json_object_set_new(o, "ecc", g->ecc < 0 ? json_null() : json_boolean(g->ecc));
    json_object_set_new(o, "ecc_uncorrected", g->ecc_uncorrected < 0 ? json_null() : json_integer((json_int_t)g->ecc_uncorrected));
    return o;
}

static void judge(int i, const lt_gpu *g, lt_findings *f)
{
    char text[32];
    if (g->code == 0) lt_finding(f->notes, "GPU %d (%s) is sm_%d%d, for which this build holds no code", i, g->name, g->major, g->minor);
    if (g->exclusive == 1) lt_finding(f->notes, "GPU %d (%s) serves one process at a time: start no more ranks than GPUs", i, g->name);
    if (g->exclusive == 2) lt_finding(f->notes, "GPU %d (%s) may not be used: its compute mode is 'prohibited' (nvidia-smi -i %d -c DEFAULT)", i, g->name, i);
    if (g->ecc_uncorrected > 0)
        lt_finding(f->notes, "GPU %d (%s) has met %lld errors of its memory that could not be corrected, since its driver started: have it reset", i, g->name,
                   (long long)g->ecc_uncorrected);
    if (g->others > g->memory / 10)
        lt_finding(f->notes, "%s of GPU %d (%s) are taken by other processes", lt_bytes_text(g->others, text, sizeof text), i, g->name);
}

/* The device of this rank, which lt_doctor_open opened. Returns whether process numbers of its driver are ours. */
static bool describe_own(const lt_doctor *d, json_t *o)
{
    const lt_doctor_target here = lt_doctor_here(d);
    lt_device_memory m = { -1, -1, -1, -1 };
    if (*d->place.note && (d->size > 1 || !d->place.device)) lt_finding(d->found.notes, "%s", d->place.note);
    json_object_set_new(o, "computes_on", json_string(here.name));
    if (!d->place.device) return false;
    if (lt_device_memory_read(d->place.device, &m) < 0) lt_finding_failed(d->found.problems);
    json_object_set_new(o, "plan_may_use_bytes", json_integer((json_int_t)d->place.budget.device));
    json_object_set_new(o, "taken_when_opened_bytes", lt_known(m.process));
    json_object_set_new(o, "driver_and_libraries_bytes", json_integer((json_int_t)here.overhead));
    return m.process >= 0;
}

static void describe_system(json_t *o)
{
    lt_gpu_system sys;
    char list[256] = "";
    lt_gpu_system_read(&sys);
    for (int i = 0, at = 0; i < sys.n_architectures && at < (int)sizeof list; i++)
        at += snprintf(list + at, sizeof list - (size_t)at, "%ssm_%d", i ? " " : "", sys.architectures[i] / 10);
    json_object_set_new(o, "cuda_built", json_boolean(lt_gpu_built()));
    json_object_set_new(o, "cuda_runtime", version_or_null(sys.runtime));
    json_object_set_new(o, "code_for", *list ? json_string(list) : json_null());
    json_object_set_new(o, "driver", *sys.driver_text ? json_string(sys.driver_text) : json_null());
    json_object_set_new(o, "driver_cuda", version_or_null(sys.driver));
}

int lt_doctor_usable(const lt_doctor *d)
{
    int n = 0;
    for (int i = 0; i < d->n_gpus; i++) n += d->gpus[i].code != 0 && d->gpus[i].exclusive != 2;
    return n;
}

void lt_doctor_look(lt_doctor *d)
{
    const bool driver = access("/dev/nvidiactl", F_OK) == 0 || access("/proc/driver/nvidia/version", F_OK) == 0;
    d->gpus = calloc(MOST_GPUS, sizeof *d->gpus);
    if (!d->gpus || lt_gpu_list(d->gpus, MOST_GPUS, &d->n_gpus) >= 0) return;
    if (driver && !lt_gpu_built()) lt_finding(d->found.notes, "there is an NVIDIA driver, but %s", lt_error_last()->text);
    lt_error_clear();
}

json_t *lt_doctor_gpu(lt_doctor *d)
{
    json_t *o = json_object(), *list = json_array();
    bool ours = false;
    describe_system(o);
    json_object_set_new(o, "gpus", list);
    if (d->works) ours = describe_own(d, o);
    for (int i = 0; i < d->n_gpus; i++) {
        json_array_append_new(list, describe(&d->gpus[i], ours));
        judge(i, &d->gpus[i], &d->found);
    }
    return o;
}
