#include "frames/prepare_item.h"

#include <longtake/arena.h>

static size_t take(size_t *end, size_t n_bytes)
{
    const size_t at = *end;
    *end += lt_arena_padded(n_bytes);
    return at;
}

lt_prepare_places lt_prepare_device_places(int width, int height, int net_width, int net_height, bool planes)
{
    const size_t w = (size_t)width, h = (size_t)height, net_w = (size_t)net_width, net_h = (size_t)net_height;
    lt_prepare_places p = { 0 };
    if (width != net_width || height != net_height) {
        p.column = take(&p.n_bytes, net_w * sizeof(lt_prepare_taps));
        p.row = take(&p.n_bytes, net_h * sizeof(lt_prepare_taps));
    }
    if (planes) {
        p.yuv_column = take(&p.n_bytes, w * sizeof(lt_yuv_taps));
        p.yuv_row = take(&p.n_bytes, h * sizeof(lt_yuv_taps));
    }
    return p;
}

size_t lt_prepare_device_bytes(int width, int height, int net_width, int net_height, bool planes)
{
    return lt_prepare_device_places(width, height, net_width, net_height, planes).n_bytes;
}
