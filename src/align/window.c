#include <longtake/align.h>

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t lt_window_count(int64_t n_frames)
{
    return (n_frames + LT_WINDOW_STEP - 1) / LT_WINDOW_STEP;
}

void lt_window_frames(int64_t k, int64_t n_frames, int64_t anchor_frame, int64_t frame[LT_WINDOW_FRAMES])
{
    const int64_t last = n_frames - 1;
    for (int i = 0; i < LT_WINDOW_FRAMES; i++) frame[i] = min64(LT_WINDOW_STEP * k + i, last);
    if (k == 0) return;
    frame[0] = min64(anchor_frame, last);
    frame[1] = min64(LT_WINDOW_STEP * k - LT_WINDOW_OVERLAP, last);
}

lt_window_source lt_window_of_frame(int64_t f, int64_t n_frames)
{
    const int64_t k = f < LT_WINDOW_FRAMES ? 0 : (f - LT_WINDOW_OVERLAP) / LT_WINDOW_STEP;
    const bool followed = k + 1 < lt_window_count(n_frames);
    const int i = (int)(f - LT_WINDOW_STEP * k);
    if (!followed || i <= 24) return (lt_window_source){ k, -1, i, -1, 1.0f, 0.0f };
    if (i == LT_WINDOW_FRAMES - 1) return (lt_window_source){ k + 1, -1, i - LT_WINDOW_STEP, -1, 1.0f, 0.0f };
    const double share = (i - 24) * (1.0 / 7.0);
    return (lt_window_source){ k, k + 1, i, i - LT_WINDOW_STEP, (float)(1.0 - share), (float)share };
}

int lt_window_positions(int64_t k, int64_t n_frames, bool metric, int *position)
{
    bool read[LT_WINDOW_FRAMES] = { false };
    int n = 0;
    for (int i = 0; i < LT_WINDOW_FRAMES; i++) {
        const int64_t f = LT_WINDOW_STEP * k + i;
        if (f >= n_frames) break;
        const lt_window_source s = lt_window_of_frame(f, n_frames);
        if (s.window == k) read[s.position] = true;
        if (s.next == k) read[s.next_position] = true;
    }
    if (!metric && lt_window_count(n_frames) > 1) {
        read[0] = true;
        if (k > 0) read[1] = true;
        if (k + 1 < lt_window_count(n_frames)) read[12] = true;
    }
    for (int i = 0; i < LT_WINDOW_FRAMES; i++)
        if (read[i]) position[n++] = i;
    return n;
}
