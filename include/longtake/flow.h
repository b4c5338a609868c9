/* longtake/flow.h -- dense optical flow between two frames, both ways, and what is occluded.
 *
 * in    frames, RGB u8
 * out   flow there and back [H][W][2] f32 (x, y in pixels), occluded [H][W] u8
 * owns  a plan owns its list of buffers; a session owns nothing but itself: the buffers lie in the caller's arena. On CUDA it also owns streams,
 *       recordings and pinned memory of the arena's device, which outlives it
 *
 * A plan is immutable and may be shared; a session has one thread (and spreads work over the caller's pool).
 * A pair's result is a pure function of the two frames, their size and the preset: the same bits at any ISA level, with any
 * number of threads, on a GPU, after any other pairs. The method is told in docs/flow-method.md. */
#ifndef LONGTAKE_FLOW_H
#define LONGTAKE_FLOW_H

#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/device.h>
#include <longtake/pool.h>
#include <longtake/status.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { LT_FLOW_BEST, LT_FLOW_FAST } lt_flow_preset;

typedef struct {
    int            width, height;      /* 1 .. 16384 each */
    lt_flow_preset preset;
    lt_backend     backend;            /* where the arena will be */
} lt_flow_config;

typedef struct lt_flow_plan lt_flow_plan;
typedef struct lt_flow_session lt_flow_session;

/* Lays out every buffer. Pure: touches no device. LT_E_USAGE for a size or preset out of range, LT_E_MEMORY. */
LT_NODISCARD lt_status lt_flow_plan_create(const lt_flow_config *config, lt_flow_plan **out);

/* *plan is NULL afterwards; NULL is accepted. */
void lt_flow_plan_destroy(lt_flow_plan **plan);

/* Bytes of arena that a session needs: all of them, and no more. */
size_t lt_flow_plan_bytes(const lt_flow_plan *plan);

/* Pinned host memory that a session takes beside the arena: frames and results on their way to and from a GPU. 0 on the CPU. */
size_t lt_flow_plan_pinned_bytes(const lt_flow_plan *plan);

/* The buffers with their offsets and lifetimes. Borrowed from the plan. Returns how many. */
int lt_flow_plan_items(const lt_flow_plan *plan, const lt_arena_item **items);

/* Borrows plan, arena (at least the plan's bytes, on the back-end of the plan) and pool (NULL: the caller's thread only), which outlive the session.
 * `isa` is a level that this processor has; on CUDA neither it nor the pool matters. LT_E_MEMORY where the arena is too small, LT_E_DEVICE. */
LT_NODISCARD lt_status lt_flow_session_create(const lt_flow_plan *plan, lt_arena *arena, lt_pool *pool, lt_isa isa,
                                              lt_flow_session **out);

/* *session is NULL afterwards; NULL is accepted. */
void lt_flow_session_destroy(lt_flow_session **session);

/* Brings a frame, rows `stride` bytes apart, into slot 0 or 1; it stays there for any number of pairs. `rgb` is free when this returns; on CUDA the work
 * may still go on, and LT_E_DEVICE may tell of an earlier call. */
LT_NODISCARD lt_status lt_flow_load(lt_flow_session *session, int slot, const uint8_t *rgb, size_t stride);

/* Flow from one loaded slot to the other, back, and occlusion. LT_E_STOPPED, results undefined, soon after *stop is not
 * zero; stop may be NULL. LT_E_DEVICE. */
LT_NODISCARD lt_status lt_flow_pair(lt_flow_session *session, int from_slot, int to_slot, const atomic_int *stop);

/* The same for the flow there only; flow back and occlusion are undefined afterwards. */
LT_NODISCARD lt_status lt_flow_pair_forward(lt_flow_session *session, int from_slot, int to_slot, const atomic_int *stop);

/* Results of the last pair, never NaN or infinity. Borrowed; valid until the next pair. */
const float *lt_flow_forward(const lt_flow_session *session);      /* [H][W][2] on the grid of from_slot */
const float *lt_flow_backward(const lt_flow_session *session);     /* [H][W][2] on the grid of to_slot */
const uint8_t *lt_flow_occluded(const lt_flow_session *session);   /* [H][W] on the grid of from_slot: 1 hidden or outside */

#endif
