/* A half-sweep reads some 50 bytes a pixel and does 30 operations with them, so whole half-sweeps one after the other are bound by memory, and on the small
 * levels by their launches. Here a block takes a tile of pixels with a halo around it, keeps coefficients in registers and the solution in shared memory,
 * and does many half-sweeps on it. Each of them spoils one more pixel of the halo, whose neighbours outside the tile are not known; what is within is what
 * whole half-sweeps give. With n half-sweeps in a pass the halo is n wide. Two passes, 10 half-sweeps each for 10 sweeps, use 47 % of a tile; four would use
 * 71 %, but read everything twice as often. Levels that are one tile need no halo and one pass.
 *
 * Blocks read what their neighbours write, so a pass goes from one pair of halves to the other. */
#include "kernels/flow_plane.cuh"
#include "kernels/flow_sor/flow_sor.h"

enum {
    PAIRS = 32,                         /* of pixels in a row of a tile: a lane has one */
    WARPS = 16,
    OWN = 4,                            /* rows of a thread */
    WIDE = 2 * PAIRS,                   /* of a tile, in pixels */
    TALL = WARPS * OWN,
    MOST = 16,                          /* half-sweeps of a pass with a halo */
    ROW = PAIRS + 2,                    /* of one colour, and a ring of zeros around the tile */
    SLOTS = (TALL + 2) * 2 * ROW
};

/* One run over all tiles. */
typedef struct {
    const float *u, *v;
    float       *to_u, *to_v;
    int          from, to;              /* half-sweeps */
    int          halo_pairs, halo;      /* at each side of a tile: pairs across, rows down */
} pass;

typedef struct {
    float r1, r2, a12, i1, i2, left, right, up, down;
} coefficients;

LT_FLOW_DEVICE int slot(int row, int colour, int pair)
{
    return ((row + 1) * 2 + colour) * ROW + pair + 1;
}

/* Of the pixel with a colour of pair i in row y; `odd` is its place in the pair. */
LT_FLOW_DEVICE coefficients read(const lt_flow_sor_args &a, int i, int y, int colour, int odd)
{
    const ptrdiff_t half = static_cast<ptrdiff_t>(lt_flow_half_stride(a.width));
    const ptrdiff_t own = (2 * static_cast<ptrdiff_t>(y) + colour) * half + i, other = (2 * static_cast<ptrdiff_t>(y) + !colour) * half + i;
    return coefficients{ a.r1[own], a.r2[own], a.a12[own], a.i1[own], a.i2[own], a.wx[other - 1 + odd], a.wx[own], a.wy[other - 2 * half], a.wy[own] };
}

/* Pixel (row, colour, pair) of the tile once more, from its four neighbours of the other colour. */
template <class S> LT_FLOW_DEVICE void relax(const coefficients &k, float omega, int row, int colour, int pair, int odd, S &su, S &sv)
{
    const int own = slot(row, colour, pair), left = slot(row, !colour, pair - 1 + odd), right = left + 1;
    const int up = slot(row - 1, !colour, pair), down = slot(row + 1, !colour, pair);
    const float s = (k.left * su[left] + k.right * su[right]) + (k.up * su[up] + k.down * su[down]);
    const float t = (k.left * sv[left] + k.right * sv[right]) + (k.up * sv[up] + k.down * sv[down]);
    const float u = su[own], v = sv[own];
    const float nu = u + omega * (((k.r1 + s) - k.a12 * v) * k.i1 - u);
    su[own] = nu;
    sv[own] = v + omega * (((k.r2 + t) - k.a12 * nu) * k.i2 - v);
}

/* What a thread has of a tile: its rows `top` .., and where they lie. */
typedef struct {
    int i, y0, pair, top;               /* pair of the level, row of the level at row 0 of the tile; pair and row of the tile */
} place;

LT_FLOW_DEVICE bool inside(const lt_flow_sor_args &a, const place &w, int row, int colour)
{
    const int y = w.y0 + row, x = 2 * w.i + ((y + colour) & 1);
    return x >= 0 && x < a.width && y >= 0 && y < a.height;
}

LT_FLOW_DEVICE ptrdiff_t entry(const lt_flow_sor_args &a, const place &w, int row, int colour)
{
    return (2 * static_cast<ptrdiff_t>(w.y0 + row) + colour) * static_cast<ptrdiff_t>(lt_flow_half_stride(a.width)) + w.i;
}

/* One half-sweep over the thread's pixels of a colour, but for the rows at the top and bottom that are not needed any more. The colour is known when
 * this is compiled, so that the coefficients stay in registers. */
