/* longtake/model.h -- the networks that longtake knows.
 *
 * in    a name
 * out   what it is for, what its weights are called and under which licence they come; its graph
 * owns  nothing; a list of wants is the caller's to free
 *
 * A network is a function over lt_graph; its file in src/models cites the upstream line above each step. */
#ifndef LONGTAKE_MODEL_H
#define LONGTAKE_MODEL_H

#include <longtake/graph.h>
#include <longtake/status.h>
#include <longtake/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How large and in what way it is built. A model reads what concerns it. */
typedef struct {
    int      width, height;      /* of the input */
    int      frames;             /* of a window */
    int      slots;              /* features held; at least `frames` */
    int      batch;              /* frames given at once to the part that encodes */
    lt_dtype compute;
} lt_model_size;

typedef struct {
    const char *name;            /* "vda-vits" */
    const char *task;            /* "depth" */
    const char *title;
    int64_t     n_parameters;
    const char *licence;         /* of the released weights */
    const char *source;          /* where users get them */
    const char *file;            /* their usual file name */
    const void *config;          /* the model's own */
    lt_model_size smallest;      /* a size it can be built for; for the list of its weights */
    lt_status (*check)(const lt_model_size *size);              /* LT_E_USAGE with a sentence for a size that cannot be */
    void      (*build)(lt_graph *g, const void *config, const lt_model_size *size);
    const char *const *optional; /* tensors that a checkpoint may hold and nothing reads */
    int         n_optional;
} lt_model;

int lt_model_count(void);
const lt_model *lt_model_at(int i);

/* LT_E_USAGE for a name that is not known, with those that are. */
LT_NODISCARD lt_status lt_model_find(const char *name, const lt_model **out);

/* The finished graph of a model. */
LT_NODISCARD lt_status lt_model_graph(const lt_model *m, const lt_model_size *size, lt_graph **out);

/* The tensors that a checkpoint must hold: *wants [*n], one block that the caller frees, its names inside it. *optional [*n_optional] borrowed. */
LT_NODISCARD lt_status lt_model_wants(const lt_model *m, lt_weight_want **wants, int64_t *n, const char *const **optional, int64_t *n_optional);

#ifdef __cplusplus
}
#endif
#endif
