/* graph/layers.h -- weights that are brought layer by layer, while the layer before computes. Private to src/graph.
 *
 * in    packed weights, once
 * out   those of one layer at a time, in one of the two places that the plan laid out for them
 * owns  where they are brought from: pinned host memory for a GPU; for the CPU a file without a name, which is gone with the process, and a thread that reads it
 *
 * A layer is asked for together with the one after it, which is brought meanwhile into the other place. What lies in a place already is not brought again,
 * so a part of two layers or less is brought once for all its slices. On a GPU everything is put on streams and nobody waits; a run of layers is not
 * recorded, since launching hides behind copying. */
#ifndef LONGTAKE_GRAPH_LAYERS_H
#define LONGTAKE_GRAPH_LAYERS_H

#include "graph/plan.h"

typedef struct lt_layers lt_layers;

/* `base`: of the arena. `compute`: the stream of the GPU that launches are put on; NULL on the CPU. `scratch`: directory of the file; NULL: that of TMPDIR, else
 * /tmp; only read on the CPU. LT_E_STORE where it takes no file of this size. */
LT_NODISCARD lt_status lt_layers_create(const lt_plan *plan, char *base, lt_device *device, lt_stream *compute, const char *scratch, lt_layers **out);

/* *l is NULL afterwards; NULL is accepted. What was put on the compute stream is done. */
void lt_layers_destroy(lt_layers **l);

/* Where the weights of a step are packed, padded_bytes of them, before lt_layers_keep() takes them. All of this comes before the first lt_layers_bring(). */
void *lt_layers_place(lt_layers *l, const lt_plan_step *step);
LT_NODISCARD lt_status lt_layers_keep(lt_layers *l, const lt_plan_step *step);

/* Brings a layer, and begins to bring the one after it, -1: none. What is launched from now on may read *at, until another layer is asked for. LT_E_STOPPED soon
 * after *stop is not 0; stop may be NULL. */
LT_NODISCARD lt_status lt_layers_bring(lt_layers *l, int layer, int next, const lt_atomic_int *stop, const char **at);

#endif
