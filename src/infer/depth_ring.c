#include "depth_ring.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t  *pinned, *device;
    lt_event *uploaded, *prepared;
} place;

struct lt_depth_ring {
    lt_device         *device;
    lt_stream         *upload, *compute;
    lt_prepare_device *prepare;
    void              *pinned;
    size_t             row;                  /* bytes of a row of RGB */
    int                width, height, n, next;
    place             *places;               /* [n] */
};

/* Two batches: one that waits for the device, one that is being filled. */
static int places_of(int batch)
{
    return 2 * batch;
}

/* RGB is larger than planes. */
static size_t frame_bytes(const lt_depth_config *c)
{
    return lt_arena_padded((size_t)c->frame_width * 3 * (size_t)c->frame_height);
}

size_t lt_depth_ring_bytes(const lt_depth_config *c, int batch)
{
    if (c->frame_width == 0) return 0;
    return (size_t)places_of(batch) * frame_bytes(c) + lt_arena_padded(lt_prepare_device_bytes(c->frame_width, c->frame_height, c->width, c->height, c->planes));
}

size_t lt_depth_ring_pinned(const lt_depth_config *c, int batch)
{
    return c->frame_width == 0 ? 0 : (size_t)places_of(batch) * frame_bytes(c);
}

static lt_status make_places(lt_depth_ring *r, const lt_depth_config *c, uint8_t *device)
{
    lt_status st = LT_OK;
    r->places = calloc((size_t)r->n, sizeof *r->places);
    if (!r->places) LT_FAIL(LT_E_MEMORY, "no memory for a ring of frames");
    LT_TRY(lt_pinned_create(r->device, (size_t)r->n * frame_bytes(c), &r->pinned));
    for (int i = 0; i < r->n; i++) {
        place *p = &r->places[i];
        p->pinned = (uint8_t *)r->pinned + (size_t)i * frame_bytes(c);
        p->device = device + (size_t)i * frame_bytes(c);
        LT_TRY(lt_event_create(r->device, false, &p->uploaded));
        LT_TRY(lt_event_create(r->device, false, &p->prepared));
    }
done:
    return st;
}

lt_status lt_depth_ring_create(const lt_depth_config *c, int batch, lt_device *device, void *memory, lt_stream *compute, lt_depth_ring **out)
{
    lt_status st = LT_OK;
    lt_prepare *prepare = NULL;
    lt_yuv *yuv = NULL;
    lt_depth_ring *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory for a ring of frames");
    r->device = device;
    r->compute = compute;
    r->width = c->frame_width;
    r->height = c->frame_height;
    r->row = (size_t)c->frame_width * 3;
    r->n = places_of(batch);
    LT_TRY(lt_stream_create(device, "upload", &r->upload));
    LT_TRY(make_places(r, c, memory));
    LT_TRY(lt_prepare_create(c->frame_width, c->frame_height, c->width, c->height, &prepare));
    if (c->planes) LT_TRY(lt_yuv_create(c->frame_width, c->frame_height, &yuv));
    LT_TRY(lt_prepare_device_create(prepare, yuv, (uint8_t *)memory + (size_t)r->n * frame_bytes(c), compute, &r->prepare));
    *out = r;
    r = NULL;
done:
    lt_yuv_destroy(&yuv);
    lt_prepare_destroy(&prepare);
    lt_depth_ring_destroy(&r);
    return st;
}

/* RGB to the place; what the device prepares from. */
static lt_status upload_rgb(lt_depth_ring *r, place *p, const uint8_t *rgb, size_t stride, lt_prepare_source *source)
{
    for (int y = 0; y < r->height; y++) memcpy(p->pinned + (size_t)y * r->row, rgb + (size_t)y * stride, r->row);
    *source = (lt_prepare_source){ .rgb = p->device, .stride = r->row };
    return lt_copy_to_device(r->upload, p->device, p->pinned, r->row * (size_t)r->height);
}

/* The planes to the place, so that the decoder has its surface back at once. */
static lt_status copy_planes(lt_depth_ring *r, place *p, const lt_nv12 *planes, lt_prepare_source *source)
{
    lt_status st = LT_OK;
    const size_t w = (size_t)r->width, h = (size_t)r->height, pairs = (w + 1) / 2 * 2, rows = (h + 1) / 2;
    uint8_t *chroma = p->device + w * h;
    LT_TRY(lt_copy_rows_to_device(r->upload, p->device, w, planes->luma, planes->luma_stride, w, h));
    LT_TRY(lt_copy_rows_to_device(r->upload, chroma, pairs, planes->chroma, planes->chroma_stride, pairs, rows));
    *source = (lt_prepare_source){ .planes = { p->device, chroma, w, pairs, planes->matrix } };
done:
    return st;
}

lt_status lt_depth_ring_put(lt_depth_ring *r, const uint8_t *rgb, size_t stride, const lt_nv12 *planes, float *out)
{
    lt_status st = LT_OK;
    place *p = &r->places[r->next];
    lt_prepare_source source;
    r->next = (r->next + 1) % r->n;
    /* The pinned memory was read by the last upload, the device's by the last preparation. */
    LT_TRY(lt_event_wait(p->uploaded, 0, NULL));
    LT_TRY(lt_stream_wait(r->upload, p->prepared));
    LT_TRY(rgb ? upload_rgb(r, p, rgb, stride, &source) : copy_planes(r, p, planes, &source));
    LT_TRY(lt_event_record(p->uploaded, r->upload));
    LT_TRY(lt_stream_wait(r->compute, p->uploaded));
    LT_TRY(lt_prepare_device_run(r->prepare, r->compute, &source, out));
    LT_TRY(lt_event_record(p->prepared, r->compute));
    if (!rgb) LT_TRY(lt_event_wait(p->uploaded, 0, NULL));
done:
    return st;
}

void lt_depth_ring_destroy(lt_depth_ring **ring)
{
    lt_depth_ring *r = *ring;
    if (!r) return;
    lt_stream_settle(r->upload);
    lt_prepare_device_destroy(&r->prepare);
    for (int i = 0; r->places && i < r->n; i++) {
        lt_event_destroy(&r->places[i].uploaded);
        lt_event_destroy(&r->places[i].prepared);
    }
    free(r->places);
    lt_pinned_destroy(r->device, &r->pinned);
    lt_stream_destroy(&r->upload);
    free(r);
    *ring = NULL;
}
