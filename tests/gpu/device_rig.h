/* gpu/device_rig.h -- a kernel of the CUDA back-end on a real GPU, as a candidate for the rig of tests/kernels.
 *
 * in    an lt_kernel of LT_CUDA(...)
 * out   an lt_kernel whose launch copies its views to the GPU, as far apart and as badly aligned as they are, runs it and copies the output back, gaps
 *       between rows included
 * owns  one device and an arena on it, from device_rig_open to device_rig_close */
#ifndef LT_TESTS_DEVICE_RIG_H
#define LT_TESTS_DEVICE_RIG_H

#include <longtake/kernel.h>

/* false, with a line, where there is no GPU. */
bool device_rig_open(void);
void device_rig_close(void);

const char *device_rig_refuse(const lt_kernel *k, const lt_args *a, const lt_machine *m);
lt_status   device_rig_open_state(const lt_kernel *k, const lt_args *a, void **state);
lt_status   device_rig_launch(const lt_kernel *k, const lt_launch *l, const lt_args *a);
lt_machine  device_rig_machine(void);

/* Defines the candidate on_gpu_<op_> for the kernel lt_<of_>; ready_<op_>() makes it ready, once, before it is used. */
#define ON_GPU(op_, of_)                                                                                                                   \
    static lt_kernel on_gpu_##op_;                                                                                                         \
    static const char *refuse_##op_(const lt_args *a, const lt_machine *m)                                                                 \
    {                                                                                                                                      \
        return device_rig_refuse(&lt_##of_, a, m);                                                                                         \
    }                                                                                                                                      \
    static size_t packed_bytes_##op_(const lt_args *a, const lt_machine *m)                                                                \
    {                                                                                                                                      \
        const lt_machine gpu = device_rig_machine();                                                                                       \
        (void)m;                                                                                                                           \
        return lt_##of_.packed_bytes ? lt_##of_.packed_bytes(a, &gpu) : 0;                                                                 \
    }                                                                                                                                      \
    static void pack_##op_(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)                                   \
    {                                                                                                                                      \
        const lt_machine gpu = device_rig_machine();                                                                                       \
        (void)m;                                                                                                                           \
        lt_##of_.pack(a, &gpu, w, packed);                                                                                                 \
    }                                                                                                                                      \
    static lt_status open_##op_(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)                                   \
    {                                                                                                                                      \
        (void)l;                                                                                                                           \
        (void)m;                                                                                                                           \
        return device_rig_open_state(&lt_##of_, a, state);                                                                                 \
    }                                                                                                                                      \
    static lt_status launch_##op_(const lt_launch *l, const lt_args *a)                                                                    \
    {                                                                                                                                      \
        return device_rig_launch(&lt_##of_, l, a);                                                                                         \
    }                                                                                                                                      \
    static void ready_##op_(void)                                                                                                          \
    {                                                                                                                                      \
        on_gpu_##op_ = (lt_kernel){ .name = lt_##of_.name, .refuse = refuse_##op_, .packed_bytes = packed_bytes_##op_,                     \
                                     .pack = lt_##of_.pack ? pack_##op_ : NULL, .open = lt_##of_.open ? open_##op_ : NULL,                 \
                                     .close = lt_##of_.close, .launch = launch_##op_ };                                                    \
    }

#endif
