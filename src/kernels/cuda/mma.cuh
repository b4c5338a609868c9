/* kernels/cuda/mma.cuh -- products of small matrices by a warp: 16 x 16 times 16 x 8 in f16 or bf16, added to f32.
 *
 * in    fragments: what each lane of a warp holds of a matrix; shared memory of pairs (LT_SHARED(uint32_t, ...), portable.cuh)
 * out   fragments
 * owns  nothing
 *
 * Fragments are those of mma.sync.aligned.m16n8k16 (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type"). With g = lane / 4 and
 * t = lane % 4, pairs being side by side with the left one in the low half:
 *     A 16 x 16   r[0] (g, 2t)   r[1] (g + 8, 2t)   r[2] (g, 2t + 8)   r[3] (g + 8, 2t + 8)       pairs along a row
 *     B 16 x 8    r[0] (2t, g)   r[1] (2t + 8, g)                                               pairs down a column
 *     C 16 x 8    r[0] (g, 2t)   r[1] (g, 2t + 1)   r[2] (g + 8, 2t)   r[3] (g + 8, 2t + 1)       single values
 * All 32 lanes take part in every operation here, at the same place of the program.
 *
 * Bits. Products are exact; a tensor core adds the 16 of them and the old sum in an order and with a rounding of its own, the same for every warp and
 * place but not from one generation of chips to the next. So a device is compared with the shim, which adds in f32 in the order of k, within a
 * tolerance and not to the bit; and bits of one device depend on nothing but the values of a row, a column and the old sum.
 *
 * sm_80 and later; on sm_75 f16 is two products of half the depth, and bf16 is not there: kernels refuse it (lt_cuda_has_mma), and the result is NaN. */
#ifndef LONGTAKE_KERNELS_CUDA_MMA_CUH
#define LONGTAKE_KERNELS_CUDA_MMA_CUH

#include "kernels/cuda/value.cuh"

typedef struct {
    uint32_t r[4];
} lt_frag_a;
typedef struct {
    uint32_t r[2];
} lt_frag_b;
typedef struct {
    float r[4];
} lt_frag_c;

#ifndef __CUDACC__
#include "mma_shim.h"
#endif

/* ---- places: of register i of a lane; of the left or upper value of a pair ---- */

LT_CUDA_INLINE int lt_frag_a_row(int lane, int i)
{
    return lane / 4 + i % 2 * 8;
}

LT_CUDA_INLINE int lt_frag_a_col(int lane, int i)
{
    return lane % 4 * 2 + i / 2 * 8;
}

LT_CUDA_INLINE int lt_frag_b_row(int lane, int i)
{
    return lane % 4 * 2 + i * 8;
}

LT_CUDA_INLINE int lt_frag_b_col(int lane)
{
    return lane / 4;
}

LT_CUDA_INLINE int lt_frag_c_row(int lane, int i)
{
    return lane / 4 + i / 2 * 8;
}

LT_CUDA_INLINE int lt_frag_c_col(int lane, int i)
{
    return lane % 4 * 2 + i % 2;
}

/* ---- pairs ---- */

/* Two values rounded to nearest, ties to even; `low` in the low half. */
LT_CUDA_INLINE uint32_t lt_dev_pack2(float low, float high, bool bf16)
{
#ifdef __CUDACC__
    uint32_t u;
    if (bf16) {
        const __nv_bfloat162 h = __floats2bfloat162_rn(low, high);
        memcpy(&u, &h, sizeof u);
    } else {
        const __half2 h = __floats2half2_rn(low, high);
        memcpy(&u, &h, sizeof u);
    }
    return u;
#else
    const int dtype = bf16 ? LT_BF16 : LT_F16;
    return lt_dev_narrow(low, dtype) | lt_dev_narrow(high, dtype) << 16;
#endif
}

LT_CUDA_INLINE float lt_dev_low(uint32_t pair, bool bf16)
{
    return lt_dev_widen(pair & 0xffffu, bf16 ? LT_BF16 : LT_F16);
}

LT_CUDA_INLINE float lt_dev_high(uint32_t pair, bool bf16)
{
    return lt_dev_widen(pair >> 16, bf16 ? LT_BF16 : LT_F16);
}

/* Two sums side by side (columns 0..7 and 8..15), rounded, as the left factor of a next product: each lane has the values it needs. */
LT_CUDA_INLINE lt_frag_a lt_frag_a_of(const lt_frag_c &left, const lt_frag_c &right, bool bf16)
{
    return lt_frag_a{ { lt_dev_pack2(left.r[0], left.r[1], bf16), lt_dev_pack2(left.r[2], left.r[3], bf16),
                        lt_dev_pack2(right.r[0], right.r[1], bf16), lt_dev_pack2(right.r[2], right.r[3], bf16) } };
}

/* ---- the product ---- */

/* Whether a device has it; for refuse(). */
static inline bool lt_cuda_has_mma(const lt_machine *m, bool bf16)
{
    return m->sm >= (bf16 ? 80 : 75);
}

/* c += a b. */
LT_CUDA_INLINE void lt_dev_mma(lt_frag_c &c, const lt_frag_a &a, const lt_frag_b &b, bool bf16)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if (bf16)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
                     : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
                     : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
