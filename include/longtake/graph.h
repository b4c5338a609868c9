/* longtake/graph.h -- a network written once: its weights, its plan and its execution come from one description.
 *
 * in    calls of the builder, made by a model (longtake/model.h)
 * out   a graph; a plan: kernels, layout of one arena, bytes, FLOPs; a session that runs it
 * owns  a graph its nodes and names; a plan its copy of the layout, it borrows the graph; a session its tables, it borrows plan, arena, pool
 *
 * Building. Every shape is concrete: a graph is for one size. The first error sticks, later calls do nothing, and
 * lt_graph_finish() returns it with the scope it happened in; so no line of a model checks. Weight names are the checkpoint's: the open
 * scopes and the given name, joined by dots.
 *
 * Parts. A model says where it may be cut, the plan decides how: everything between lt_part and lt_part_end is computed slice by slice
 * along one axis, and what leaves a part is whole. The cut never changes a bit, since no kernel's row depends on its neighbours.
 *
 * States live from run to run, in rows that a table picks: features kept for the next window, a ring of memories. A table is an array of
 * indices that the caller sets before a run.
 *
 * On a GPU a run returns when its work is on the session's stream; what is read or written between runs goes through that stream
 * (lt_session_stream, lt_session_read), and what lt_session_tensor gives is the device's memory.
 *
 * Thread: a graph is built by one thread; a plan is immutable; a session has one thread and spreads work over its pool. */
#ifndef LONGTAKE_GRAPH_H
#define LONGTAKE_GRAPH_H

#include <longtake/arena.h>
#include <longtake/atomic.h>
#include <longtake/kernel.h>
#include <longtake/status.h>
#include <longtake/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- describe ---- */

typedef struct lt_graph lt_graph;

/* A value of the graph; 0 after an error. */
typedef struct {
    int id;
} lt_val;

typedef struct {
    int     n;
    int64_t dim[LT_MAX_DIMS];
} lt_shape;

/* LT_SHAPE(2, 3, 4), LT_AXES(1, 0, 2): up to LT_MAX_DIMS sizes. */
#define LT_SHAPE(...)                                                                                     \
    ((lt_shape){ (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } })
#define LT_AXES(...) LT_SHAPE(__VA_ARGS__)

/* `compute`: LT_F32; LT_BF16 or LT_F16 for operands of matrix products and what they give (norms, softmax and sums stay f32). f16 is for GPUs: on
 * the CPU no kernel takes it, and a plan says so. */
LT_NODISCARD lt_status lt_graph_create(lt_dtype compute, lt_graph **out);

/* *g is NULL afterwards; NULL is accepted. */
void lt_graph_destroy(lt_graph **g);

/* Opens a scope of names, "blocks.%d"; closes the innermost. */
void lt_scope(lt_graph *g, const char *format, ...) LT_PRINTF(2, 3);
void lt_scope_end(lt_graph *g);

typedef enum {
    LT_CUT_FRAMES,               /* dimension 0 of every value, in micro-batches */
    LT_CUT_PIXELS,               /* dimension 1, in tiles; all of dimension 0 at once */
    LT_CUT_ROWS                  /* dimension 0, and the rows of maps [N,H,W,C] in bands; neighbours' rows are made again */
} lt_cut;

/* Begins and ends a part. Nodes lie in parts; views, inputs, states and tables may lie outside. */
void lt_part(lt_graph *g, const char *name, lt_cut cut);
void lt_part_end(lt_graph *g);

/* What the caller writes before each run of the parts that read it; other parts may use its memory. */
lt_val lt_input(lt_graph *g, const char *name, lt_dtype dtype, lt_shape shape);

/* A buffer that lives from run to run. In the type of the compute unless f32 is asked for. */
lt_val lt_state(lt_graph *g, const char *name, lt_dtype dtype, lt_shape shape);

/* Rows of a state, or of a whole value: entry i of the result is entry table[i]. n entries. */
lt_val lt_gather(lt_graph *g, lt_val x, const char *table, int64_t n);

/* Writes x, entry i to entry table[i] of a state. */
void lt_scatter(lt_graph *g, lt_val state, const char *table, lt_val x);

/* Names a value that the caller reads after a run; it is kept whole. */
void lt_output(lt_graph *g, lt_val x, const char *name);

/* Names a value that is kept, as an output is, where the plan asks for probes. The name is the open scopes' and `name`. What is kept is not joined
 * to what follows: in bf16 it is rounded where it would not be, and later values differ by that. */
void lt_probe(lt_graph *g, lt_val x, const char *name);

/* Size of dimension i (0 after an error), number of dimensions. */
int64_t lt_dim(const lt_graph *g, lt_val x, int i);

/* An error unless x has this shape. */
void lt_expect(lt_graph *g, lt_val x, lt_shape shape);

/* Element type that following operators compute and give; the graph's own at first. */
void lt_compute(lt_graph *g, lt_dtype compute);

/* ---- weights as values ---- */

