#include "hw.h"

#include "media_private.h"

static const AVCodec *nvdec_find(enum AVCodecID id)
{
    const AVCodec *codec;
    void *at = NULL;
    while ((codec = av_codec_iterate(&at))) {
        /* h264_cuvid and its kind are decoders of their own, with parsers and rules of their own. */
        if (codec->id != id || !av_codec_is_decoder(codec) || codec->wrapper_name) continue;
        const AVCodecHWConfig *c;
        for (int i = 0; (c = avcodec_get_hw_config(codec, i)); i++)
            if (c->pix_fmt == AV_PIX_FMT_CUDA && c->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX) return codec;
    }
    return NULL;
}

#ifdef LT_HAVE_CUDA
#include "nv12_cuda.h"

#include <libavutil/hwcontext_cuda.h>

#include <dlfcn.h>
#include <stdlib.h>

typedef struct {
    AVBufferRef *device;
    void        *driver;
} nvdec;

static void nvdec_close(void **own)
{
    nvdec *n = *own;
    if (!n) return;
    av_buffer_unref(&n->device);
    if (n->driver) dlclose(n->driver);
    free(n);
    *own = NULL;
}

/* libav is given the context that this thread is bound to, and the stream: then decoding, copying and errors are in one order, and no second
 * context takes memory. */
static lt_status give_context(nvdec *n, lt_stream *stream)
{
    lt_status st = LT_OK;
    CUresult (*current)(CUcontext *) = NULL;
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    AVCUDADeviceContext *c = ((AVHWDeviceContext *)n->device->data)->hwctx;
    *(void **)&current = dlsym(n->driver, "cuCtxGetCurrent");
    if (!current || current(&c->cuda_ctx) != CUDA_SUCCESS || !c->cuda_ctx)
        LT_FAIL(LT_E_DEVICE, "NVDEC: the GPU's context is not to be had; use --decoder cpu");
    c->stream = lt_stream_handle(stream);
    lt_libav_quiet();
    const int r = av_hwdevice_ctx_init(n->device);
    if (r < 0) {
        (void)av_strerror(r, text, sizeof text);
        LT_FAIL(LT_E_DEVICE, "NVDEC: libavutil cannot use the GPU (%s); use --decoder cpu", *lt_libav_complaint() ? lt_libav_complaint() : text);
    }
done:
    return st;
}

static lt_status nvdec_open(lt_stream *stream, void **own)
{
    lt_status st = LT_OK;
    void *decoder = NULL;
    nvdec *n = calloc(1, sizeof *n);
    *own = n;
    if (!n) LT_FAIL(LT_E_MEMORY, "no memory for a decoder");
    if (!nvdec_find(AV_CODEC_ID_H264) || !(n->device = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_CUDA)))
        LT_FAIL(LT_E_DEVICE, "this libavcodec was built without NVDEC: install one that has it, or use --decoder cpu");
    if (!(n->driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)))
        LT_FAIL(LT_E_DEVICE, "NVDEC: there is no NVIDIA driver here (libcuda.so.1): use --decoder cpu");
    if (!(decoder = dlopen("libnvcuvid.so.1", RTLD_NOW | RTLD_LOCAL)))
        LT_FAIL(LT_E_DEVICE, "NVDEC: the driver here has no decoder (libnvcuvid.so.1): in a container ask for it with NVIDIA_DRIVER_CAPABILITIES=compute,video,utility, "
                "or use --decoder cpu");
    LT_TRY(give_context(n, stream));
done:
    if (decoder) dlclose(decoder);
    if (st < 0) nvdec_close(own);
    return st;
}

static lt_status nvdec_ready(void *own, AVCodecContext *codec)
{
    lt_status st = LT_OK;
    enum { HELD = 2 };                   /* one waits for its turn while the next is decoded */
    const nvdec *n = own;
    if (!(codec->hw_device_ctx = av_buffer_ref(n->device))) LT_FAIL(LT_E_MEMORY, "no memory for a decoder");
    codec->extra_hw_frames = HELD;
done:
    return st;
}

static lt_status nvdec_copy(void *own, lt_stream *stream, const AVFrame *f, const char *path, const lt_hw_place *to)
{
    lt_status st = LT_OK;
    const AVHWFramesContext *frames = f->hw_frames_ctx ? (const AVHWFramesContext *)f->hw_frames_ctx->data : NULL;
    (void)own;
    if (f->format != AV_PIX_FMT_CUDA || !frames || frames->sw_format != AV_PIX_FMT_NV12)
        LT_FAIL(LT_E_DATA, "%s: a frame is not 8-bit 4:2:0, which is all that --decoder nvdec takes: use --decoder cpu", path);
    if (f->crop_left || f->crop_top) LT_FAIL(LT_E_DATA, "%s: a frame begins inside its picture: use --decoder cpu", path);
    const lt_nv12_copy copy = { f->data[0], f->data[1], (size_t)f->linesize[0], (size_t)f->linesize[1], f->width, f->height, to->luma, to->chroma, to->stride };
    LT_TRY(lt_nv12_copy_cuda(lt_stream_handle(stream), &copy));
    LT_TRY(lt_stream_finish(stream));
done:
    return st;
}
#else
static lt_status nvdec_open(lt_stream *stream, void **own)
{
    lt_status st = LT_OK;
    (void)stream;
    *own = NULL;
    LT_FAIL(LT_E_DEVICE, "this build has no CUDA, which --decoder nvdec needs: configure with -DLT_CUDA=ON, or use --decoder cpu");
done:
    return st;
}

static void nvdec_close(void **own)
{
    *own = NULL;
}

static lt_status nvdec_ready(void *own, AVCodecContext *codec)
{
    (void)own;
    (void)codec;
    return LT_E_DEVICE;
}

static lt_status nvdec_copy(void *own, lt_stream *stream, const AVFrame *f, const char *path, const lt_hw_place *to)
{
    (void)own;
    (void)stream;
    (void)f;
    (void)path;
    (void)to;
    return LT_E_DEVICE;
}
#endif

const lt_hw_table lt_hw_nvdec = { nvdec_open, nvdec_close, nvdec_find, nvdec_ready, AV_PIX_FMT_CUDA, nvdec_copy };
