/* kernels/gemm/gemm_cublaslt.h -- rows times a matrix by cuBLASLt, the core of linear.cublaslt and convtranspose2d.cublaslt.
 *
 *     y[r,n] = add[r,n] + act(sum_k x[r,k] W[n,k] + b[n])          act: none or ReLU; absent parts left out
 *
 * in    rows in device memory; W as [N,K] dense, in the type of x
 * out   rows in device memory
 * owns  what lt_gemm_cublaslt_open makes, until lt_gemm_cublaslt_close
 *
 * One algorithm, chosen by rule, serves every number of rows: the heuristic is asked once for LT_CUBLASLT_ROWS rows of this (K, N, types), and its
 * first answer that adds k in one piece (split-K 1, no reduction), takes batches and an output apart from C, and works in f32 sums (of f32 operands:
 * not in TF32, unless that was asked for) is taken. So a row's bits do not depend on how many are computed with it.
 *
 * A row-major matrix is a column-major one transposed: cuBLASLt sees y^T [N x M] = op(W) [N x K] x^T [K x M].
 * Rows begin at multiples of 16 bytes. The bias has the type of y: so cuBLASLt has it. Built with LT_CUDA. */
#ifndef LONGTAKE_KERNELS_GEMM_CUBLASLT_H
#define LONGTAKE_KERNELS_GEMM_CUBLASLT_H

#include <longtake/kernel.h>

#include "kernels/cuda/libs.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LT_CUBLASLT_ROWS = 4096,     /* rows that the heuristic is asked for */
    LT_CUBLASLT_ALIGN = 16       /* bytes */
};

typedef struct lt_gemm_cublaslt lt_gemm_cublaslt;

typedef struct {
    int64_t  K, N;
    lt_dtype operand, result;    /* of x and W; of y, add and b */
    bool     bias, relu;
    bool     tf32;               /* f32 operands may be rounded to TF32 */
    int64_t  rows;               /* that the heuristic is asked for; 0: LT_CUBLASLT_ROWS */
    float    alpha;              /* the sum is multiplied by it, exactly where it is a power of two; 0: 1 */
} lt_gemm_cublaslt_kind;

/* n_batches matrices of n_rows rows; strides in elements, of rows and of batches. */
typedef struct {
    int64_t     n_rows, n_batches;
    const void *x, *w, *bias, *add;         /* add NULL: none; may be y */
    void       *y;
    int64_t     x_row, x_batch, y_row, y_batch, add_row, add_batch;
    void       *workspace;                  /* LT_CUDA_WORKSPACE bytes */
} lt_gemm_cublaslt_call;

/* NULL, or why cuBLASLt cannot be given such a product. */
const char *lt_gemm_cublaslt_refuse(const lt_gemm_cublaslt_kind *kind);

/* LT_E_DEVICE where no algorithm follows the rule; the text names the way out. */
LT_NODISCARD lt_status lt_gemm_cublaslt_open(lt_cuda_libs *libs, const lt_gemm_cublaslt_kind *kind, lt_gemm_cublaslt **out);

/* *g is NULL afterwards; NULL is accepted. */
void lt_gemm_cublaslt_close(lt_gemm_cublaslt **g);

/* Whether the algorithm takes these sizes and strides within its workspace (addresses are not read): LT_E_DEVICE where not. */
LT_NODISCARD lt_status lt_gemm_cublaslt_check(const lt_gemm_cublaslt *g, const lt_gemm_cublaslt_call *c);

/* On the launch's stream. LT_E_INTERNAL where an address is not a multiple of LT_CUBLASLT_ALIGN. */
LT_NODISCARD lt_status lt_gemm_cublaslt_run(const lt_launch *l, const lt_gemm_cublaslt *g, const lt_gemm_cublaslt_call *c);

#ifdef __cplusplus
}
#endif
#endif
