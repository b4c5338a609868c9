#include "media_private.h"
#include "yuv_private.h"

#include <libavutil/imgutils.h>

#include <stdlib.h>
#include <string.h>

/* The old "J" formats are plain ones at full range; swscale warns of them and treats them so. */
static int full_range(const AVFrame *f)
{
    switch (f->format) {
    case AV_PIX_FMT_YUVJ420P: case AV_PIX_FMT_YUVJ422P: case AV_PIX_FMT_YUVJ444P: case AV_PIX_FMT_YUVJ440P: case AV_PIX_FMT_YUVJ411P:
        return 1;
    default:
        return f->color_range == AVCOL_RANGE_JPEG;
    }
}

/* RGB that is scaled goes through YUV and back, by the same matrix; the one tagged "RGB" is none. */
static const int *coefficients(const AVFrame *f)
{
    bool untagged = f->colorspace == AVCOL_SPC_UNSPECIFIED || f->colorspace == AVCOL_SPC_RGB;
    return sws_getCoefficients(untagged ? SWS_CS_DEFAULT : (int)f->colorspace);
}

lt_yuv_matrix lt_frame_matrix(const AVFrame *f)
{
    return lt_yuv_matrix_of(coefficients(f), full_range(f));
}

static lt_status prepare(lt_converter *c, const AVFrame *f, int width, int height, const char *path)
{
    lt_status st = LT_OK;
    int range = full_range(f);
    if (c->sws && c->src_format == f->format && c->colorspace == (int)f->colorspace && c->range == range) return LT_OK;
    sws_freeContext(c->sws);
    c->sws = sws_getContext(f->width, f->height, (enum AVPixelFormat)f->format, width, height, AV_PIX_FMT_RGB24, LT_SCALE_FLAGS, NULL, NULL, NULL);
    if (!c->sws) LT_FAIL(LT_E_DATA, "%s: pictures of %dx%d in this pixel format cannot be turned into RGB", path, f->width, f->height);
    /* Formats without a matrix (RGB) refuse this, and need none. */
    (void)sws_setColorspaceDetails(c->sws, coefficients(f), range, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    c->src_width = f->width;
    c->src_height = f->height;
    c->src_format = f->format;
    c->colorspace = (int)f->colorspace;
    c->range = range;
done:
    return st;
}

/* Turns [h,w,3] clockwise by 90, 180 or 270 degrees. */
static void rotate(const uint8_t *src, size_t src_stride, int w, int h, int degrees, uint8_t *dst, size_t stride)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int ty = degrees == 90 ? x : degrees == 180 ? h - 1 - y : w - 1 - x;
            int tx = degrees == 90 ? h - 1 - y : degrees == 180 ? w - 1 - x : y;
            memcpy(dst + (size_t)ty * stride + (size_t)tx * 3, src + (size_t)y * src_stride + (size_t)x * 3, 3);
        }
}

lt_status lt_frame_size_is(const lt_media_info *info, const AVFrame *frame, const char *path)
{
    lt_status st = LT_OK;
    if (frame->width != info->coded_width || frame->height != info->coded_height)
        LT_FAIL(LT_E_DATA, "%s: a frame of %dx%d in a stream of %dx%d; a result has one size", path, frame->width, frame->height,
                info->coded_width, info->coded_height);
done:
    return st;
}

lt_status lt_convert(lt_converter *c, const AVFrame *frame, const lt_media_info *info, const char *path, uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    bool turned = info->rotation % 180 != 0;
    int w = turned ? info->height : info->width, h = turned ? info->width : info->height;
    size_t scratch_stride = ((size_t)w * 3 + 63) / 64 * 64;
    LT_TRY(lt_frame_size_is(info, frame, path));
    LT_TRY(prepare(c, frame, w, h, path));
    if (info->rotation && !c->scratch && !(c->scratch = malloc(scratch_stride * (size_t)h)))
        LT_FAIL(LT_E_MEMORY, "no memory to turn frames of %dx%d", w, h);
    uint8_t *data[4] = { info->rotation ? c->scratch : rgb };
    int lines[4] = { (int)(info->rotation ? scratch_stride : stride) };
    if (sws_scale(c->sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, data, lines) < 0)
        LT_FAIL(LT_E_DATA, "%s: a frame cannot be turned into RGB", path);
    if (info->rotation) rotate(c->scratch, scratch_stride, w, h, info->rotation, rgb, stride);
done:
    return st;
}

void lt_converter_close(lt_converter *c)
{
    sws_freeContext(c->sws);
    free(c->scratch);
    *c = (lt_converter){ 0 };
}
