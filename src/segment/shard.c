#include <longtake/segment.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void lt_shard_cut(const int64_t *weight, int64_t n, int n_shards, int *shard)
{
    double total = 0, before = 0;
    for (int64_t i = 0; i < n; i++) total += weight[i] > 0 ? (double)weight[i] : 1;
    for (int64_t i = 0; i < n; i++) {
        double w = weight[i] > 0 ? (double)weight[i] : 1;
        int s = (int)((before + w / 2) / total * n_shards);
        shard[i] = s < 0 ? 0 : s >= n_shards ? n_shards - 1 : s;
        before += w;
    }
}

/* A whole non-negative decimal number up to INT_MAX, or -1. */
static int number(const char *text, const char **end)
{
    char *e;
    errno = 0;
    long v = *text >= '0' && *text <= '9' ? strtol(text, &e, 10) : -1;
    if (v < 0 || errno || v > INT_MAX) return -1;
    *end = e;
    return (int)v;
}

lt_status lt_shard_parse(const char *text, lt_shard *out)
{
    lt_status st = LT_OK;
    const char *end = text;
    lt_shard s = { number(text, &end), 0 };
    if (s.index < 0 || *end != '/' || (s.count = number(end + 1, &end)) < 1 || *end)
        LT_FAIL(LT_E_USAGE, "--shard %s: give it as i/N, e.g. 0/8, or auto", text);
    if (s.index >= s.count)
        LT_FAIL(LT_E_USAGE, "--shard %s: shards are counted from 0, so the last of %d is %d/%d", text, s.count,
                s.count - 1, s.count);
    *out = s;
done:
    return st;
}

static lt_status read_index(char *(*get)(const char *), const char *name, int *out)
{
    lt_status st = LT_OK;
    const char *text = get(name), *end = text;
    *out = -1;
    if (!text || !*text) return LT_OK;
    *out = number(text, &end);
    if (*out < 0 || *end) LT_FAIL(LT_E_USAGE, "%s is '%s', which is not a number: unset it or give --shard", name, text);
done:
    return st;
}

lt_status lt_shard_from_env(char *(*get)(const char *), int own_only, lt_shard *out, const char **source)
{
    static const struct {
        const char *launcher, *index, *count;
    } known[] = {
        { "LONGTAKE_SHARD_INDEX", "LONGTAKE_SHARD_INDEX", "LONGTAKE_SHARD_COUNT" },
        { "Slurm", "SLURM_ARRAY_TASK_ID", NULL },
        { "SkyPilot", "SKYPILOT_JOB_RANK", "SKYPILOT_NUM_JOBS" },
        { "AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE" },
        { "Kubernetes", "JOB_COMPLETION_INDEX", NULL },
    };
    lt_status st = LT_OK;
    *out = (lt_shard){ -1, 0 };
    *source = NULL;
    for (size_t i = 0; i < (own_only ? 1 : sizeof known / sizeof *known); i++) {
        int index, count = -1;
        LT_TRY(read_index(get, known[i].index, &index));
        if (known[i].count) LT_TRY(read_index(get, known[i].count, &count));
        if (index < 0 && (i > 0 || count < 0)) continue;
        /* A count alone serves a Slurm array or a Kubernetes job, whose index comes from the launcher. */
        if (i == 0 && index < 0 && !own_only) {
            out->count = count;
            continue;
        }
        if (i == 0 && index < 0)
            LT_FAIL(LT_E_USAGE, "LONGTAKE_SHARD_COUNT is set but LONGTAKE_SHARD_INDEX is not: set both, or give --shard");
        if (count == 0 || (count > 0 && index >= count))
            LT_FAIL(LT_E_USAGE, "%s says shard %d of %d: shards are counted from 0", known[i].launcher, index, count);
        out->index = index;
        if (count > 0 && out->count == 0) out->count = count;
        if (out->count > 0 && index >= out->count)
            LT_FAIL(LT_E_USAGE, "%s says shard %d, but LONGTAKE_SHARD_COUNT is %d: number the array 0-%d",
                    known[i].launcher, index, out->count, out->count - 1);
        *source = known[i].launcher;
        break;
    }
done:
    return st;
}
