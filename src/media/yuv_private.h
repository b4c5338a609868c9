/* media/yuv_private.h -- what the two halves of longtake/yuv.h share: its arithmetic, which knows no libav, and its check. Private to src/media. */
#ifndef LT_YUV_PRIVATE_H
#define LT_YUV_PRIVATE_H

#include <longtake/yuv.h>

/* lt_yuv_create without the check. */
LT_NODISCARD lt_status lt_yuv_tables(int width, int height, lt_yuv **out);

/* Of libswscale's four numbers of a matrix (sws_getCoefficients). */
lt_yuv_matrix lt_yuv_matrix_of(const int *table, bool full_range);

#endif
