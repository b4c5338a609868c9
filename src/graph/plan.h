/* graph/plan.h -- a graph laid out: what runs in which order, and where each value lies. Private to src/graph.
 *
 * Every value with memory is whole, or as large as the largest slice of the part that makes and reads it. Time is counted in nodes, in the
 * order they run; since a part runs once for each slice, what crosses its border is alive for all of it. */
#ifndef LONGTAKE_GRAPH_PLAN_H
#define LONGTAKE_GRAPH_PLAN_H

#include "graph/graph.h"

/* Where a value with memory lies. */
typedef struct {
    bool    used, whole;         /* whole: not a slice */
    int     place;               /* the value whose memory it shares; itself: its own */
    int     first, last;         /* steps */
    size_t  n_bytes;
    int     item;                /* in lt_plan.items; -1: none */
} lt_plan_value;

typedef struct {
    int              node;       /* in lt_plan.g.nodes */
    const lt_kernel *kernel;
    size_t           packed_bytes, workspace_bytes;
    int              packed_item, workspace_item;       /* -1: none */
    int              layer;      /* streamed weights: whose; -1: of none */
    size_t           packed_at;  /* in the layer */
    double           flops;
    int64_t          launches;
} lt_plan_step;

typedef struct {
    int     first, n;            /* steps */
    lt_cut  cut;
    int64_t extent;              /* of dimension 0 (PIXELS: of dimension 1) */
    int64_t slice;               /* entries of it at once */
    int64_t rows, band;          /* ROWS: rows of what leaves the part, and of a band */
} lt_plan_part;

/* Weights of consecutive steps of a part that are brought together. */
typedef struct {
    int    part;
    size_t n_bytes;
    size_t at;                   /* in what they are brought from: bytes of the layers before */
} lt_plan_layer;

struct lt_plan {
    lt_graph       g;            /* a copy with values and nodes of its own; names are the graph's */
    lt_plan_opts   opts;
    lt_plan_value *values;       /* [g.n_values] */
    lt_plan_step  *steps;
    int            n_steps;
    lt_plan_part  *parts;        /* [g.n_parts] */
    lt_arena_item *items;
    uint8_t       *item_kind;    /* [n_items] lt_item_kind */
    int            n_items;
    lt_plan_layer *layers;       /* [n_layers]; none: all weights lie in the arena */
    int            n_layers;
    int            layer_item[2];    /* two places, each as large as the largest layer */
    size_t         streamed_bytes;   /* of all layers */
    int            tables_item;  /* CUDA: the device's copy of all tables; -1: none */
    int64_t       *table_at;     /* [n_tables] entries before each table's in it */
    int64_t        n_entries;    /* of all tables */
    size_t         n_bytes, weight_bytes;
};

/* One slice of a part. lo, hi [n_values]: ROWS: the rows of each value that are made. */
typedef struct {
    const lt_plan *plan;
    int            part;
    int64_t        first, n;     /* entries of the axis that is cut */
    bool           last;         /* of the part */
    int64_t       *lo, *hi;
    char          *base;         /* of the arena; NULL while planning */
    int32_t      **tables;       /* [n_tables] */
} lt_slice_of;

/* Rows lo, hi of all values of the part that a band y0 <= y < y1 of its output needs. */
void lt_slice_rows(lt_slice_of *s, int64_t y0, int64_t y1);

/* The arguments of a step in a slice. LT_E_INTERNAL where the strides of a view do not allow it. */
LT_NODISCARD lt_status lt_slice_args(const lt_slice_of *s, const lt_plan_step *step, lt_args *out);

/* The whole of a value. */
lt_tensor lt_slice_whole(const lt_slice_of *s, int id);

/* Calls fn for each slice of a part whose dimension 0 has `extent` entries (PIXELS: all of dimension 1), in order. */
LT_NODISCARD lt_status lt_slice_each(lt_slice_of *s, int64_t extent, lt_status (*fn)(void *ctx, const lt_slice_of *s), void *ctx);

#endif
