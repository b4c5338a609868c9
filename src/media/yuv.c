#include "yuv_private.h"

#include <stdlib.h>
#include <string.h>

struct lt_yuv {
    int         width, height;
    lt_yuv_taps taps[];                  /* [width] columns, then [height] rows */
};

/* What libswscale does with 4:2:0 that keeps its size, given LT_SCALE_FLAGS; its weights are of 2^54 until they are normalised.
 * Upstream: ffmpeg@n5.1, libswscale/utils.c (initFilter), libswscale/output.c (yuv2rgb_full_X_c_template), libswscale/yuv2rgb.c
 * (ff_yuv2rgb_c_init_tables). */
enum { PLACES = 5 };                     /* of the cubic, of which four stay; below LT_YUV_LEAST pixels it takes fewer */
static const double NEGLIGIBLE = 0.002 * (double)(1LL << 54);

typedef struct {
    int64_t first;                       /* place of w[0]; may lie outside the plane */
    int64_t w[PLACES];
} places;

/* The cubic of Mitchell and Netravali with B = 0 and C = 0.6, at a distance of d / 2^30. */
static int64_t cubic(int64_t d)
{
    const int64_t one = 1 << 24, c = (int64_t)(0.6 * (1 << 24)), dd = (d * d) >> 30, ddd = (dd * d) >> 30;
    if (d >= 1LL << 31) return 0;
    if (d < 1LL << 30) return (12 * one - 6 * c) * ddd + (6 * c - 18 * one) * dd + 6 * one * (1LL << 30);
    return -6 * c * ddd + 30 * c * dd - 48 * c * d + 24 * c * (1LL << 30);
}

/* Five places about `centre`, of 2^17 a place. The division rounds to zero, so that at the left edge a place is missing. */
static places around(int64_t centre)
{
    places p = { .first = (centre - (PLACES - 2) * (1LL << 16)) / (1 << 17) };
    for (int j = 0; j < PLACES; j++) p.w[j] = cubic(llabs((p.first + j) * (1 << 17) - centre) << 13);
    return p;
}

/* Drops next to nothing on the left, as long as it begins before the next output; returns the places that are left when next to nothing is dropped
 * on the right. */
static int trim(places *p, const places *next)
{
    int need = PLACES;
    double sum = 0;
    for (int j = 0; j < PLACES; j++) {
        sum += (double)llabs(p->w[0]);
        if (sum > NEGLIGIBLE || (next && p->first >= next->first)) break;
        memmove(p->w, p->w + 1, (PLACES - 1) * sizeof *p->w);
        p->w[PLACES - 1] = 0;
        p->first++;
    }
    sum = 0;
    while (need > 1 && (sum += (double)llabs(p->w[need - 1])) <= NEGLIGIBLE) need--;
    return need;
}

static int64_t rounded(int64_t a, int64_t b)
{
    return (a >= 0 ? a + b / 2 : a - b / 2) / b;
}

/* Weights that sum to `one`; what rounding leaves of a place is handed to the next. Places outside the plane are its edge's. */
static void normalise(const places *p, int n_places, int64_t n_in, int64_t one, lt_yuv_taps *out)
{
    int64_t w[4] = { 0 }, sum = 0, rest = 0;
    int n = 0;
    for (int j = 0; j < n_places; j++) {
        const int64_t at = p->first + j, inside = at < 0 ? 0 : at >= n_in ? n_in - 1 : at;
        if (n == 0 || out->at[n - 1] != (int32_t)inside) out->at[n++] = (int32_t)inside;
        w[n - 1] += p->w[j];
        sum += p->w[j];
    }
    sum = (sum + one / 2) / one;
    for (int j = 0; j < n; j++) {
        const int64_t v = w[j] + rest;
        out->weight[j] = (int32_t)rounded(v, sum);
        rest = v - out->weight[j] * sum;
    }
    for (; n < 4; n++) {
        out->at[n] = out->at[0];
        out->weight[n] = 0;
    }
}

/* Taps of n_out outputs over half as many samples, both grids centred on the picture. false where they are more than four. */
static bool fill(int n_out, int64_t one, places *scratch, lt_yuv_taps *out)
{
    const int64_t n_in = (n_out + 1) / 2, step = ((n_in << 16) + (n_out >> 1)) / n_out;
    int most = 0;
    for (int i = n_out - 1; i >= 0; i--) {
        scratch[i] = around(step - (1 << 16) + 2 * step * i);
        const int need = trim(&scratch[i], i + 1 < n_out ? &scratch[i + 1] : NULL);
        if (need > most) most = need;
    }
    for (int i = 0; i < n_out && most <= 4; i++) normalise(&scratch[i], most, n_in, one, &out[i]);
    return most <= 4;
}

