/* mma_shim.h -- what kernels/cuda/mma.cuh is on the host.
 *
 * in    fragments of the 32 lanes of a warp; shared memory of the shim
 * out   fragments
 * owns  nothing
 *
 * Fragments are laid out as the PTX ISA has them for mma.m16n8k16 with floating point types; mma.cuh has the table. An operation that not all 32 lanes
 * of a warp reach is reported. Products are exact in f32 and added in f32 in the order of k: the device's order and rounding are its own. */
#ifndef LT_TESTS_MMA_SHIM_H
#define LT_TESTS_MMA_SHIM_H

#include "cuda_shim.h"

namespace lt_shim {

struct mma_operands {
    const lt_frag_a *a;
    const lt_frag_b *b;
    lt_frag_c       *c;
};

static inline float mma_half(uint32_t pair, int high, bool bf16)
{
    const uint16_t h = static_cast<uint16_t>(high ? pair >> 16 : pair & 0xffffu);
    return bf16 ? lt_bf16_to_float(h) : lt_half_to_float(h);
}

/* Written from the tables of the PTX ISA alone, without the helpers of mma.cuh: groupID = lane >> 2, threadID_in_group = lane % 4; of A, element i of 8
 * has row groupID for i in {0,1,4,5}, else groupID + 8, column 2 threadID_in_group + (i & 1), 8 more for i >= 4; of B, element i of 4 has row
 * 2 threadID_in_group + (i & 1), 8 more for i >= 2, column groupID; of C, element i has row groupID for i < 2, else groupID + 8, column
 * 2 threadID_in_group + (i & 1). */
template <bool BF16> void mma_of_warp(void *const *brought)
{
    float a[16][16], b[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const mma_operands *o = static_cast<const mma_operands *>(brought[lane]);
        const int group = lane >> 2, in_group = lane % 4;
        for (int i = 0; i < 8; i++) {
            const bool upper = i == 0 || i == 1 || i == 4 || i == 5;
            a[upper ? group : group + 8][in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0)] = mma_half(o->a->r[i / 2], i & 1, BF16);
        }
        for (int i = 0; i < 4; i++) b[in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0)][group] = mma_half(o->b->r[i / 2], i & 1, BF16);
    }
    for (int lane = 0; lane < 32; lane++) {
        const mma_operands *o = static_cast<const mma_operands *>(brought[lane]);
        for (int i = 0; i < 4; i++) {
            const int row = i < 2 ? lane >> 2 : (lane >> 2) + 8, column = lane % 4 * 2 + (i & 1);
            float sum = o->c->r[i];
            for (int k = 0; k < 16; k++) sum += a[row][k] * b[k][column];
            o->c->r[i] = sum;
        }
    }
}

static inline void mma(lt_frag_c &c, const lt_frag_a &a, const lt_frag_b &b, bool bf16)
{
    mma_operands o = { &a, &b, &c };
    warp_call(bf16 ? mma_of_warp<true> : mma_of_warp<false>, &o);
}

/* Lane l brings the address of row l % 8 of matrix l / 8 and takes away those of the rows of which it reads: without transposition row l / 4 of each
 * matrix, with it rows 2 (l % 4) and the next. */
struct matrix_rows {
    int at, rows[4][2];
};

template <bool TRANSPOSED> void rows_of_warp(void *const *brought)
{
    int at[32];
    for (int lane = 0; lane < 32; lane++) at[lane] = static_cast<const matrix_rows *>(brought[lane])->at;
    for (int lane = 0; lane < 32; lane++)
        for (int m = 0; m < 4; m++)
            for (int i = 0; i < 2; i++)
                static_cast<matrix_rows *>(brought[lane])->rows[m][i] = at[m * 8 + (TRANSPOSED ? lane % 4 * 2 + i : lane / 4)];
}

template <size_t N> void ldmatrix4(uint32_t r[4], shared<uint32_t, N> &tile, int at, bool transposed)
{
    matrix_rows rows = { at, {} };
    const int lane = here->id % 32;
    if (at % 4) report_here("names a row of ldmatrix that does not begin at a multiple of 16 bytes");
    warp_call(transposed ? rows_of_warp<true> : rows_of_warp<false>, &rows);
    for (int m = 0; m < 4; m++) {
        if (!transposed) {
            r[m] = tile[rows.rows[m][0] + lane % 4];
        } else {
            const int column = lane / 4, shift = column % 2 * 16;
            const uint32_t left = tile[rows.rows[m][0] + column / 2], right = tile[rows.rows[m][1] + column / 2];
            r[m] = (left >> shift & 0xffffu) | (right >> shift & 0xffffu) << 16;
        }
    }
}

}

#endif
