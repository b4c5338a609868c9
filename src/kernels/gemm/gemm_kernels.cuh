/* kernels/gemm/gemm_kernels.cuh -- an operator that is a product of the rows of a map, as candidates of the CUDA back-end. Private to src/kernels.
 *
 * in    what the operator has of its own: its map (<op>_map.h), and the product of arguments that the map does not refuse
 * out   the functions of lt_kernel, portable (without tensor cores) and with them (mma)
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_KERNELS_CUH
#define LONGTAKE_KERNELS_GEMM_KERNELS_CUH

#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_mma_cuda.h"

template <class Op> struct lt_gemm_kernels {
    static const char *refuse(const lt_args *a, const lt_machine *)
    {
        const char *why = Op::refuse(a);
        return why ? why : lt_tensor_count(&a->out) >= INT32_MAX ? "2^31 values or more" : NULL;
    }

    static size_t packed_bytes(const lt_args *a, const lt_machine *)
    {
        const lt_gemm_shape s = Op::shape(a);
        return lt_gemm_cuda_packed_bytes(&s);
    }

    static void pack(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
    {
        const lt_gemm_shape s = Op::shape(a);
        const lt_gemm_weights raw = Op::weights(a, w);
        lt_gemm_cuda_pack(&s, &raw, packed);
    }

    static lt_status launch(const lt_launch *l, const lt_args *a)
    {
        const lt_gemm_cuda g = Op::product(a);
        return lt_gemm_cuda_run(l, &g);
    }

    static const char *refuse_mma(const lt_args *a, const lt_machine *m)
    {
        const char *why = refuse(a, m);
        if (why) return why;
        const lt_gemm_cuda g = Op::product(a);
        return lt_gemm_mma_refuse(&g.shape, &g.x, m);
    }

    static size_t packed_bytes_mma(const lt_args *a, const lt_machine *)
    {
        const lt_gemm_shape s = Op::shape(a);
        return lt_gemm_mma_packed_bytes(&s);
    }

    static void pack_mma(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
    {
        const lt_gemm_shape s = Op::shape(a);
        const lt_gemm_weights raw = Op::weights(a, w);
        lt_gemm_mma_pack(&s, &raw, packed);
    }

    static lt_status launch_mma(const lt_launch *l, const lt_args *a)
    {
        const lt_gemm_cuda g = Op::product(a);
        return lt_gemm_mma_run(l, &g);
    }
};

/* The candidates lt_<op>_mma and lt_<op>_cuda of an operator with lt_<op>_map_refuse, _shape, _weights, and of product(args). */
#define LT_GEMM_KERNELS(op, product_)                                                                                                          \
    namespace {                                                                                                                                \
    struct op##_op {                                                                                                                           \
        static const char     *refuse(const lt_args *a) { return lt_##op##_map_refuse(a); }                                                    \
        static lt_gemm_shape   shape(const lt_args *a) { return lt_##op##_map_shape(a); }                                                      \
        static lt_gemm_weights weights(const lt_args *a, const lt_weight_data *w) { return lt_##op##_map_weights(a, w); }                      \
        static lt_gemm_cuda    product(const lt_args *a) { return product_(a); }                                                               \
    };                                                                                                                                         \
    typedef lt_gemm_kernels<op##_op> op##_kernels;                                                                                             \
    }                                                                                                                                          \
    const lt_kernel lt_##op##_mma = { #op ".mma", op##_kernels::refuse_mma, op##_kernels::packed_bytes_mma, op##_kernels::pack_mma,            \
                                      nullptr, nullptr, nullptr, op##_kernels::launch_mma, nullptr };                                          \
    const lt_kernel lt_##op##_cuda = { #op ".cuda", op##_kernels::refuse, op##_kernels::packed_bytes, op##_kernels::pack,                      \
                                       nullptr, nullptr, nullptr, op##_kernels::launch, nullptr };

#endif