static int32_t clip16(int64_t x)
{
    return (int32_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static int32_t coefficient(int64_t of_2_16)
{
    return clip16((of_2_16 * (1 << 13) + (1 << 15)) >> 16);
}

lt_yuv_matrix lt_yuv_matrix_of(const int *table, bool full_range)
{
    int64_t rv = table[0], bu = table[1], gu = -table[2], gv = -table[3], y = 1 << 16, black = 0;
    if (full_range) {
        rv = rv * 224 / 255;
        bu = bu * 224 / 255;
        gu = gu * 224 / 255;
        gv = gv * 224 / 255;
    } else {
        y = y * 255 / 219;
        black = 16 << 16;
    }
    return (lt_yuv_matrix){ clip16((black * (1 << 9) + (1 << 15)) >> 16), coefficient(y), coefficient(rv), coefficient(gv), coefficient(gu), coefficient(bu) };
}

static int32_t chroma(const lt_yuv_taps *column, const lt_yuv_taps *row, const uint8_t *plane, size_t stride)
{
    int32_t sum = 512 - (128 << 19);
    for (int k = 0; k < 4; k++) {
        const uint8_t *line = plane + (size_t)row->at[k] * stride;
        int32_t across = 0;
        for (int i = 0; i < 4; i++) across += line[2 * column->at[i]] * column->weight[i];
        across >>= 7;
        sum += (across < INT16_MAX ? across : INT16_MAX) * row->weight[k];
    }
    return sum >> 10;
}

/* In 32 bits: what is far beyond white wraps round to black, as it does there. */
static uint8_t top8(uint32_t wrapped)
{
    const int32_t x = (int32_t)wrapped;
    return (uint8_t)((x < 0 ? 0 : x > (1 << 30) - 1 ? (1 << 30) - 1 : x) >> 22);
}

void lt_yuv_run(const lt_yuv *yuv, const lt_nv12 *p, uint8_t *rgb, size_t stride)
{
    const lt_yuv_matrix *m = &p->matrix;
    for (int y = 0; y < yuv->height; y++) {
        const lt_yuv_taps *row = lt_yuv_rows(yuv) + y;
        uint8_t *to = rgb + (size_t)y * stride;
        for (int x = 0; x < yuv->width; x++, to += 3) {
            const lt_yuv_taps *column = lt_yuv_columns(yuv) + x;
            const uint32_t u = (uint32_t)chroma(column, row, p->chroma, p->chroma_stride);
            const uint32_t v = (uint32_t)chroma(column, row, p->chroma + 1, p->chroma_stride);
            const uint32_t l = (uint32_t)(p->luma[(size_t)y * p->luma_stride + (size_t)x] * 512 - m->y_offset) * (uint32_t)m->y + (1u << 21);
            to[0] = top8(l + v * (uint32_t)m->rv);
            to[1] = top8(l + v * (uint32_t)m->gv + u * (uint32_t)m->gu);
            to[2] = top8(l + u * (uint32_t)m->bu);
        }
    }
}

const lt_yuv_taps *lt_yuv_columns(const lt_yuv *yuv)
{
    return yuv->taps;
}

const lt_yuv_taps *lt_yuv_rows(const lt_yuv *yuv)
{
    return yuv->taps + yuv->width;
}

lt_status lt_yuv_tables(int width, int height, lt_yuv **out)
{
    lt_status st = LT_OK;
    const size_t n = (size_t)width + (size_t)height;
    lt_yuv *yuv = malloc(sizeof *yuv + n * sizeof *yuv->taps);
    places *scratch = malloc((size_t)(width > height ? width : height) * sizeof *scratch);
    *out = NULL;
    if (!yuv || !scratch) LT_FAIL(LT_E_MEMORY, "no memory for the colours of frames of %dx%d", width, height);
    yuv->width = width;
    yuv->height = height;
    if (width < LT_YUV_LEAST || height < LT_YUV_LEAST || !fill(width, 1 << 14, scratch, yuv->taps) || !fill(height, 1 << 12, scratch, yuv->taps + width))
        LT_FAIL(LT_E_DEVICE, "colours of frames of %dx%d can be converted by the CPU alone: use --decoder cpu", width, height);
    *out = yuv;
    yuv = NULL;
done:
    free(scratch);
    free(yuv);
    return st;
}

void lt_yuv_destroy(lt_yuv **yuv)
{
    free(*yuv);
    *yuv = NULL;
}
