#include "hw.h"

#include <libavutil/pixdesc.h>

#include <string.h>

enum { ALIGN = 256 };

enum AVPixelFormat lt_hw_choose(const enum AVPixelFormat *offered, enum AVPixelFormat wanted, const char **why)
{
    bool there = false;
    enum AVPixelFormat last = AV_PIX_FMT_NONE;
    *why = NULL;
    for (; *offered != AV_PIX_FMT_NONE; offered++) {
        if (*offered == wanted) there = true;
        last = *offered;
    }
    if (last != AV_PIX_FMT_YUV420P && last != AV_PIX_FMT_YUVJ420P) *why = "its pictures are not 8-bit 4:2:0";
    else if (!there) *why = "the GPU's decoder does not serve such a stream";
    return *why ? AV_PIX_FMT_NONE : wanted;
}

/* Codecs whose standards fix every bit of a picture, so that it does not matter who decodes. */
static bool exact(const char *codec)
{
    static const char *const names[] = { "h264", "hevc", "vp8", "vp9", "av1" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(codec, names[i])) return true;
    return false;
}

const char *lt_hw_refusal(const lt_media_info *i)
{
    if (!exact(i->codec)) return "it takes h264, hevc, vp8, vp9 and av1, whose standards fix every bit";
    if (strcmp(i->pixel_format, "yuv420p") != 0 && strcmp(i->pixel_format, "yuvj420p") != 0) return "it takes pictures of 8-bit 4:2:0";
    if (i->rotation) return "frames to be turned are turned by the CPU";
    if (i->width != i->coded_width || i->height != i->coded_height) return "--max-res is for frames that the CPU decodes; raise it, or give frames of that size";
    if (i->coded_width < LT_YUV_LEAST || i->coded_height < LT_YUV_LEAST) return "its frames are under 16 pixels";
    /* Surfaces have even sizes, and libavcodec finds the chroma of an odd one a row off. */
    if (i->coded_width % 2 || i->coded_height % 2) return "its frames have an odd number of pixels along a side";
    return NULL;
}

static size_t stride_of(const lt_media_info *i)
{
    return ((size_t)i->coded_width + ALIGN - 1) / ALIGN * ALIGN;
}

size_t lt_hw_frame_bytes(const lt_media_info *i)
{
    return stride_of(i) * ((size_t)i->coded_height + ((size_t)i->coded_height + 1) / 2);
}

lt_hw_place lt_hw_place_of(const lt_media_info *i, uint8_t *frame)
{
    return (lt_hw_place){ frame, frame + stride_of(i) * (size_t)i->coded_height, stride_of(i) };
}

size_t lt_hw_surface_bytes(const lt_media_info *i)
{
    /* What libavcodec 59 asks for: h264 the references and the delay that its level allows, 16 each, others up to 17 pictures; two more for
     * whoever filters, three more of old, and two that this module holds. As many again to hand out. The decoder's own state: a guess. */
    const size_t pictures = (strcmp(i->codec, "h264") ? 17 : 32) + 2 + 3 + 2;
    const size_t pitch = ((size_t)i->coded_width + 511) / 512 * 512, rows = ((size_t)i->coded_height + 63) / 64 * 64;
    return 2 * pictures * pitch * rows * 3 / 2 + (64 << 20);
}