/* A weight as it is in the checkpoint, f32. */
lt_val lt_param(lt_graph *g, const char *name, lt_shape shape);

/* A table made on the host from a weight (e.g. resampled positions): fn reads the weight, shape `from`, and writes `shape` f32. */
typedef lt_status (*lt_table_fn)(const void *ctx, const float *weight, float *out);
lt_val lt_table(lt_graph *g, const char *name, lt_shape from, lt_shape shape, lt_table_fn fn, const void *ctx, size_t ctx_bytes);

/* ---- operators ---- (formulas: src/kernels/<op>/<op>.h) */

/* name.weight [n,K] and, unless `no_bias`, name.bias [n]. */
lt_val lt_linear(lt_graph *g, lt_val x, const char *name, int64_t n);
lt_val lt_linear_no_bias(lt_graph *g, lt_val x, const char *name, int64_t n);

/* Several linears of one input, outputs side by side: [.., n_names * n]. No bias. */
lt_val lt_linear_side_by_side(lt_graph *g, lt_val x, const char *const *names, int n_names, int64_t n);

typedef struct {
    int  out, kernel, stride, pad, dilation, groups;     /* stride, dilation, groups: 0 reads as 1 */
    bool no_bias;
} lt_conv_opts;
lt_val lt_conv2d(lt_graph *g, lt_val x, const char *name, const lt_conv_opts *opts);

/* Kernel = stride = s, name.weight [C,out,s,s]. */
lt_val lt_conv_transpose2d(lt_graph *g, lt_val x, const char *name, int out, int s);

lt_val lt_layernorm(lt_graph *g, lt_val x, const char *name, float eps);

/* Statistics in one part, application in another: name.weight, name.bias. */
lt_val lt_groupnorm_stats(lt_graph *g, lt_val x, int groups, float eps);
lt_val lt_groupnorm(lt_graph *g, lt_val x, lt_val stats, const char *name, int groups);

/* y = softmax(scale q k^T) v; q [B,Tq,H,D], k, v [B,Tk,H,D]; lies in memory in the order q does. */
lt_val lt_attend(lt_graph *g, lt_val q, lt_val k, lt_val v, float scale);

lt_val lt_relu(lt_graph *g, lt_val x);
lt_val lt_gelu(lt_graph *g, lt_val x);
lt_val lt_geglu(lt_graph *g, lt_val x);

/* b is repeated where its size is 1. */
lt_val lt_add(lt_graph *g, lt_val a, lt_val b);
lt_val lt_mul(lt_graph *g, lt_val a, lt_val b);

/* x * name[C] along the last dimension. */
lt_val lt_scale(lt_graph *g, lt_val x, const char *name);

/* Bilinear, align_corners, to h x w. */
lt_val lt_resize(lt_graph *g, lt_val x, int64_t h, int64_t w);

/* a and b joined along dimension `axis`. */
lt_val lt_concat(lt_graph *g, lt_val a, lt_val b, int axis);

/* The same values as another type. */
lt_val lt_cast(lt_graph *g, lt_val x, lt_dtype dtype);

/* The same values, dense: for operators that cannot read a view as it lies (the plan says which). */
lt_val lt_contiguous(lt_graph *g, lt_val x);

/* ---- views: no work ---- */

lt_val lt_reshape(lt_graph *g, lt_val x, lt_shape shape);
lt_val lt_permute(lt_graph *g, lt_val x, lt_shape axes);
lt_val lt_slice(lt_graph *g, lt_val x, int axis, int64_t first, int64_t n);
lt_val lt_select(lt_graph *g, lt_val x, int axis, int64_t i);      /* a slice of one; the dimension goes */
lt_val lt_expand(lt_graph *g, lt_val x, lt_shape shape);           /* sizes 1 become those of `shape` */

/* Checks, fuses and orders. The first error of the builder, or LT_OK. */
LT_NODISCARD lt_status lt_graph_finish(lt_graph *g);

/* ---- what it wants ---- */

typedef struct {
    const char *name;
    lt_shape    shape;
} lt_graph_weight;

/* Weights in the order of first use, each once; returns how many. Borrowed. */
int lt_graph_weights(const lt_graph *g, const lt_graph_weight **weights);

/* ---- plan ---- */

typedef struct lt_plan lt_plan;

typedef struct {
    lt_machine machine;
    int64_t    frames;           /* of a micro-batch; at least 1 */
    int64_t    tile;             /* pixels of a tile; 0: all */
    int64_t    band;             /* output rows of a band; 0: all */
    bool       probes;
    bool       stream;           /* weights are brought layer by layer, into two places */
} lt_plan_opts;

/* Kernels, slices and one layout for all parts in their order. Pure: touches no device. */
LT_NODISCARD lt_status lt_graph_plan(const lt_graph *g, const lt_plan_opts *opts, lt_plan **out);

/* *plan is NULL afterwards; NULL is accepted. */
void lt_plan_destroy(lt_plan **plan);

