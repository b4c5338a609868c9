/* Launcher, shards, codecs, and what to type. */
#include "doctor.h"

#include <longtake/pool.h>
#include <longtake/segment.h>

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of a program in $PATH, or "". */
static void which(const char *name, char *out, size_t n)
{
    const char *at = getenv("PATH");
    for (; at && *at; at += *at == ':') {
        int length = (int)strcspn(at, ":");
        snprintf(out, n, "%.*s/%s", length, at, name);
        if (access(out, X_OK) == 0) return;
        at += length;
    }
    *out = 0;
}

json_t *lt_doctor_launcher(lt_findings *f)
{
    static const char *const programs[] = { "mpirun", "srun" };
    static const char *const variables[] = {
        "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_JOB_ID", "SLURM_STEP_NUM_TASKS", "SLURM_ARRAY_TASK_ID",
        "SLURM_JOB_END_TIME", "LONGTAKE_SHARD_INDEX", "LONGTAKE_SHARD_COUNT", "LONGTAKE_END_TIME", "SKYPILOT_JOB_RANK",
        "SKYPILOT_NUM_JOBS", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", "JOB_COMPLETION_INDEX", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES",
    };
    char path[1024];
    lt_shard shard = { -1, 0 };
    const char *source = NULL, *tasks = getenv("SLURM_STEP_NUM_TASKS");
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        which(programs[i], path, sizeof path);
        json_object_set_new(o, programs[i], *path ? json_string(path) : json_null());
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value) json_object_set_new(o, variables[i], json_string(value));
    }
    if (lt_shard_from_env(getenv, 0, &shard, &source) < 0) {
        lt_finding(f->problems, "%s", lt_error_last()->text);
        lt_error_clear();
    } else if (shard.index >= 0) {
        snprintf(path, sizeof path, shard.count ? "%d of %d" : "%d", shard.index, shard.count);
        json_object_set_new(o, "shard", json_string(path));
        json_object_set_new(o, "shard_from", json_string(source ? source : ""));
    }
    if (tasks && atoi(tasks) > 1 && getenv("SLURM_PROCID") && !getenv("PMIX_RANK") && !getenv("OMPI_COMM_WORLD_SIZE"))
        lt_finding(f->problems, "this Slurm step has %s tasks that do not know of each other: start it with srun --mpi=pmix", tasks);
    if (!json_is_string(json_object_get(o, "mpirun")))
        lt_finding(f->notes, "mpirun is not in PATH: one process works, several need it (Debian: openmpi-bin)");
    return o;
}

json_t *lt_doctor_codecs(lt_findings *f)
{
    static const struct {
        const char    *name;
        enum AVCodecID id;
    } codecs[] = { { "h264", AV_CODEC_ID_H264 }, { "hevc", AV_CODEC_ID_HEVC }, { "vp9", AV_CODEC_ID_VP9 }, { "av1", AV_CODEC_ID_AV1 },
                   { "mpeg4", AV_CODEC_ID_MPEG4 }, { "mjpeg", AV_CODEC_ID_MJPEG }, { "prores", AV_CODEC_ID_PRORES },
                   { "ffv1", AV_CODEC_ID_FFV1 }, { "png", AV_CODEC_ID_PNG } };
    json_t *o = json_object();
    size_t missing = 0, n = sizeof codecs / sizeof *codecs;
    for (size_t i = 0; i < n; i++) {
        const AVCodec *decoder = avcodec_find_decoder(codecs[i].id);
        json_object_set_new(o, codecs[i].name, decoder ? json_string(decoder->name) : json_null());
        if (decoder) continue;
        lt_finding(f->notes, "this FFmpeg cannot decode %s", codecs[i].name);
        missing++;
    }
    if (missing == n) lt_finding(f->problems, "this FFmpeg decodes none of the codecs that longtake is tested with");
    return o;
}

char *lt_doctor_advice(const lt_settings *s, int n_gpus)
{
    /* One process uses all its cores; more of them only help where decoding or writing keeps one busy. On GPUs each has one. */
    int ranks = n_gpus > 0 ? n_gpus : lt_cpus_allowed() / 4;
    char path[1024], mpirun[128] = "", *text = NULL;
    lt_shard shard;
    const char *source;
    bool sharded = lt_shard_from_env(getenv, 0, &shard, &source) >= 0 && shard.index >= 0;
    which("mpirun", path, sizeof path);
    if (*path && ranks > 1)
        snprintf(mpirun, sizeof mpirun, "mpirun%s --bind-to none -n %d ", geteuid() == 0 ? " --allow-run-as-root" : "", ranks);
    if (asprintf(&text, "%slongtake run --task flow%s%s --out %s VIDEO...", mpirun, n_gpus > 0 ? " --device cuda" : n_gpus < 0 ? " --device cpu" : "", sharded ? " --shard auto" : "",
                 s->out ? s->out : "out/") < 0)
        return NULL;
    return text;
}
