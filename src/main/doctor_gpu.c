/* GPUs: what this build holds, what the driver shows, what a rank would compute on. */
#include "doctor.h"

#include <longtake/budget.h>
#include <longtake/gpu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_GPUS = 64 };

static json_t *bytes_or_null(int64_t v)
{
    return v < 0 ? json_null() : json_integer((json_int_t)v);
}

static json_t *version_or_null(int v)
{
    char text[16];
    snprintf(text, sizeof text, "%d.%d", v / 1000, v % 1000 / 10);
    return v ? json_string(text) : json_null();
}

/* Which of the ranks on this machine a process started like this one would be; whether a launcher said so. */
static bool place(int *rank, int *size)
{
    const char *r = getenv("OMPI_COMM_WORLD_LOCAL_RANK"), *n = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    *rank = r ? atoi(r) : 0;
    *size = n && atoi(n) > 0 ? atoi(n) : 1;
    if (*rank < 0) *rank = 0;
    return r != NULL;
}

static json_t *describe(const lt_gpu *g)
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
    json_object_set_new(o, "free_bytes", bytes_or_null(g->free));
    json_object_set_new(o, "others_bytes", bytes_or_null(g->others));
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

/* As a run would begin: the device is opened, and the plan's limits are made. */
static lt_status try_device(const lt_settings *s, json_t *o, lt_findings *f, bool *gpu)
{
    lt_status st = LT_OK;
    lt_device *d = NULL;
    lt_backend backend = LT_BACKEND_CPU;
    lt_device_memory m;
    lt_budget budget;
    int ordinal = 0, rank, size;
    char note[256], text[192];
    const bool launched = place(&rank, &size);
    LT_TRY(lt_gpu_pick((lt_device_choice)s->device, rank, size, &backend, &ordinal, note, sizeof note));
    if (*note && (launched || backend == LT_BACKEND_CPU)) lt_finding(f->notes, "%s", note);
    if (backend == LT_BACKEND_CPU) {
        json_object_set_new(o, "computes_on", json_string("the CPU"));
        goto done;
    }
    LT_TRY(lt_host_limits_check(true));
    LT_TRY(lt_device_open(backend, ordinal, &d));
    const lt_device_facts *facts = lt_device_get_facts(d);
    const lt_budget_opts opts = { (int64_t)s->memory_limit, s->memory_fraction, (int64_t)s->host_memory_limit, size };
    LT_TRY(lt_device_memory_read(d, &m));
    LT_TRY(lt_budget_gpu(&opts, m.total, m.free, 1, lt_device_overhead(facts), &budget));
    snprintf(text, sizeof text, "GPU %d (%s)", ordinal, facts->name);
    json_object_set_new(o, "computes_on", json_string(text));
    json_object_set_new(o, "plan_may_use_bytes", json_integer((json_int_t)budget.device));
    json_object_set_new(o, "taken_when_opened_bytes", bytes_or_null(m.process));
    json_object_set_new(o, "driver_and_libraries_bytes", json_integer((json_int_t)lt_device_overhead(facts)));
    *gpu = true;
done:
    lt_device_close(&d);
    return st;
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

json_t *lt_doctor_gpu(const lt_settings *s, lt_findings *f, int *n_usable)
{
    int n = 0;
    bool gpu = false, works = true;
    const bool driver = access("/dev/nvidiactl", F_OK) == 0 || access("/proc/driver/nvidia/version", F_OK) == 0;
    json_t *o = json_object(), *list = json_array();
    lt_gpu *gpus = calloc(MOST_GPUS, sizeof *gpus);
    *n_usable = 0;
    describe_system(o);
    if (gpus && lt_gpu_list(gpus, MOST_GPUS, &n) < 0) {
        if (driver && !lt_gpu_built()) lt_finding(f->notes, "there is an NVIDIA driver, but %s", lt_error_last()->text);
        lt_error_clear();
    }
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, describe(&gpus[i]));
        judge(i, &gpus[i], f);
        *n_usable += gpus[i].code != 0 && gpus[i].exclusive != 2;
    }
    json_object_set_new(o, "gpus", list);
    if (try_device(s, o, f, &gpu) < 0) {
        lt_finding(f->problems, "%s", lt_error_last()->text);
        lt_error_clear();
        works = false;
    }
    if (!gpu) *n_usable = works ? 0 : -1;
    free(gpus);
    return o;
}
