/* longtake/weights.h -- named tensors out of a checkpoint.
 *
 * in    a PyTorch checkpoint (zip, or legacy before 1.6), a safetensors file, or "synthetic:SEED"
 * out   names, types, sizes; values widened to f32
 * owns  the open file and the table of names; what is read is copied to the caller
 *
 * Nothing in a file is ever executed: a pickle is read by a small machine that builds dicts, lists, tuples, numbers, strings
 * and tensors, and refuses everything else by name. Tables and nesting are bounded; tensors are read when asked for, so a file may be larger
 * than memory. Names lose a common "module." prefix; a nested "state_dict", "model", "model_state_dict" or "params" (also "params_ema") is entered.
 * Thread: one lt_weights is used by one thread at a time. */
#ifndef LONGTAKE_WEIGHTS_H
#define LONGTAKE_WEIGHTS_H

#include <longtake/dtype.h>
#include <longtake/hash.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_WEIGHT_DIMS = 8 };

typedef struct lt_weights lt_weights;

typedef struct {
    const char *name;
    lt_dtype    dtype;                    /* in the file */
    int         n_dims;                   /* 0: a scalar */
    int64_t     dim[LT_WEIGHT_DIMS];
} lt_weight_info;

/* Opens a checkpoint, whatever its suffix: the kind is told by its first bytes. LT_E_ABSENT where there is none, LT_E_DATA with
 * one sentence that names what is wrong, LT_E_USAGE for a malformed "synthetic:". On failure *out is NULL. */
LT_NODISCARD lt_status lt_weights_open(const char *path, lt_weights **out);

/* "PyTorch zip", "PyTorch legacy", "safetensors", "synthetic". */
const char *lt_weights_kind(const lt_weights *w);

/* Made by lt_weights_open("synthetic:SEED"): everything made with it is meaningless. */
bool lt_weights_is_synthetic(const lt_weights *w);

/* Tensors in the file, in its order; 0 for synthetic weights, which have every tensor that is asked for. */
int64_t lt_weights_count(const lt_weights *w);

/* Tensor i, 0 <= i < count. Borrowed. */
const lt_weight_info *lt_weights_at(const lt_weights *w, int64_t i);

/* NULL where there is none of this name (always for synthetic weights). */
const lt_weight_info *lt_weights_find(const lt_weights *w, const char *name);

/* All values of a tensor, row-major, widened (or, from f64 and integers, rounded) to f32, into out [product of dim]. LT_E_DATA where there is none of
 * this name and shape or the file is damaged there. Synthetic: drawn by the formula of docs/weights.md from (seed, name, shape). */
LT_NODISCARD lt_status lt_weights_read(lt_weights *w, const char *name, int n_dims, const int64_t *dim, float *out);

/* What a model wants. */
typedef struct {
    const char *name;
    int         n_dims;
    int64_t     dim[LT_WEIGHT_DIMS];
} lt_weight_want;

/* Whether the file holds exactly what a model wants; `optional` [n_optional] names may be there or not. LT_E_DATA with one message: how many are missing,
 * unexpected, or of another shape, and the first few names of each. Synthetic weights fit everything. */
LT_NODISCARD lt_status lt_weights_fit(const lt_weights *w, const char *model, const lt_weight_want *want, int64_t n,
                                      const char *const *optional, int64_t n_optional);

/* Content hash: XXH3-128 of the file's bytes; of "synthetic:SEED" the text. Reads the whole file. */
LT_NODISCARD lt_status lt_weights_hash(lt_weights *w, lt_hash *out);

/* *w is NULL afterwards; NULL is accepted. */
void lt_weights_close(lt_weights **w);

#ifdef __cplusplus
}
#endif
#endif
