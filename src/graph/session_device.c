#include "graph/session.h"

#ifdef LT_HAVE_CUDA
#include "kernels/cuda/libs.h"
#endif

#include <longtake/clock.h>

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

lt_status lt_session_gpu_create(lt_session *s, lt_device *device)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = calloc(1, sizeof *g);
    void *ring = NULL;
    s->gpu = g;
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    g->device = device;
    LT_TRY(lt_device_use(device));
    LT_TRY(lt_stream_create(device, "compute", &g->stream));
#ifdef LT_HAVE_CUDA
    LT_TRY(lt_cuda_libs_of(device, &g->libs));
#endif
    LT_TRY(lt_pinned_create(device, ((size_t)s->plan->n_entries * LT_SESSION_RING + 1) * sizeof(int32_t), &ring));
    g->ring = ring;
    for (int i = 0; i < LT_SESSION_RING; i++) LT_TRY(lt_event_create(device, false, &g->free[i]));
done:
    return st;
}

void lt_session_gpu_destroy(lt_session *s)
{
    lt_session_gpu *g = s->gpu;
    void *ring = g->ring;
    /* What the device still does is done with memory that goes now. */
    lt_stream_settle(g->stream);
    for (int i = 0; i < g->n_recorded; i++) lt_recording_destroy(&g->recorded[i].recording);
    for (int i = 0; i < LT_SESSION_RING; i++) lt_event_destroy(&g->free[i]);
    for (int i = 0; i <= LT_SESSION_SPANS; i++) lt_event_destroy(&g->mark[i]);
    lt_event_destroy(&g->base);
    lt_pinned_destroy(g->device, &ring);
    lt_stream_destroy(&g->stream);
}

/* ---- tables ---- */

lt_status lt_session_gpu_tables(lt_session *s)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    const lt_plan *p = s->plan;
    const size_t n = (size_t)p->n_entries;
    if (p->tables_item < 0) return LT_OK;
    const int at = g->next;
    int32_t *place = g->ring + (size_t)at * n;
    g->next = (at + 1) % LT_SESSION_RING;
    LT_TRY(lt_event_wait(g->free[at], 0, NULL));
    memcpy(place, s->indices, n * sizeof *place);
    LT_TRY(lt_copy_to_device(g->stream, s->base + p->items[p->tables_item].offset, place, n * sizeof *place));
    LT_TRY(lt_event_record(g->free[at], g->stream));
done:
    return st;
}

/* ---- recordings ---- */

lt_status lt_session_gpu_replay(lt_session *s, int from, int to, int64_t count, bool *done)
{
    lt_session_gpu *g = s->gpu;
    *done = false;
    for (int i = 0; i < g->n_recorded && !g->profile; i++) {
        const lt_session_recorded *r = &g->recorded[i];
        if (r->from != from || r->to != to || r->count != count) continue;
        *done = true;
        return lt_recording_run(r->recording, g->stream);
    }
    return LT_OK;
}

lt_status lt_session_record(lt_session *s, const char *first, const char *last, int64_t count)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    const int from = lt_session_part(s, first), to = lt_session_part(s, last);
    const size_t n = (size_t)s->plan->n_steps;
    lt_recording *made = NULL;
    if (!g || s->layers) return LT_OK;
    if (g->n_recorded == LT_SESSION_RECORDINGS) LT_FAIL(LT_E_INTERNAL, "a session holds %d recordings", LT_SESSION_RECORDINGS);
    LT_TRY(lt_session_run(s, first, last, count, NULL));
    LT_TRY(lt_session_finish(s));
    if (from == to) count = lt_session_whole_slices(s, from, count);
    LT_TRY(lt_recording_begin(g->stream));
    LT_TRY(lt_recording_finish(g->stream, lt_session_slices(s, from, to, count), &made));
    g->recorded[g->n_recorded++] = (lt_session_recorded){ from, to, count, made };
    made = NULL;
    memset(s->seconds, 0, n * sizeof *s->seconds);
    memset(s->flops, 0, n * sizeof *s->flops);
    memset(s->launches, 0, n * sizeof *s->launches);
done:
    lt_recording_destroy(&made);
    return st;
}

lt_stream *lt_session_stream(lt_session *s)
{
    return s->gpu ? s->gpu->stream : NULL;
}

lt_status lt_session_finish(lt_session *s)
{
    return s->gpu ? lt_stream_finish(s->gpu->stream) : LT_OK;
}

lt_status lt_session_read(lt_session *s, const char *name, int64_t first, int64_t n, void *out)
{
    lt_status st = LT_OK;
    lt_tensor t;
    if (!lt_session_tensor(s, name, &t)) LT_FAIL(LT_E_ABSENT, "the network has no value %s", name);
    if (first < 0 || n < 0 || first + n > t.dim[0]) LT_FAIL(LT_E_INTERNAL, "%s has %lld entries", name, (long long)t.dim[0]);
    const size_t entry = (size_t)(lt_tensor_count(&t) / t.dim[0]) * lt_dtype_bytes(t.dtype);
    const char *from = (const char *)t.data + (size_t)first * entry;
    if (!s->gpu) {
        memcpy(out, from, (size_t)n * entry);
        return LT_OK;
    }
    LT_TRY(lt_copy_to_host(s->gpu->stream, out, from, (size_t)n * entry));
    LT_TRY(lt_stream_finish(s->gpu->stream));
done:
    return st;
}

/* ---- profile ---- */

lt_status lt_session_profile(lt_session *s, const lt_session_spans *spans)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    s->spans = spans ? *spans : (lt_session_spans){ NULL, NULL };
    if (!g || g->profile) return LT_OK;
    LT_TRY(lt_event_create(g->device, true, &g->base));
    for (int i = 0; i <= LT_SESSION_SPANS; i++) LT_TRY(lt_event_create(g->device, true, &g->mark[i]));
    LT_TRY(lt_stream_finish(g->stream));
    g->base_seconds = lt_seconds();
    LT_TRY(lt_event_record(g->base, g->stream));
    g->profile = true;
done:
    return st;
}

lt_status lt_session_gpu_count(lt_session *s)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    const int n = g->n_spans;
    double since = 0, taken = 0;
    g->n_spans = 0;
    if (n == 0) return LT_OK;
    LT_TRY(lt_event_wait(g->mark[n], 0, NULL));
    LT_TRY(lt_event_seconds(g->base, g->mark[0], &since));
    /* CUDA gives float milliseconds: from the base on, hours later, no operator's time would be left in them. */
    for (int i = 0; i < n; i++) {
        LT_TRY(lt_event_seconds(g->mark[i], g->mark[i + 1], &taken));
        lt_session_count(s, g->span[i].step, g->span[i].flops, g->base_seconds + since, taken);
        since += taken;
    }
done:
    return st;
}

lt_status lt_session_gpu_spans(lt_session *s)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    if (!g->profile) return LT_OK;
    LT_TRY(lt_session_gpu_count(s));
    LT_TRY(lt_event_record(g->mark[0], g->stream));
done:
    return st;
}

lt_status lt_session_gpu_mark(lt_session *s, int step, double flops)
{
    lt_status st = LT_OK;
    lt_session_gpu *g = s->gpu;
    if (!g->profile) {
        s->flops[step] += flops;
        s->launches[step]++;
        return LT_OK;
    }
    g->span[g->n_spans++] = (lt_session_span){ step, flops };
    LT_TRY(lt_event_record(g->mark[g->n_spans], g->stream));
    if (g->n_spans == LT_SESSION_SPANS) LT_TRY(lt_session_gpu_spans(s));
done:
    return st;
}