#elif defined(__CUDA_ARCH__)
#pragma unroll
    for (int half = 0; half < 2; half++)                  /* m16n8k8: its A has the columns 0..7 of these, or 8..15 */
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                     : "+f"(c.r[0]), "+f"(c.r[1]), "+f"(c.r[2]), "+f"(c.r[3])
                     : "r"(a.r[2 * half]), "r"(a.r[2 * half + 1]), "r"(b.r[half]));
    if (bf16) c.r[0] = c.r[1] = c.r[2] = c.r[3] = __uint_as_float(0x7fffffffu);
#elif !defined(__CUDACC__)
    lt_shim::mma(c, a, b, bf16);
#endif
}

/* ---- from shared memory ----
 *
 * Addresses are in pairs. By ldmatrix (PTX ISA, "ldmatrix"): four matrices of 8 x 8 values, row i of matrix m beginning at the address that lane 8 m + i
 * brings, a multiple of 4 (16 bytes). A read is without conflicts of banks where the eight rows of a matrix lie in eight different groups of four banks:
 * where the distance of rows, in units of 4 pairs, is odd (a padded line), or by an exchange of these units (lt_dev_swizzle). */

/* For matrices in the order of an A fragment: the lane's row of 16 and column of 16 (0 or 8). With _trans the same two are the row of k and the column of
 * n for two B fragments side by side, from memory that has rows of k: r[0], r[1] is the left one, r[2], r[3] the right one. */
LT_CUDA_INLINE int lt_mat_row(int lane)
{
    return lane % 16;
}

LT_CUDA_INLINE int lt_mat_col(int lane)
{
    return lane / 16 * 8;
}

/* For two B fragments from memory that has rows of n (k side by side): the lane's row of 16 n and its k (0 or 8); r[0], r[1] has n 0..7, r[2], r[3]
 * n 8..15. */
LT_CUDA_INLINE int lt_mat_b_row(int lane)
{
    return lane % 8 + lane / 16 * 8;
}

LT_CUDA_INLINE int lt_mat_b_col(int lane)
{
    return lane / 8 % 2 * 8;
}

template <class S> LT_CUDA_INLINE void lt_dev_ldmatrix4(uint32_t r[4], S &tile, int at)
{
#ifdef __CUDACC__
    const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(&tile[at]));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
#else
    lt_shim::ldmatrix4(r, tile, at, false);
#endif
}

template <class S> LT_CUDA_INLINE void lt_dev_ldmatrix4_trans(uint32_t r[4], S &tile, int at)
{
#ifdef __CUDACC__
    const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(&tile[at]));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
#else
    lt_shim::ldmatrix4(r, tile, at, true);
#endif
}

/* 16 x 16 values from rows `line` pairs apart, the first at `base`. */
template <class S> LT_CUDA_INLINE lt_frag_a lt_frag_a_load(S &tile, int base, int line, int lane)
{
    lt_frag_a a;
    lt_dev_ldmatrix4(a.r, tile, base + lt_mat_row(lane) * line + lt_mat_col(lane) / 2);
    return a;
}

/* Two B fragments, n 0..7 and 8..15, from rows of n (k side by side) `line` pairs apart. */
template <class S> LT_CUDA_INLINE void lt_frag_b_load2(lt_frag_b b[2], S &tile, int base, int line, int lane)
{
    uint32_t r[4];
    lt_dev_ldmatrix4(r, tile, base + lt_mat_b_row(lane) * line + lt_mat_b_col(lane) / 2);
    b[0] = lt_frag_b{ { r[0], r[1] } };
    b[1] = lt_frag_b{ { r[2], r[3] } };
}

/* Two B fragments, n 0..7 and 8..15, from rows of k (n side by side) `line` pairs apart. */
template <class S> LT_CUDA_INLINE void lt_frag_b_load2_trans(lt_frag_b b[2], S &tile, int base, int line, int lane)
{
    uint32_t r[4];
    lt_dev_ldmatrix4_trans(r, tile, base + lt_mat_row(lane) * line + lt_mat_col(lane) / 2);
    b[0] = lt_frag_b{ { r[0], r[1] } };
    b[1] = lt_frag_b{ { r[2], r[3] } };
}

/* The same by plain reads of 32 bits, for lines of any length in pairs; conflicts where `line` % 8 is not 4. */
template <class S> LT_CUDA_INLINE lt_frag_a lt_frag_a_read(S &tile, int base, int line, int lane)
{
    lt_frag_a a;
#pragma unroll
    for (int i = 0; i < 4; i++) a.r[i] = tile[base + lt_frag_a_row(lane, i) * line + lt_frag_a_col(lane, i) / 2];
    return a;
}

template <class S> LT_CUDA_INLINE lt_frag_b lt_frag_b_read(S &tile, int base, int line, int lane)
{
    lt_frag_b b;
#pragma unroll
    for (int i = 0; i < 2; i++) b.r[i] = tile[base + lt_frag_b_col(lane) * line + lt_frag_b_row(lane, i) / 2];
    return b;
}

/* Where unit `unit` (16 bytes) of row `row` lies in rows of `units` units, a power of two and at least 8: rows 0..7 take eight different groups of
 * banks. */
LT_CUDA_INLINE int lt_dev_swizzle(int row, int unit, int units)
{
    return row * units + (unit ^ row % 8);
}

#endif
