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

/* Windows of a video: ceil(n_frames / 22). Of the last one no frame may come (n_frames mod 22 is 1, 2 or 3): only its scale and shift are new. */
int64_t lt_window_count(int64_t n_frames);

/* The frame that each position of window k reads; at position 0 of window k >= 1 it is anchor_frame. Frames from 0. */
void lt_window_frames(int64_t k, int64_t n_frames, int64_t anchor_frame, int64_t frame[LT_WINDOW_FRAMES]);

/* Which window and position give frame f, and which blend with it. */
typedef struct {
    int64_t window, next;            /* next: the window that blends in, -1: none */
    int     position, next_position;
    float   weight, next_weight;     /* out = weight * A(window, position) + next_weight * A(next, next_position); 1 and 0 where next is -1 */
} lt_window_source;
lt_window_source lt_window_of_frame(int64_t f, int64_t n_frames);

/* Positions of window k whose maps anything reads, rising; out [LT_WINDOW_FRAMES]; returns how many. `metric` leaves out what only the fit reads; that may
 * leave 0 of the last window, which then need not be run. An anchor other than frame 0 is read by every fit at its own position of the window that
 * holds it too: the caller, who alone knows which frame could be read, adds that one. */
int lt_window_positions(int64_t k, int64_t n_frames, bool metric, int *position);

/* A raw map brought to frame size: bilinear, align_corners, each operation rounded to f32 (the formula: src/kernels/resize/resize.h). dst [h,w] from
 * src [net_h,net_w]; they must not overlap. All sizes at least 1. */
void lt_depth_resize(lt_isa isa, lt_pool *pool, const float *src, int net_w, int net_h, float *dst, int w, int h);

/* Sums over the pixels of one map pair: prediction c (resized raw) and target r. */
typedef struct {
    double cc, c, cr, r, rr;
    double n;
} lt_fit_sums;

/* f64 sums over n >= 1 pixels, in this order. The pixels are cut into 256 blocks of B, B = ceil(n / 256) rounded up to a multiple of 8 (the last
 * ones may be short or empty); within a block pixel i is added to lane i mod 8, rising; lanes are joined as
 * ((0+4)+(2+6))+((1+5)+(3+7)), blocks by a binary tree: i and i+1, then i and i+2, ... Products are exact. */
lt_fit_sums lt_fit_sum(lt_isa isa, lt_pool *pool, const float *c, const float *r, int64_t n);

typedef struct {
    double scale, shift;
    double det;                      /* n sum cc - (sum c)^2 */
    double residual;                 /* root mean square of scale c + shift - r */
    bool   near_singular;            /* the rule of docs/depth-method.md: the fit was replaced by the identity */
} lt_fit;

/* Least squares of the pairs `sums` [n_sums >= 1] together, added in order (anchor first). A det of 0, near-singular by the written rule, or sums that are not
 * finite: scale 1, shift 0. A scale of 0 or less is kept as it comes. */
lt_fit lt_fit_solve(const lt_fit_sums *sums, int n_sums);

/* dst = max(0, scale * src + shift), two roundings; a NaN stays, zeros are +0. Identity (no clamp) where `raw`. dst may be src. */
void lt_depth_apply(lt_isa isa, lt_pool *pool, const float *src, float scale, float shift, bool raw, float *dst, int64_t n);

/* dst = a * wa + b * wb, three roundings. dst may be a or b. */
void lt_depth_blend(lt_isa isa, lt_pool *pool, const float *a, float wa, const float *b, float wb, float *dst, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
