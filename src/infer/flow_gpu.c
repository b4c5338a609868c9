#include "infer/flow_gpu.h"

#include <stdlib.h>
#include <string.h>

struct lt_flow_gpu {
    lt_device      *device;
    lt_stream      *compute, *down;
    size_t          row, n_rows, pixels;       /* bytes of a row of a frame; rows; pixels */
    void           *frame[2];                  /* pinned, taken in turn */
    lt_event       *sent[2];                   /* the frame that lay there is on the device */
    int             next;
    lt_event       *there, *back, *done;       /* computed, computed, all downloaded */
    lt_flow_results pinned;
    lt_recording   *half[2][2];                /* of the pair, by the slot it starts from */
};

size_t lt_flow_gpu_pinned(int width, int height)
{
    const size_t pixels = (size_t)width * (size_t)height;
    return pixels * (2 * 3 + 2 * 2 * sizeof(float) + 1);
}

static lt_status pinned(lt_flow_gpu *g)
{
    lt_status st = LT_OK;
    void *p[3] = { NULL };
    for (int k = 0; k < 2; k++) LT_TRY(lt_pinned_create(g->device, g->row * g->n_rows, &g->frame[k]));
    LT_TRY(lt_pinned_create(g->device, g->pixels * 2 * sizeof(float), &p[0]));
    g->pinned.forward = p[0];
    LT_TRY(lt_pinned_create(g->device, g->pixels * 2 * sizeof(float), &p[1]));
    g->pinned.backward = p[1];
    LT_TRY(lt_pinned_create(g->device, g->pixels, &p[2]));
    g->pinned.occluded = p[2];
done:
    return st;
}

lt_status lt_flow_gpu_create(lt_device *d, int width, int height, lt_flow_gpu **out)
{
    lt_status st = LT_OK;
    lt_flow_gpu *g = calloc(1, sizeof *g);
    *out = NULL;
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a session of optical flow");
    g->device = d;
    g->row = 3 * (size_t)width;
    g->n_rows = (size_t)height;
    g->pixels = (size_t)width * (size_t)height;
    LT_TRY(lt_stream_create(d, "flow", &g->compute));
    LT_TRY(lt_stream_create(d, "flow download", &g->down));
    for (int k = 0; k < 2; k++) LT_TRY(lt_event_create(d, false, &g->sent[k]));
    LT_TRY(lt_event_create(d, false, &g->there));
    LT_TRY(lt_event_create(d, false, &g->back));
    LT_TRY(lt_event_create(d, false, &g->done));
    LT_TRY(pinned(g));
    *out = g;
    g = NULL;
done:
    lt_flow_gpu_destroy(&g);
    return st;
}

static void unpin(lt_flow_gpu *g, void *memory)
{
    if (memory) lt_pinned_destroy(g->device, &memory);
}

void lt_flow_gpu_destroy(lt_flow_gpu **gpu)
{
    lt_flow_gpu *g = *gpu;
    if (!g) return;
    lt_stream_settle(g->compute);
    lt_stream_settle(g->down);
    for (int k = 0; k < 2; k++)
        for (int from = 0; from < 2; from++) lt_recording_destroy(&g->half[k][from]);
    unpin(g, g->pinned.forward);
    unpin(g, g->pinned.backward);
    unpin(g, g->pinned.occluded);
    for (int k = 0; k < 2; k++) {
        unpin(g, g->frame[k]);
        lt_event_destroy(&g->sent[k]);
    }
    lt_event_destroy(&g->there);
    lt_event_destroy(&g->back);
    lt_event_destroy(&g->done);
    lt_stream_destroy(&g->down);
    lt_stream_destroy(&g->compute);
    free(g);
    *gpu = NULL;
}

lt_stream *lt_flow_gpu_stream(const lt_flow_gpu *g)
{
    return g->compute;
}

const lt_flow_results *lt_flow_gpu_results(const lt_flow_gpu *g)
{
    return &g->pinned;
}

lt_status lt_flow_gpu_record(lt_flow_gpu *g, lt_flow_half half, int from, lt_status (*put)(void *ctx), void *ctx)
{
    lt_status st = LT_OK;
    LT_TRY(lt_recording_begin(g->compute));
    LT_TRY(lt_recording_finish(g->compute, put(ctx), &g->half[half][from]));
done:
    return st;
}

lt_status lt_flow_gpu_upload(lt_flow_gpu *g, const uint8_t *frame, size_t stride, uint8_t *rgb)
{
    lt_status st = LT_OK;
    const int k = g->next;
    uint8_t *to = g->frame[k];
    LT_TRY(lt_device_use(g->device));
    LT_TRY(lt_event_wait(g->sent[k], 0, NULL));
    for (size_t y = 0; y < g->n_rows; y++) memcpy(to + y * g->row, frame + y * stride, g->row);
    LT_TRY(lt_copy_to_device(g->compute, rgb, to, g->row * g->n_rows));
    LT_TRY(lt_event_record(g->sent[k], g->compute));
    g->next = !k;
done:
    return st;
}

/* What a pair that was left early still brings down is overwritten by this one's results, which come down after it. */
lt_status lt_flow_gpu_pair(lt_flow_gpu *g, int from, const lt_flow_results *at, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    LT_TRY(lt_device_use(g->device));
    LT_TRY(lt_recording_run(g->half[LT_FLOW_GO][from], g->compute));
    LT_TRY(lt_event_record(g->there, g->compute));
    LT_TRY(lt_stream_wait(g->down, g->there));
    LT_TRY(lt_copy_to_host(g->down, g->pinned.forward, at->forward, g->pixels * 2 * sizeof(float)));
    if (at->backward) {
        LT_TRY(lt_recording_run(g->half[LT_FLOW_RETURN][from], g->compute));
        LT_TRY(lt_event_record(g->back, g->compute));
        LT_TRY(lt_stream_wait(g->down, g->back));
        LT_TRY(lt_copy_to_host(g->down, g->pinned.backward, at->backward, g->pixels * 2 * sizeof(float)));
        LT_TRY(lt_copy_to_host(g->down, g->pinned.occluded, at->occluded, g->pixels));
    }
    LT_TRY(lt_event_record(g->done, g->down));
    LT_TRY(lt_event_wait(g->done, 0, stop));
done:
    return st;
}
