/* frames/prepare_item.h -- the inner loops of prepare.c, compiled once per ISA level. Private to src/frames.
 *
 * Every operation is one IEEE operation in an order fixed here; no level fuses a multiply-add. So all levels give the same bits:
 *     x = u8 / 255                                                         f32
 *     across = ((x0 w0 + x1 w1) + x2 w2) + x3 w3      along the row        f32, each operation rounded
 *     y = ((a0 w0 + a1 w1) + a2 w2) + a3 w3           across, down         f32, each operation rounded
 *     out = (y - mean) / deviation                                         f64, then rounded to f32
 * Frames of the network's size go from x to out. */
#ifndef LONGTAKE_FRAMES_ITEM_H
#define LONGTAKE_FRAMES_ITEM_H

#include <longtake/frames.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_PREPARE_ROWS = 8, LT_PREPARE_SPAN = 1024 };

/* Four source places of an output column or row, clamped to the frame, and their weights. */
typedef struct {
    int32_t at[4];
    float   weight[4];
} lt_prepare_taps;

typedef struct {
    int                    width, height, net_width, net_height;
    int                    tile;             /* so many output columns read at most LT_PREPARE_SPAN source columns */
    const lt_prepare_taps *column;           /* [net_width] */
    const lt_prepare_taps *row;              /* [net_height]; NULL: the sizes agree */
    const uint8_t         *rgb;
    size_t                 stride;
    float                 *across;           /* [height, net_width, 3] source rows, resampled across */
    float                 *out;
} lt_prepare_job;

/* The tables and sizes of a lt_prepare, which keeps them; for the device that copies them. */
const lt_prepare_job *lt_prepare_tables(const lt_prepare *p);

/* Where lt_prepare_device keeps what, bytes from the start of its memory. Absent parts are 0 long. */
typedef struct {
    size_t column, row;                      /* as in lt_prepare_job */
    size_t yuv_column, yuv_row;              /* as in lt_colour_job */
    size_t n_bytes;
} lt_prepare_places;
lt_prepare_places lt_prepare_device_places(int width, int height, int net_width, int net_height, bool planes);

/* Source rows, then output rows, LT_PREPARE_ROWS an item, items y0 <= . < y1. */
void lt_prepare_across(lt_isa isa, const lt_prepare_job *a, int y0, int y1);
void lt_prepare_down(lt_isa isa, const lt_prepare_job *a, int y0, int y1);

#ifdef __cplusplus
}
#endif
#endif
