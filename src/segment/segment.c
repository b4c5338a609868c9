#include <longtake/segment.h>

int64_t lt_segment_length(const lt_grid *grid, int64_t wanted)
{
    int64_t m = grid->multiple < 1 ? 1 : grid->multiple;
    return (wanted + m - 1) / m * m;
}

int64_t lt_segment_count(int64_t n_frames, int64_t length)
{
    return n_frames <= 0 ? 0 : (n_frames - 1) / length + 1;
}

lt_range lt_segment_at(int64_t n_frames, int64_t length, int64_t k)
{
    lt_range r = { k * length, (k + 1) * length - 1 };
    if (r.last > n_frames - 1) r.last = n_frames - 1;
    return r;
}

lt_range lt_segment_needs(const lt_grid *grid, lt_range segment, int64_t n_frames)
{
    lt_range r = { segment.first - grid->before, segment.last + grid->after };
    if (r.first < 0) r.first = 0;
    if (r.last > n_frames - 1) r.last = n_frames - 1;
    return r;
}
