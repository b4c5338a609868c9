/* longtake/yuv.h -- decoded pictures of 4:2:0, 8 bits, and the integers by which they become RGB.
 *
 * in    the size of a picture, its matrix and range
 * out   tables and coefficients of libswscale's conversion with this program's flags (docs/media.md), for whoever does it elsewhere
 * owns  a lt_yuv its tables
 *
 * One pixel x,y, all in integers, >> rounding down:
 *     across[k] = min((sum over i of chroma[down.at[k]][column.at[i]] * column.weight[i]) >> 7, 32767)      for U and for V, column of x
 *     u, v      = ((sum over k of across[k] * down.weight[k]) + 512 - (128 << 19)) >> 10                    down: row of y
 *     l         = ((luma << 9) - y_offset) * y + (1 << 21)
 *     r, g, b   = l + v * rv,  l + v * gv + u * gu,  l + u * bu     modulo 2^32, as a signed number clipped to 0 .. 2^30 - 1, then >> 22
 * So a colour far outside the cube may wrap round, as it does in libswscale. */
#ifndef LONGTAKE_YUV_H
#define LONGTAKE_YUV_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Four places of the chroma plane, within it, and their weights: of 2^14 across, of 2^12 down. */
typedef struct {
    int32_t at[4];
    int32_t weight[4];
} lt_yuv_taps;

/* Coefficients of 2^13, of values of 2^9. */
typedef struct {
    int32_t y_offset, y, rv, gv, gu, bu;
} lt_yuv_matrix;

/* A picture: planes in the memory of whoever hands it out. Chroma is U, V interleaved, (width + 1) / 2 pairs of (height + 1) / 2 rows. */
typedef struct {
    const uint8_t *luma, *chroma;
    size_t         luma_stride, chroma_stride;     /* bytes from row to row */
    lt_yuv_matrix  matrix;
} lt_nv12;

typedef struct lt_yuv lt_yuv;

enum { LT_YUV_LEAST = 16 };              /* pixels of a side */

/* Tables for pictures of width x height, at least LT_YUV_LEAST each. LT_E_DEVICE where this libswscale converts otherwise than by them, which is
 * tried on pictures of noise; LT_E_MEMORY. *out is NULL then. */
LT_NODISCARD lt_status lt_yuv_create(int width, int height, lt_yuv **out);

/* *yuv is NULL afterwards; NULL is accepted. */
void lt_yuv_destroy(lt_yuv **yuv);

/* [width], [height]; borrowed. */
const lt_yuv_taps *lt_yuv_columns(const lt_yuv *yuv);
const lt_yuv_taps *lt_yuv_rows(const lt_yuv *yuv);

/* The conversion, in host memory, into rgb [height,width,3]: the definition of what a device does. */
void lt_yuv_run(const lt_yuv *yuv, const lt_nv12 *picture, uint8_t *rgb, size_t stride);

#ifdef __cplusplus
}
#endif
#endif
