/* Launcher, shards, codecs. */
#include "doctor.h"

#include <longtake/pool.h>
#include <longtake/segment.h>

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lt_which(const char *name, char *out, size_t n)
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

json_t *lt_doctor_launcher(lt_doctor *d)
{
    lt_findings *f = &d->found;
    static const char *const programs[] = { "mpirun", "srun", "sbatch" };
    static const char *const variables[] = {
        "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_JOB_ID", "SLURM_STEP_NUM_TASKS", "SLURM_MEM_PER_NODE",
        "SLURM_MEM_PER_CPU", "SLURM_MEM_PER_GPU", "SLURM_CPUS_ON_NODE", "SLURM_GPUS_ON_NODE", "SLURM_ARRAY_TASK_ID",
        "SLURM_JOB_END_TIME", "LONGTAKE_SHARD_INDEX", "LONGTAKE_SHARD_COUNT", "LONGTAKE_END_TIME", "SKYPILOT_JOB_RANK",
        "SKYPILOT_NUM_JOBS", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", "JOB_COMPLETION_INDEX", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES",
    };
    char path[1024];
    lt_shard shard = { -1, 0 };
    const char *source = NULL;
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        lt_which(programs[i], path, sizeof path);
        json_object_set_new(o, programs[i], *path ? json_string(path) : json_null());
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value) json_object_set_new(o, variables[i], json_string(value));
    }
    if (lt_shard_from_env(getenv, 0, &shard, &source) < 0) {
        lt_finding_failed(f->problems);
    } else if (shard.index >= 0) {
        snprintf(path, sizeof path, shard.count ? "%d of %d" : "%d", shard.index, shard.count);
        json_object_set_new(o, "shard", json_string(path));
        json_object_set_new(o, "shard_from", json_string(source ? source : ""));
    }
    if (!json_is_string(json_object_get(o, "mpirun")))
        lt_finding(f->notes, "mpirun is not in PATH: one process works, several need it (Debian: openmpi-bin)");
    return o;
}

json_t *lt_doctor_codecs(lt_doctor *d)
{
    lt_findings *f = &d->found;
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
