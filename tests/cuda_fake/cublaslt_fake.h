/* cuda_fake/cublaslt_fake.h -- what of cuBLASLt longtake calls, on a machine without a GPU.
 *
 * in    calls of cublasLt.h, which is NVIDIA's own header
 * out   products, computed in the plainest way when the stream comes to them; a log of what was asked, a line each
 * owns  the log, until it is forgotten
 *
 * As strict as the documentation: sizes that do not agree, types that are not combined, structures that were not initialised, rows or addresses that do
 * not begin at a multiple of 16 bytes, a C that is D with another layout, a bias of another type than D, an algorithm that did not come from here: the
 * call fails, and the log says why. Products of more than 2^33 multiply-adds, which nobody waits for, are NaN. */
#ifndef LT_TESTS_CUBLASLT_FAKE_H
#define LT_TESTS_CUBLASLT_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An answer of the heuristic. */
typedef struct {
    int      split_k;
    unsigned reduction;          /* CUBLASLT_REDUCTION_SCHEME_... */
    uint64_t flags;              /* CUBLASLT_NUMERICAL_IMPL_FLAGS_..., 0: what fits the types */
    int64_t  workspace;
    bool     no_batches, no_out_of_place;
    bool     fixed_split;        /* its split cannot be set */
    int64_t  most_rows;          /* AlgoCheck refuses more; 0: any number */
} lt_cublaslt_answer;

/* What the heuristic answers from now on; n 0: what it answers by itself, a split answer where that is allowed and then a plain one. Of these it
 * leaves out those whose reduction or workspace the preference excludes, unless `rude`. */
void lt_cublaslt_answers(const lt_cublaslt_answer *answers, int n, bool rude);

/* Since the last lt_cublaslt_forget(). */
const char *lt_cublaslt_log(void);
void        lt_cublaslt_forget(void);

#ifdef __cplusplus
}
#endif
#endif
