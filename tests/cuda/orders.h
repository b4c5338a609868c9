/* cuda/orders.h -- a CUDA kernel under the shim, as a candidate for the rig.
 *
 * in    an lt_kernel whose launch runs under tests/cuda_shim
 * out   an lt_kernel that launches it in several orders: outputs that differ, or anything the shim reports, fail the launch
 * owns  nothing */
#ifndef LT_TESTS_CUDA_ORDERS_H
#define LT_TESTS_CUDA_ORDERS_H

#include <longtake/kernel.h>

/* Defines the candidate shimmed_<op> for lt_<op>_cuda; orders_of_<op>() makes it ready, once, before it is used. */
#define ORDERS(op)                                                                       \
    static lt_kernel shimmed_##op;                                                       \
    static lt_status launch_##op(const lt_launch *l, const lt_args *a)                   \
    {                                                                                    \
        return orders_launch(&lt_##op##_cuda, l, a);                                     \
    }                                                                                    \
    static const char *refuse_##op(const lt_args *a, const lt_machine *m)                \
    {                                                                                    \
        return orders_refuse(&lt_##op##_cuda, a, m);                                     \
    }                                                                                    \
    static void orders_of_##op(void)                                                     \
    {                                                                                    \
        shimmed_##op = lt_##op##_cuda;                                                   \
        shimmed_##op.launch = launch_##op;                                               \
        shimmed_##op.refuse = refuse_##op;                                               \
    }

/* The kernel's launch in each order of the shim; what the output held before is put back between them. */
LT_NODISCARD lt_status orders_launch(const lt_kernel *k, const lt_launch *l, const lt_args *a);

/* The kernel's refuse, at one ISA level and not for two threads: a GPU's kernel knows neither, and the rig tries them all. */
const char *orders_refuse(const lt_kernel *k, const lt_args *a, const lt_machine *m);

#endif
