/* In a file of its own: tests link the CUDA one, compiled for the CPU, in its place. */
#include <longtake/frames.h>

#ifndef LT_HAVE_CUDA
lt_status lt_prepare_device_create(const lt_prepare *p, const lt_yuv *yuv, void *memory, lt_stream *stream, lt_prepare_device **out)
{
    lt_status st = LT_OK;
    (void)p;
    (void)yuv;
    (void)memory;
    (void)stream;
    *out = NULL;
    LT_FAIL(LT_E_DEVICE, "this build has no CUDA: configure with -DLT_CUDA=ON, or use --device cpu");
done:
    return st;
}

lt_status lt_prepare_device_run(lt_prepare_device *p, lt_stream *stream, const lt_prepare_source *source, float *out)
{
    lt_status st = LT_OK;
    (void)p;
    (void)stream;
    (void)source;
    (void)out;
    LT_FAIL(LT_E_DEVICE, "this build has no CUDA: configure with -DLT_CUDA=ON, or use --device cpu");
done:
    return st;
}

void lt_prepare_device_destroy(lt_prepare_device **p)
{
    *p = NULL;
}
#endif
