#include "media_private.h"
#include "yuv_private.h"

#include <stdlib.h>
#include <string.h>

/* Any bytes do; half of them are the ends of the scale, where clipping is. */
static void fill(uint8_t *to, size_t n, uint32_t *state)
{
    for (size_t i = 0; i < n; i++) {
        *state = *state * 1664525u + 1013904223u;
        const uint8_t byte = (uint8_t)(*state >> 24);
        to[i] = *state >> 23 & 1 ? byte : byte & 128 ? 255 : 0;
    }
}

/* Whether libswscale gives the same bytes for noise of width x height, by the matrices of SD and HD at either range. */
static lt_status agree(int width, int height, bool *same)
{
    lt_status st = LT_OK;
    const size_t w = (size_t)width, h = (size_t)height, pairs = (w + 1) / 2 * 2, lines = (h + 1) / 2, line = (w * 3 + 63) / 64 * 64;
    uint8_t *planes = malloc(w * h + pairs * lines), *rgb = malloc(2 * line * h);
    uint32_t state = 1;
    lt_yuv *yuv = NULL;
    if (!planes || !rgb) LT_FAIL(LT_E_MEMORY, "no memory to compare colours of frames");
    LT_TRY(lt_yuv_tables(width, height, &yuv));
    fill(planes, w * h + pairs * lines, &state);
    for (int i = 0; i < 4 && *same; i++) {
        const int matrix = i & 1 ? SWS_CS_ITU709 : SWS_CS_DEFAULT, full = i >> 1;
        const lt_nv12 picture = { planes, planes + w * h, w, pairs, lt_yuv_matrix_of(sws_getCoefficients(matrix), full) };
        const uint8_t *const from[4] = { planes, planes + w * h };
        const int from_line[4] = { width, (int)pairs };
        uint8_t *const to[4] = { rgb };
        const int to_line[4] = { (int)line };
        struct SwsContext *sws = sws_getContext(width, height, AV_PIX_FMT_NV12, width, height, AV_PIX_FMT_RGB24, LT_SCALE_FLAGS, NULL, NULL, NULL);
        if (!sws) LT_FAIL(LT_E_MEMORY, "no memory to convert frames of %dx%d", width, height);
        (void)sws_setColorspaceDetails(sws, sws_getCoefficients(matrix), full, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
        const int made = sws_scale(sws, from, from_line, 0, height, to, to_line);
        sws_freeContext(sws);
        lt_yuv_run(yuv, &picture, rgb + line * h, line);
        *same = made == height;
        for (size_t y = 0; y < h && *same; y++) *same = !memcmp(rgb + y * line, rgb + (h + y) * line, w * 3);
    }
done:
    lt_yuv_destroy(&yuv);
    free(planes);
    free(rgb);
    return st;
}

/* Columns and rows have tables of their own, so two narrow pictures try both. */
lt_status lt_yuv_create(int width, int height, lt_yuv **out)
{
    lt_status st = LT_OK;
    bool same = true;
    *out = NULL;
    LT_TRY(lt_yuv_tables(width, height, out));
    LT_TRY(agree(width, LT_YUV_LEAST, &same));
    LT_TRY(agree(LT_YUV_LEAST, height, &same));
    if (!same)
        LT_FAIL(LT_E_DEVICE, "the colours that this libswscale makes (%s) are not known on a GPU: use --decoder cpu", lt_media_library());
done:
    if (st < 0) lt_yuv_destroy(out);
    return st;
}
