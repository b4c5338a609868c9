/* graph/graph.h -- what a graph is made of. Private to src/graph.
 *
 * A value has memory of its own (an input, a state, a weight, what a node gives) or is a view of one that has. A node is one operator
 * with its inputs, its weights and its output. */
#ifndef LONGTAKE_GRAPH_GRAPH_H
#define LONGTAKE_GRAPH_GRAPH_H

#include <longtake/graph.h>

enum { LT_GRAPH_ATTR = 96, LT_GRAPH_NAMES = 4, LT_GRAPH_NAME = 160 };

typedef enum { LT_VALUE_NODE, LT_VALUE_INPUT, LT_VALUE_STATE, LT_VALUE_WEIGHT, LT_VALUE_VIEW } lt_value_kind;
typedef enum { LT_VIEW_RESHAPE, LT_VIEW_PERMUTE, LT_VIEW_SLICE, LT_VIEW_EXPAND, LT_VIEW_GATHER } lt_view_kind;

/* A weight of a node or value: one tensor, or several stacked along dimension 0. */
typedef struct {
    int         n_names;                  /* 0: absent */
    int         weight[LT_GRAPH_NAMES];   /* indices into lt_graph.weights */
    lt_shape    shape;                    /* stacked */
    lt_table_fn fn;                       /* NULL: as it is */
    void       *ctx;
    lt_shape    made;                     /* of what fn makes */
} lt_weight_ref;

typedef struct {
    lt_value_kind kind;
    lt_dtype      dtype;
    lt_shape      shape;                  /* whole */
    int           part;                   /* that makes it; -1: none */
    int           cut;                    /* dimension that its part slices; -1: none */
    char         *name;                   /* of an input, state, output or probe; NULL: none */
    bool          output, probe;
    int           base;                   /* VIEW: of this value */
    lt_view_kind  view;
    lt_shape      to;                     /* RESHAPE, EXPAND: shape; PERMUTE: axes; SLICE: axis, first, n */
    int           table;                  /* GATHER */
    lt_weight_ref weight;                 /* WEIGHT */
} lt_value;

typedef struct {
    lt_op         op;
    int           part;
    char         *name;                   /* the scope and what it is */
    union {
        char      bytes[LT_GRAPH_ATTR];
        double    align_;
    } attr;
    int           in[LT_MAX_IN];          /* 0: absent */
    int           out;
    lt_weight_ref weight[LT_MAX_WEIGHTS];
    bool          dead;                   /* fused into another */
} lt_node;

typedef struct {
    char  *name;
    lt_cut cut;
    int    first, n;                      /* after lt_graph_finish: nodes in order */
    int64_t extent, pixels;               /* sizes of dimension 0 and, for PIXELS, of dimension 1 */
} lt_graph_part;

typedef struct {
    char   *name;
    int64_t n;
} lt_graph_table;

struct lt_graph {
    lt_status        st;                  /* the first error; its text is `error` */
    lt_error         error;
    lt_dtype         graph_compute, compute;
    lt_value        *values;              /* from 1 on */
    int              n_values, max_values;
    lt_node         *nodes;
    int              n_nodes, max_nodes;
    lt_graph_part   *parts;
    int              n_parts, max_parts, part;       /* part: the open one, -1 */
    lt_graph_weight *weights;
    int              n_weights, max_weights;
    lt_graph_table  *tables;
    int              n_tables, max_tables;
    char             scope[LT_GRAPH_NAME];
    bool             finished;
};

/* ---- graph.c: pieces of the builder ---- */

/* Takes the thread's error record as the graph's. */
void lt_graph_fail(lt_graph *g);

/* Raises LT_E_INTERNAL "in <scope>: ..." once. */
void lt_graph_error(lt_graph *g, const char *format, ...) LT_PRINTF(2, 3);

bool lt_graph_ok(const lt_graph *g);
lt_value *lt_graph_value(const lt_graph *g, int id);

/* A new value; 0 after an error. The pointers of earlier values are void afterwards. */
lt_val lt_graph_add_value(lt_graph *g, lt_value_kind kind, lt_dtype dtype, lt_shape shape);

/* A new node in the open part, `name` is appended to the scope; NULL after an error. Its output is a new value. */
lt_node *lt_graph_add_node(lt_graph *g, lt_op op, const char *name, lt_dtype dtype, lt_shape out);

/* A reference to weights named <scope>.<names[i]><suffix>, each of `shape`, stacked. */
lt_weight_ref lt_graph_ref(lt_graph *g, const char *const *names, int n, const char *suffix, lt_shape shape);

int64_t lt_shape_count(const lt_shape *s);
bool    lt_shape_same(const lt_shape *a, const lt_shape *b);

/* The value with memory that a view looks at, and itself for others. */
int lt_graph_root(const lt_graph *g, int id);

/* ---- fuse.c ---- */

/* Joins operators in place. */
LT_NODISCARD lt_status lt_graph_fuse(lt_graph *g, bool probes);

/* ---- view.c ---- */

/* The view `v` of a tensor of its base; `cut` (-1: none) is the dimension of v of which only `extent` are there. false where the strides do not
 * allow it. tables [n_tables]. */
bool lt_view_apply(const lt_value *v, const lt_tensor *base, int cut, int64_t extent, int32_t *const *tables, lt_tensor *out);

/* The dimension of a view that corresponds to dimension `cut` of its base; -1 where it is lost or there is none. */
int lt_view_cut(const lt_value *v, const lt_shape *base, int cut);

/* ---- cost.c ---- */

/* Floating-point operations of one call, a multiply-add counted as two. */
double lt_node_flops(lt_op op, const lt_args *a);

#endif
