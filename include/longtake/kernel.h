/* longtake/kernel.h -- what an operator is to the engine, and what runs it.
 *
 * in    views of tensors, attributes, packed weights
 * out   views written
 * owns  a kernel's state what its open() made; everything else is borrowed for the call
 *
 * An operator is one folder of src/kernels and one row of src/kernels/ops.def: the contract <op>.h (formula, layout, limits,
 * tolerance with its reason), the definition <op>_ref.c (plain loops, double sums, never tuned: the tests' yardstick), and
 * the candidates, best first. A plan takes the first candidate that does not refuse; one without any fails and prints why.
 *
 * Independence. An output row depends on its own inputs only: the same bits whatever the number of rows, frames, bands or
 * threads of the call. So a candidate sums along a row in an order fixed by the row's own sizes, and a library is called
 * with one fixed shape, the last panel padded.
 *
 * Memory. A launch allocates nothing: it has its workspace, and what open() made. Threads: one thread launches; the work is
 * spread over lt_launch.pool. */
#ifndef LONGTAKE_KERNEL_H
#define LONGTAKE_KERNEL_H

#include <longtake/atomic.h>
#include <longtake/cpu.h>
#include <longtake/device.h>
#include <longtake/pool.h>
#include <longtake/status.h>
#include <longtake/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_MAX_IN = 4, LT_MAX_WEIGHTS = 4 };

/* One call of an operator. Which input and weight is which: the operator's header. */
typedef struct {
    const void *attr;                     /* lt_<op>_attr */
    lt_tensor   in[LT_MAX_IN];            /* an input that is not there: n_dims 0 */
    lt_tensor   out;
    const void *packed;                   /* the weights as pack() wrote them; LT_ARENA_ALIGN */
    void       *state;                    /* what open() made; NULL where there is none */
} lt_args;

/* Where and with what a kernel runs. */
typedef struct {
    lt_pool          *pool;               /* NULL: the caller's thread alone */
    lt_isa            isa;
    void             *workspace;          /* workspace_bytes of the plan, LT_ARENA_ALIGN; contents undefined */
    const lt_atomic_int *stop;               /* may be NULL; not 0: items that are not begun return at once, and the launch
                                             returns LT_E_STOPPED with its output undefined */
    void             *stream;             /* cudaStream_t; NULL on the CPU. With it a launch returns before the work is done */
    struct lt_cuda_libs *libs;            /* handles of CUDA's libraries (kernels/cuda/libs.h); NULL on the CPU */
} lt_launch;

/* Facts a choice may depend on; never a measurement. */
typedef struct {
    lt_isa     isa;
    int        n_threads;                 /* of the pool */
    bool       bf16_units;                /* AVX512_BF16 or AMX: bf16 is worth it */
    lt_backend backend;
    int        sm;                        /* CUDA: compute capability times 10: 75, 80, 90 */
    int        multiprocessors;           /* CUDA */
    bool       tf32;                      /* CUDA: products of f32 may round their operands to TF32; only where the user asks */
} lt_machine;

/* A raw weight as the checkpoint has it, widened to f32, dense. data NULL: absent. */
typedef struct {
    const float *data;
    int          n_dims;
    int64_t      dim[LT_MAX_DIMS];
} lt_weight_data;

/* A candidate. Functions that are NULL: takes everything, needs nothing. `a` has no data pointers except in launch: sizes,
 * strides and types are those of a first call; others have other sizes of dimension 0 (or, where cut so, of pixels or rows), no smaller
 * or larger on the whole. workspace_bytes and prepare are called for every size that will come, the rest once.
 * On CUDA the same holds with these: pack() writes host memory, which is then copied to the device; open() and prepare() may call the libraries of
 * l->libs and allocate host memory, launch() puts work on l->stream and may be recorded; addresses in `a` are the device's. */
typedef struct {
    const char *name;                     /* "linear.avx2"; also what LT_KERNELS=-name leaves out */
    const char *(*refuse)(const lt_args *a, const lt_machine *m);     /* NULL: takes it; else why not, a phrase */
    size_t      (*packed_bytes)(const lt_args *a, const lt_machine *m);
    void        (*pack)(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed);
    size_t      (*workspace_bytes)(const lt_args *a, const lt_machine *m);
    lt_status   (*open)(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state);
    void        (*close)(void **state);
    lt_status   (*launch)(const lt_launch *l, const lt_args *a);
    lt_status   (*prepare)(const lt_launch *l, const lt_args *a, void *state);      /* after open: makes what this size needs */
} lt_kernel;

typedef enum {
#define LT_OP(name, ...) LT_OP_##name,
#include <longtake/ops.def>
#undef LT_OP
    LT_OPS
} lt_op;

/* "linear", ... */
const char *lt_op_name(lt_op op);

/* The definition of an operator. */
const lt_kernel *lt_op_definition(lt_op op);

/* Its candidates on a back-end, best first, NULL at the end. A build without CUDA has none for it. */
const lt_kernel *const *lt_op_candidates(lt_op op, lt_backend backend);

/* The first candidate that takes these arguments, after leaving out those that the environment's LT_KERNELS masks (names or
 * their beginnings after a '-', separated by commas). LT_E_INTERNAL with all refusals where there is none. */
LT_NODISCARD lt_status lt_kernel_pick(lt_op op, const lt_args *a, const lt_machine *m, const lt_kernel **out);

/* What this machine is. */
lt_machine lt_machine_here(lt_isa isa, int n_threads);

/* The same with a device to compute on; NULL: the CPU. */
lt_machine lt_machine_with(const lt_device *device, lt_isa isa, int n_threads);

/* "f32", "bf16", ...: what it computes with, "tf32" where products of f32 may round their operands. */
const char *lt_machine_precision(const lt_machine *m, lt_dtype compute);

#ifdef __cplusplus
}
#endif
#endif