template <int colour, class S>
LT_FLOW_DEVICE void sweep(const lt_flow_sor_args &a, const place &w, const coefficients k[OWN], int spoilt, S &su, S &sv)
{
#pragma unroll
    for (int r = 0; r < OWN; r++) {
        const int row = w.top + r, y = w.y0 + row;
        if (row >= spoilt && row < TALL - spoilt && y >= 0 && y < a.height) relax(k[r], a.relax, row, colour, w.pair, (y + colour) & 1, su, sv);
    }
}

template <int colour, class S>
LT_FLOW_DEVICE void load(const lt_flow_sor_args &a, const pass &p, const place &w, coefficients k[OWN], S &su, S &sv)
{
#pragma unroll
    for (int r = 0; r < OWN; r++) {
        const int row = w.top + r, y = w.y0 + row;
        const bool there = inside(a, w, row, colour);
        k[r] = coefficients{ 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f };
        if (there) k[r] = read(a, w.i, y, colour, (y + colour) & 1);
        su[slot(row, colour, w.pair)] = there ? p.u[entry(a, w, row, colour)] : 0.f;
        sv[slot(row, colour, w.pair)] = there ? p.v[entry(a, w, row, colour)] : 0.f;
    }
}

template <int colour, class S> LT_FLOW_DEVICE void store(const lt_flow_sor_args &a, const pass &p, const place &w, S &su, S &sv)
{
#pragma unroll
    for (int r = 0; r < OWN; r++) {
        const int row = w.top + r;
        if (row < p.halo || row >= TALL - p.halo || !inside(a, w, row, colour)) continue;
        p.to_u[entry(a, w, row, colour)] = su[slot(row, colour, w.pair)];
        p.to_v[entry(a, w, row, colour)] = sv[slot(row, colour, w.pair)];
    }
}

static __global__ void __launch_bounds__(PAIRS *WARPS) pass_kernel(lt_flow_sor_args a, pass p)
{
    LT_SHARED(float, su, SLOTS);
    LT_SHARED(float, sv, SLOTS);
    const int pair = static_cast<int>(threadIdx.x), top = static_cast<int>(threadIdx.y) * OWN;
    const place w = { static_cast<int>(blockIdx.x) * (PAIRS - 2 * p.halo_pairs) - p.halo_pairs + pair,
                      static_cast<int>(blockIdx.y) * (TALL - 2 * p.halo) - p.halo, pair, top };
    coefficients even[OWN], odd[OWN];
    for (int n = static_cast<int>(threadIdx.y) * PAIRS + pair; n < SLOTS; n += PAIRS * WARPS) su[n] = sv[n] = 0.f;
    __syncthreads();
    load<0>(a, p, w, even, su, sv);
    load<1>(a, p, w, odd, su, sv);
    __syncthreads();
    for (int t = p.from; t < p.to; t++) {
        const int spoilt = t - p.from + 1 < p.halo ? t - p.from + 1 : p.halo;
        if (t & 1) sweep<1>(a, w, odd, spoilt, su, sv);
        else sweep<0>(a, w, even, spoilt, su, sv);
        __syncthreads();
    }
    if (pair < p.halo_pairs || pair >= PAIRS - p.halo_pairs) return;
    store<0>(a, p, w, su, sv);
    store<1>(a, p, w, su, sv);
}

static unsigned tiles(int n, int inner)
{
    return static_cast<unsigned>((n + inner - 1) / inner);
}

lt_status lt_flow_sor_cuda(void *stream, const lt_flow_sor_args *a, float *spare_u, float *spare_v)
{
    lt_status st = LT_OK;
    const bool one = a->width <= WIDE && a->height <= TALL;
    int n = 2;                          /* even, so that the last pass ends where the first began */
    while ((2 * a->sweeps + n - 1) / n > MOST) n += 2;
    if (one) n = 1;
    for (int i = 0; i < n; i++) {
        pass p = { a->su, a->sv, a->su, a->sv, 2 * a->sweeps * i / n, 2 * a->sweeps * (i + 1) / n, 0, 0 };
        if (!one) {
            p.halo = p.to - p.from;
            p.halo_pairs = (p.halo + 1) / 2;
            if (i & 1) p.u = spare_u, p.v = spare_v;
            else p.to_u = spare_u, p.to_v = spare_v;
        }
        LT_TRY(LT_CUDA_LAUNCH(pass_kernel, dim3(tiles((a->width + 1) / 2, PAIRS - 2 * p.halo_pairs), tiles(a->height, TALL - 2 * p.halo)),
                              dim3(PAIRS, WARPS), stream, *a, p));
    }
done:
    return st;
}