size_t lt_plan_bytes(const lt_plan *plan);           /* of the arena: all */
size_t lt_plan_weight_bytes(const lt_plan *plan);    /* of them, weights as packed; where they are streamed, those two places and what is read all along */

/* Bytes that streamed weights are brought from: on a GPU pinned host memory, on the CPU a file. 0: they are not streamed. */
size_t lt_plan_streamed_bytes(const lt_plan *plan);

int    lt_plan_items(const lt_plan *plan, const lt_arena_item **items);

/* What an item of the plan holds. */
typedef enum {
    LT_ITEM_WEIGHT,              /* packed weights, and tables made of them */
    LT_ITEM_KEPT,                /* states: alive from run to run */
    LT_ITEM_VALUE,               /* inputs, outputs and what is between two operators */
    LT_ITEM_WORKSPACE            /* of one operator */
} lt_item_kind;
lt_item_kind lt_plan_item_kind(const lt_plan *plan, int item);

/* One executed operator of the plan. */
typedef struct {
    const char *part, *name, *op, *kernel;
    double      flops;           /* multiply-adds count two. A plan's: of a whole run of its part; a session's: done so far */
    double      seconds;         /* a session's: spent so far; a plan's: 0 */
    int64_t     launches;
} lt_node_info;
int  lt_plan_nodes(const lt_plan *plan);
void lt_plan_node(const lt_plan *plan, int i, lt_node_info *out);

/* ---- run ---- */

typedef struct lt_session lt_session;

/* Where weights come from: all values of a tensor, row-major f32. */
typedef struct {
    void *ctx;
    lt_status (*read)(void *ctx, const char *name, int n_dims, const int64_t *dim, float *out);
    const char *scratch;             /* directory of the file that a CPU streams weights from; NULL: that of TMPDIR, else /tmp */
} lt_weight_source;

/* Reads and packs the weights into the arena, or into what they are streamed from (LT_E_STORE where that has no room), and opens the kernels. After this nothing of ours allocates but what lt_session_record and
 * lt_session_profile make. The pool has no more threads than the plan's machine; the arena is in the memory that the plan's machine computes on. */
LT_NODISCARD lt_status lt_session_create(const lt_plan *plan, const lt_weight_source *weights, lt_arena *arena, lt_pool *pool,
                                         lt_session **out);

/* *s is NULL afterwards; NULL is accepted. */
void lt_session_destroy(lt_session **s);

/* The whole of an input, state, output or probe, in the memory of the arena. false where there is none of this name. Borrowed. */
bool lt_session_tensor(const lt_session *s, const char *name, lt_tensor *out);

/* Names that lt_session_tensor knows, in order; NULL at the end of the list. */
const char *lt_session_tensor_name(const lt_session *s, int i);

/* The indices of a table, which the caller sets; NULL where there is none of this name. *n: how many. A run takes them as they are when it is
 * called. */
int32_t *lt_session_table(lt_session *s, const char *name, int64_t *n);

/* Runs part `first` to part `last` (by name). Parts cut by frames or rows do the first `count` entries of dimension 0 (0: all); on a GPU whole
 * slices, so that every call has a size that was planned: up to a slice more entries are written. LT_E_STOPPED, outputs undefined, soon after *stop is
 * not zero; stop may be NULL. */
LT_NODISCARD lt_status lt_session_run(lt_session *s, const char *first, const char *last, int64_t count, const lt_atomic_int *stop);

/* On a GPU: makes a recording (longtake/device.h) of this run, which later runs of the same parts and count replay. It is run once to warm up, with
 * whatever the arena holds: before the first frame. Nothing on the CPU, and nothing where weights are streamed: launching hides behind copying there. */
LT_NODISCARD lt_status lt_session_record(lt_session *s, const char *first, const char *last, int64_t count);

/* What runs are put on; NULL on the CPU. */
lt_stream *lt_session_stream(lt_session *s);

/* Waits for all runs. Nothing on the CPU. */
LT_NODISCARD lt_status lt_session_finish(lt_session *s);

/* Entries first .. first + n - 1 of dimension 0 of an input, state, output or probe, as they lie (dense), into `out`, after all runs.
 * LT_E_ABSENT where there is none of this name. */
LT_NODISCARD lt_status lt_session_read(lt_session *s, const char *name, int64_t first, int64_t n, void *out);

/* Called for each executed operator of a run: seconds on the clock of longtake/clock.h. */
typedef struct {
    void *ctx;
    void (*span)(void *ctx, const char *part, const char *node, const char *kernel, double begin, double seconds);
} lt_session_spans;

/* From now on runs on a GPU are timed operator by operator by its own clock, and not replayed; on the CPU they always are. spans may be NULL. */
LT_NODISCARD lt_status lt_session_profile(lt_session *s, const lt_session_spans *spans);

/* Node i of the plan with what this session has spent on it. On a GPU seconds are those of profiled runs; it waits for them. */
void lt_session_node(lt_session *s, int i, lt_node_info *out);

#ifdef __cplusplus
}
#endif
#endif
