/* kernels/attention/attention_device.cuh -- what the CUDA candidates of attention share.
 *
 * in    lt_args
 * out   the arguments of a kernel; exponentials
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_ATTENTION_DEVICE_CUH
#define LONGTAKE_KERNELS_ATTENTION_DEVICE_CUH

#include "kernels/attention/attention.h"
#include "kernels/cuda/value.cuh"

/* [B,T,H,D]; strides in elements. */
typedef struct {
    char   *data;
    int64_t stride[3];
    int     dtype;
} lt_heads;

typedef struct {
    lt_heads       q, k, v, out;
    const int32_t *n_keys;
    int64_t        n_pairs;                  /* of a batch entry and a head */
    int            n_queries, n_all, n_heads, d, dv;
    float          factor;                   /* of q k: scale, and log2(e) */
} lt_attention_on;

/* Where the row of an item lies, in elements. */
LT_CUDA_INLINE int64_t lt_dev_head_row(const lt_heads &t, int64_t b, int64_t i, int h)
{
    return b * t.stride[0] + i * t.stride[1] + h * t.stride[2];
}

LT_CUDA_INLINE int lt_dev_n_keys(const lt_attention_on &a)
{
    return a.n_keys && *a.n_keys < a.n_all ? *a.n_keys : a.n_all;
}

/* 2^x for -100 <= x <= 100; a NaN stays one. The polynomial of attention_vec.h. */
LT_CUDA_INLINE float lt_dev_exp2(float x)
{
    const float shift = 0x1.8p23f, t = x + shift, f = x - (t - shift);                   /* t has the nearest integer in its last bits */
    const float c[] = { 0x1.41fbacp-13f, 0x1.5f3e54p-10f, 0x1.3b2d4ep-7f, 0x1.c6aee8p-5f,
                        0x1.ebfbdcp-3f, 0x1.62e430p-1f, 1.0f };
    float p = c[0];
#pragma unroll
    for (int k = 1; k < 7; k++) p = fmaf(p, f, c[k]);
    return x != x ? x : __uint_as_float(__float_as_uint(p) + (__float_as_uint(t) << 23));
}

/* The larger one; NaN where either is. */
LT_CUDA_INLINE float lt_dev_larger(float a, float b)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    float y;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
#else
    return a > b || a != a ? a : b;
#endif
}

static inline lt_heads lt_heads_of(const lt_tensor *t)
{
    return lt_heads{ static_cast<char *>(t->data), { t->stride[0], t->stride[1], t->stride[2] }, t->dtype };
}

static inline lt_attention_on lt_attention_on_of(const lt_args *a)
{
    const lt_attention_attr *attr = static_cast<const lt_attention_attr *>(a->attr);
    const float log2_e = 0x1.715476p+0f;
    lt_attention_on j = {};
    j.q = lt_heads_of(&a->in[LT_ATTENTION_Q]);
    j.k = lt_heads_of(&a->in[LT_ATTENTION_K]);
    j.v = lt_heads_of(&a->in[LT_ATTENTION_V]);
    j.out = lt_heads_of(&a->out);
    j.n_keys = attr->n_keys;
    j.n_queries = static_cast<int>(a->out.dim[1]);
    j.n_all = static_cast<int>(a->in[LT_ATTENTION_K].dim[1]);
    j.n_heads = static_cast<int>(a->out.dim[2]);
    j.n_pairs = a->out.dim[0] * a->out.dim[2];
    j.d = static_cast<int>(a->in[LT_ATTENTION_Q].dim[3]);
    j.dv = static_cast<int>(a->out.dim[3]);
    j.factor = attr->scale * log2_e;
    return j;
}

static inline bool lt_attention_plain(const lt_tensor *t)
{
    return t->n_dims == 4 && !t->index && (t->stride[3] == 1 || t->dim[3] == 1) && (t->dtype == LT_F32 || t->dtype == LT_BF16 || t->dtype == LT_F16);
}

/* NULL, or why no CUDA candidate takes these arguments. */
static inline const char *lt_attention_refuse_cuda(const lt_args *a)
{
    const lt_attention_attr *attr = static_cast<const lt_attention_attr *>(a->attr);
    if (attr->compute != LT_F32 && attr->compute != LT_BF16 && attr->compute != LT_F16) return "computes in f32, bf16 or f16 only";
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++)
        if (!lt_attention_plain(&a->in[i])) return "q, k and v must be f32, bf16 or f16 of four dimensions, the last dense, without index";
    if (!lt_attention_plain(&a->out)) return "the output must be f32, bf16 or f16 of four dimensions, the last dense, without index";
    return NULL;
}

/* Whether every row of a view begins at a multiple of `unit` values, as far as strides say; other calls may have more of dimension 0. */
static inline bool lt_attention_rows_aligned(const lt_tensor *t, int unit)
{
    for (int i = 0; i < 3; i++)
        if ((i == 0 || t->dim[i] > 1) && t->stride[i] % unit) return false;
    return true;
}

/* Whether the data are where the strides promise; views that begin elsewhere are left to attention.cuda. */
static inline bool lt_attention_data_aligned(const lt_args *a)
{
    uintptr_t bits = reinterpret_cast<uintptr_t>(a->out.data);
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++) bits |= reinterpret_cast<uintptr_t>(a->in[i].data);
    return bits % 16 == 0;
}

#endif
