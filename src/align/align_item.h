/* align/align_item.h -- the inner loops of align.c, compiled once per ISA level. Private to src/align.
 *
 * Every operation is one IEEE operation in an order fixed here; no level fuses a multiply-add. So all levels give the same bits. */
#ifndef LONGTAKE_ALIGN_ITEM_H
#define LONGTAKE_ALIGN_ITEM_H

#include <longtake/align.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_FIT_BLOCKS = 256, LT_FIT_LANES = 8, LT_ALIGN_ROWS = 16, LT_ALIGN_COLUMNS = 512, LT_ALIGN_RUN = 1 << 14 };

typedef struct {
    const float *src;
    float       *dst;
    int          src_w, src_h, w, h;
} lt_resize_job;

/* sum [LT_FIT_BLOCKS]: block i is pixels i * block .. of both maps. */
typedef struct {
    const float *c, *r;
    int64_t      n, block;
    lt_fit_sums *sum;
} lt_fit_job;

typedef struct {
    const float *a, *b;
    float       *dst;
    float        scale, shift;       /* or the two weights */
    int64_t      n;
} lt_map_job;

/* Items y0 <= . < y1: bands of rows, blocks, runs of pixels. */
void lt_align_resize(lt_isa isa, const lt_resize_job *a, int y0, int y1);
void lt_align_sum(lt_isa isa, const lt_fit_job *a, int y0, int y1);
void lt_align_apply(lt_isa isa, const lt_map_job *a, int y0, int y1);
void lt_align_blend(lt_isa isa, const lt_map_job *a, int y0, int y1);

#ifdef __cplusplus
}
#endif
#endif
