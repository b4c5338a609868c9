/* models/parts/positions.h -- position embeddings of DINOv2 for another grid.
 *
 * in    the checkpoint's table: a class entry and a square grid
 * out   a class entry and a grid of another size
 * owns  nothing */
#ifndef LONGTAKE_MODELS_PARTS_POSITIONS_H
#define LONGTAKE_MODELS_PARTS_POSITIONS_H

#include <longtake/status.h>

typedef struct {
    int table;                   /* side of the stored grid */
    int h, w;                    /* wanted */
    int dim;
} lt_positions;

/* Bicubic (a = -0.75, not antialiased, indices clamped) at the scale (n + 0.1) / table, which is not the ratio of the sizes: source
 * (d + 0.5) table / (n + 0.1) - 0.5. The stored grid's own size is taken as it is. In double, rounded once. weight [1 + table^2, dim], out
 * [1 + h w, dim]. Upstream: Video-Depth-Anything@4f5ae23, video_depth_anything/dinov2.py:179-212 (interpolate_pos_encoding). */
LT_NODISCARD lt_status lt_positions_resample(const void *at, const float *weight, float *out);

#endif
