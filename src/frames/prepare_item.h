/* frames/prepare_item.h -- the inner loops of prepare.c, compiled once per ISA level. Private to src/frames. */
#ifndef LONGTAKE_FRAMES_ITEM_H
#define LONGTAKE_FRAMES_ITEM_H

#include <longtake/frames.h>

enum { LT_PREPARE_ROWS = 8 };

typedef struct {
    int            width, height, net_width, net_height;
    const float   *unit;                     /* [256] u8 / 255 */
    const int32_t *column[4];                /* [net_width * 3] values of a source row that a value of an output row is made from */
    const float   *column_weight[4];         /* [net_width * 3] */
    const int32_t *row[4];                   /* [net_height] */
    const float   *row_weight[4];            /* [net_height] */
    const uint8_t *rgb;
    size_t         stride;
    float         *across;                   /* [height, net_width, 3] source rows, resampled across */
    float         *out;
} lt_prepare_job;

/* Source rows, then output rows, LT_PREPARE_ROWS an item, items y0 <= . < y1. */
void lt_prepare_across(lt_isa isa, const lt_prepare_job *a, int y0, int y1);
void lt_prepare_down(lt_isa isa, const lt_prepare_job *a, int y0, int y1);

#endif
