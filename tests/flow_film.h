/* flow_film.h -- sessions of optical flow on a made-up film, on either back-end, to compare their bits.
 *
 * in    a back-end, a size, a preset
 * out   results of four pairs, copied
 * owns  nothing; an engine is stopped, results are dropped by the caller */
#ifndef LT_TESTS_FLOW_FILM_H
#define LT_TESTS_FLOW_FILM_H

#include <longtake/arena.h>
#include <longtake/device.h>
#include <longtake/flow.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 3, MARGIN = 7 };       /* bytes between the rows of a frame */

typedef struct {
    lt_flow_plan    *plan;
    lt_device       *device;
    lt_arena        *arena;
    lt_flow_session *flow;
} engine;

typedef struct {
    float   *forward, *backward;
    uint8_t *occluded;
} result;

static size_t stride(int width)
{
    return 3 * (size_t)width + MARGIN;
}

/* A texture that moves by a few pixels a frame, so that levels, warps and occlusion have work. */
static uint8_t *frame(int width, int height, int t)
{
    uint8_t *rgb = malloc(stride(width) * (size_t)height);
    assert_non_null(rgb);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < 3 * width + MARGIN; i++) {
            const double x = i / 3 - 2.3 * t, z = y + 1.1 * t, c = i % 3;
            rgb[(size_t)y * stride(width) + (size_t)i] = (uint8_t)(127 + 60 * sin(x / (3 + c)) + 50 * cos(z / 4 + x / 11 + c));
        }
    return rgb;
}

static lt_status start(engine *e, lt_backend backend, lt_pool *pool, int width, int height, lt_flow_preset preset)
{
    lt_status st = LT_OK;
    const lt_flow_config config = { width, height, preset, backend };
    *e = (engine){ 0 };
    LT_TRY(lt_flow_plan_create(&config, &e->plan));
    LT_TRY(lt_device_open(backend, 0, &e->device));
    LT_TRY(lt_arena_create_on(e->device, lt_flow_plan_bytes(e->plan), &e->arena));
    LT_TRY(lt_flow_session_create(e->plan, e->arena, pool, lt_cpu_isa(), &e->flow));
done:
    return st;
}

static void stop(engine *e)
{
    lt_flow_session_destroy(&e->flow);
    lt_arena_destroy(&e->arena);
    lt_device_close(&e->device);
    lt_flow_plan_destroy(&e->plan);
}

static void *copy_of(const void *p, size_t n)
{
    void *to = malloc(n);
    assert_non_null(to);
    return memcpy(to, p, n);
}

static result results(const lt_flow_session *f, size_t pixels)
{
    return (result){ copy_of(lt_flow_forward(f), 8 * pixels), copy_of(lt_flow_backward(f), 8 * pixels), copy_of(lt_flow_occluded(f), pixels) };
}

static void drop(result *r)
{
    free(r->forward);
    free(r->backward);
    free(r->occluded);
}

/* The frames one after the other, as the task does, then flow there alone, then a slot overwritten. `out` [4]. */
static void film(engine *e, uint8_t *const frames[FRAMES], int width, int height, result *out)
{
    const size_t pixels = (size_t)width * (size_t)height;
    assert_ok(lt_flow_load(e->flow, 0, frames[0], stride(width)));
    assert_ok(lt_flow_load(e->flow, 1, frames[1], stride(width)));
    assert_ok(lt_flow_pair(e->flow, 0, 1, NULL));
    out[0] = results(e->flow, pixels);
    assert_ok(lt_flow_load(e->flow, 0, frames[2], stride(width)));
    assert_ok(lt_flow_pair(e->flow, 1, 0, NULL));
    out[1] = results(e->flow, pixels);
    assert_ok(lt_flow_pair_forward(e->flow, 0, 1, NULL));
    out[2] = (result){ copy_of(lt_flow_forward(e->flow), 8 * pixels), NULL, NULL };
    assert_ok(lt_flow_load(e->flow, 1, frames[1], stride(width)));
    assert_ok(lt_flow_load(e->flow, 0, frames[1], stride(width)));
    assert_ok(lt_flow_load(e->flow, 0, frames[0], stride(width)));
    assert_ok(lt_flow_pair(e->flow, 0, 1, NULL));
    out[3] = results(e->flow, pixels);
}

static void compare(const result *want, const result *got, size_t pixels)
{
    for (int k = 0; k < 4; k++) {
        assert_memory_equal(want[k].forward, got[k].forward, 8 * pixels);
        if (!want[k].backward) continue;
        assert_memory_equal(want[k].backward, got[k].backward, 8 * pixels);
        assert_memory_equal(want[k].occluded, got[k].occluded, pixels);
    }
}

#endif
