#include "frames/prepare_cuda.h"
#include "kernels/cuda/portable.cuh"

#include <cstdlib>

struct lt_prepare_device {
    lt_prepare_job frame;                    /* of addresses of the device */
    lt_colour_job  colour;
    bool           planes;
};

lt_status lt_prepare_device_create(const lt_prepare *p, const lt_yuv *yuv, void *memory, lt_stream *stream, lt_prepare_device **out)
{
    lt_status st = LT_OK;
    const lt_prepare_job *host = lt_prepare_tables(p);
    const size_t width = static_cast<size_t>(host->width), height = static_cast<size_t>(host->height);
    const lt_prepare_places at = lt_prepare_device_places(host->width, host->height, host->net_width, host->net_height, yuv != nullptr);
    uint8_t *base = static_cast<uint8_t *>(memory);
    lt_prepare_device *d = static_cast<lt_prepare_device *>(std::calloc(1, sizeof *d));
    *out = nullptr;
    if (!d) LT_FAIL(LT_E_MEMORY, "no memory to prepare frames");
    d->frame = *host;
    if (host->row) {
        lt_prepare_taps *column = reinterpret_cast<lt_prepare_taps *>(base + at.column), *row = reinterpret_cast<lt_prepare_taps *>(base + at.row);
        LT_TRY(lt_copy_to_device(stream, column, host->column, static_cast<size_t>(host->net_width) * sizeof *column));
        LT_TRY(lt_copy_to_device(stream, row, host->row, static_cast<size_t>(host->net_height) * sizeof *row));
        d->frame.column = column;
        d->frame.row = row;
    }
    if (yuv) {
        lt_yuv_taps *columns = reinterpret_cast<lt_yuv_taps *>(base + at.yuv_column), *rows = reinterpret_cast<lt_yuv_taps *>(base + at.yuv_row);
        LT_TRY(lt_copy_to_device(stream, columns, lt_yuv_columns(yuv), width * sizeof *columns));
        LT_TRY(lt_copy_to_device(stream, rows, lt_yuv_rows(yuv), height * sizeof *rows));
        d->colour.column = columns;
        d->colour.row = rows;
        d->planes = true;
    }
    LT_TRY(lt_stream_finish(stream));
    *out = d;
    d = nullptr;
done:
    std::free(d);
    return st;
}

lt_status lt_prepare_device_run(lt_prepare_device *p, lt_stream *stream, const lt_prepare_source *source, float *out)
{
    lt_status st = LT_OK;
    void *handle = lt_stream_handle(stream);
    p->frame.rgb = source->rgb;
    p->frame.stride = source->stride;
    p->frame.out = out;
    if (!source->rgb && !p->planes) LT_FAIL(LT_E_INTERNAL, "a frame in planes where only RGB is prepared");
    p->colour.planes = source->planes;
    LT_TRY(lt_prepare_cuda(handle, &p->frame, source->rgb ? nullptr : &p->colour));
done:
    return st;
}

void lt_prepare_device_destroy(lt_prepare_device **p)
{
    std::free(*p);
    *p = nullptr;
}
