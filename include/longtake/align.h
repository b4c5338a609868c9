/* longtake/align.h -- windows of depth brought to one scale and joined.
 *
 * in    raw maps of windows at network size
 * out   which frames a window reads, its scale and shift, final maps at frame size
 * owns  nothing: buffers are the caller's
 *
 * A window is 32 positions, 22 new frames. Window 0 reads frames 0..31; window k >= 1 reads at position 0 the anchor frame (frame 0),
 * at position 1 frame 22k - 10, at position i frame 22k + i; all clamped to the last frame. Windows overlap their neighbour by ten frames. Each is
 * fitted to the one before by least squares over the anchor and the frame at its position 1, clamped at 0, and blended over positions 3 to 8.
 * Upstream: Video-Depth-Anything@4f5ae23, video_depth_anything/video_depth.py and utils/util.py (compute_scale_and_shift); the sums are f64 here.
 *
 * IEEE arithmetic in a fixed order, no fused multiply-add, no atomics: the same bits on every device and for any number of threads. */
#ifndef LONGTAKE_ALIGN_H
#define LONGTAKE_ALIGN_H

#include <longtake/cpu.h>
#include <longtake/pool.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_WINDOW_FRAMES = 32, LT_WINDOW_STEP = 22, LT_WINDOW_OVERLAP = 10 };

/* Windows of a video: ceil(n_frames / 22). */
int64_t lt_window_count(int64_t n_frames);

/* The frame that each position of window k reads. */
void lt_window_frames(int64_t k, int64_t n_frames, int64_t anchor_frame, int64_t frame[LT_WINDOW_FRAMES]);

/* Which window and position give frame f, and which blend with it. */
typedef struct {
    int64_t window, next;            /* next: the window that blends in, -1: none */
    int     position, next_position;
    float   weight, next_weight;     /* out = weight * A(window, position) + next_weight * A(next, next_position) */
} lt_window_source;
lt_window_source lt_window_of_frame(int64_t f, int64_t n_frames);

/* Positions of window k whose maps anything reads, rising; out [LT_WINDOW_FRAMES]; returns how many. `metric` leaves out what only the fit reads. */
int lt_window_positions(int64_t k, int64_t n_frames, bool metric, int *position);

/* A raw map brought to frame size: bilinear, align_corners, each operation rounded to f32. dst [h,w] from src [net_h,net_w]. */
void lt_depth_resize(lt_isa isa, lt_pool *pool, const float *src, int net_w, int net_h, float *dst, int w, int h);

/* Sums over the pixels of one map pair: prediction c (resized raw) and target r. */
typedef struct {
    double cc, c, cr, r, rr;
    double n;
} lt_fit_sums;

/* f64, over blocks of a fixed number of pixels combined by a fixed tree. */
lt_fit_sums lt_fit_sum(lt_isa isa, lt_pool *pool, const float *c, const float *r, int64_t n);

typedef struct {
    double scale, shift;
    double det;                      /* n sum cc - (sum c)^2 */
    double residual;                 /* root mean square of scale c + shift - r */
    bool   near_singular;            /* the rule of docs/depth-method.md: the fit was replaced by the identity */
} lt_fit;

/* Least squares of the pairs `sums` [n_sums] together (anchor first). det 0, or near-singular by the written rule: scale 1, shift 0. */
lt_fit lt_fit_solve(const lt_fit_sums *sums, int n_sums);

/* dst = max(0, scale * src + shift), two roundings; a NaN stays. Identity (no clamp) where `raw`. */
void lt_depth_apply(lt_isa isa, lt_pool *pool, const float *src, float scale, float shift, bool raw, float *dst, int64_t n);

/* dst = a * wa + b * wb, three roundings. */
void lt_depth_blend(lt_isa isa, lt_pool *pool, const float *a, float wa, const float *b, float wb, float *dst, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
