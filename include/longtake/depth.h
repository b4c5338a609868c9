/* longtake/depth.h -- the network of the task `depth`: frames in, raw depth of a window out.
 *
 * in    frames, RGB or the planes of a decoder on the GPU, or prepared ones [H,W,3] f32 (longtake/frames.h), up to 32 of a window
 * out   maps [H,W] f32 at network size: inverse depth up to scale and shift, or metres
 * owns  a plan its graph and layout; a session its state: weights, features and buffers lie in the caller's arena
 *
 * Features of a frame are encoded once into a slot and used by every window that reads the frame. A frame's features and a window's
 * maps are pure functions of their inputs: the same bits in any micro-batch, tile, band or number of threads.
 * On a GPU calls put work on its streams and return; the frame of the next call is uploaded, and the maps of the last window are downloaded, while
 * it computes. There, and only there, the next window's frames may be encoded between lt_depth_window_begin and lt_depth_window_end: they queue up behind.
 *
 * A plan is immutable and may be shared; a session has one thread (and spreads work over the caller's pool). */
#ifndef LONGTAKE_DEPTH_H
#define LONGTAKE_DEPTH_H

#include <longtake/arena.h>
#include <longtake/atomic.h>
#include <longtake/frames.h>
#include <longtake/graph.h>
#include <longtake/kernel.h>
#include <longtake/pool.h>
#include <longtake/status.h>
#include <longtake/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_DEPTH_WINDOW = 32 };

/* Where nothing else is said. Four frames keep two and more cores busy to the end of each operator; a tile and a band of these sizes keep what is between
 * two operators in the caches of a CPU. A GPU hides nothing in caches of this size, and wants whole maps to fill it. None changes a bit. */
enum { LT_DEPTH_BATCH = 4, LT_DEPTH_TILE = 64, LT_DEPTH_BAND = 56 };

typedef struct {
    const char *model;           /* "vda-vits", "vda-vitb", "vda-vitl" */
    int         width, height;   /* of the network's input, multiples of 14 */
    int         frames;          /* of a window, 1 .. 32 */
    int         slots;           /* features held, at least `frames` */
    int         frame_width, frame_height;       /* of the frames given by lt_depth_frame; 0: they come prepared */
    bool        planes;          /* or by lt_depth_planes */
    lt_dtype    precision;       /* LT_F32, LT_BF16, LT_F16 */
    int         micro_batch;     /* frames encoded and decoded at once; 0: as the plan finds best */
    int         tile;            /* pixels of a motion tile; 0: as the plan finds best */
    int         band;            /* rows of output of a band of the tail; 0: as the plan finds best */
    bool        probes;          /* keep named intermediate values */
    bool        stream;          /* weights are brought layer by layer */
    const char *scratch;         /* directory of the file that a CPU brings them from; NULL: that of TMPDIR. Borrowed, not copied */
    lt_machine  machine;
} lt_depth_config;

typedef struct lt_depth_plan lt_depth_plan;
typedef struct lt_depth_session lt_depth_session;

/* Builds and lays out the network; touches no device and no weights. LT_E_USAGE for a model or size that does not exist. */
LT_NODISCARD lt_status lt_depth_plan_create(const lt_depth_config *config, lt_depth_plan **out);

/* *plan is NULL afterwards; NULL is accepted. */
void lt_depth_plan_destroy(lt_depth_plan **plan);

/* Bytes of arena that a session needs: weights, frame ring and all. */
size_t lt_depth_plan_bytes(const lt_depth_plan *plan);

/* Of them, the weights as they are held (lt_plan_weight_bytes); the ring of frames (0 on the CPU). */
size_t lt_depth_plan_weight_bytes(const lt_depth_plan *plan);
size_t lt_depth_plan_ring_bytes(const lt_depth_plan *plan);

/* Bytes of host memory that a session takes beside: tables, pinned buffers. */
size_t lt_depth_plan_host_bytes(const lt_depth_plan *plan);

/* Frames that lt_depth_encode takes at once: the micro-batch. */
int lt_depth_plan_batch(const lt_depth_plan *plan);

/* The plan of its graph, for figures. Borrowed. */
const lt_plan *lt_depth_plan_graph(const lt_depth_plan *plan);

/* Reads and packs the weights into the arena. Borrows plan, arena (at least the plan's bytes) and pool. LT_E_DATA where the weights
 * do not fit the model. */
LT_NODISCARD lt_status lt_depth_session_create(const lt_depth_plan *plan, lt_weights *weights, lt_arena *arena, lt_pool *pool,
                                               lt_depth_session **out);

/* *session is NULL afterwards; NULL is accepted. */
void lt_depth_session_destroy(lt_depth_session **session);

/* The session of its graph, for probes and figures. Borrowed. */
lt_session *lt_depth_session_graph(lt_depth_session *session);

/* Where prepared frame i of the next lt_depth_encode goes, 0 <= i < lt_depth_plan_batch(): [H,W,3] f32, dense, host memory. Void after any other
 * call. On a GPU it waits until the last one there is uploaded. */
float *lt_depth_input(lt_depth_session *session, int i);

/* Makes frame i of the next lt_depth_encode from RGB [frame_height,frame_width,3], rows `stride` bytes apart, copied or done when it returns. */
LT_NODISCARD lt_status lt_depth_frame(lt_depth_session *session, int i, const uint8_t *rgb, size_t stride);

/* The same from planes in the memory of the GPU. */
LT_NODISCARD lt_status lt_depth_planes(lt_depth_session *session, int i, const lt_nv12 *planes);

/* Encodes the first n prepared frames, frame i into slot[i], each another one. LT_E_STOPPED soon after *stop is not zero; stop may be NULL. */
LT_NODISCARD lt_status lt_depth_encode(lt_depth_session *session, int n, const int32_t *slot, const lt_atomic_int *stop);

/* Begins the window whose position p reads slot[p], p < frames: maps of the n rising positions `position`; each is ended before the next begins.
 * *maps is [n,H,W] f32, borrowed until the next window begins. The values are as the network gives them, and may be NaN. Only on a GPU does anything
 * happen between the two calls; lt_depth_window_end() returns LT_E_STOPPED where it would have to wait and *stop is not 0. */
LT_NODISCARD lt_status lt_depth_window_begin(lt_depth_session *session, const int32_t *slot, const int *position, int n, const lt_atomic_int *stop);
LT_NODISCARD lt_status lt_depth_window_end(lt_depth_session *session, const float **maps, const lt_atomic_int *stop);

/* Both. */
LT_NODISCARD lt_status lt_depth_window(lt_depth_session *session, const int32_t *slot, const int *position, int n, const float **maps,
                                       const lt_atomic_int *stop);

#ifdef __cplusplus
}
#endif
#endif
