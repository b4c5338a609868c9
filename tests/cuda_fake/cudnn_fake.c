#include "cudnn_fake.h"
#include "cuda_fake.h"
#include "fake_log.h"
#include "fake_values.h"

#include <cudnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x63644e4e, GONE = 0x676f6e65, SET_MAX = 16, ENGINES_MAX = 8, KNOBS_MAX = 4 };

struct cudnnContext {
    cudaStream_t stream;
};

typedef struct {
    int64_t n, values[4];
} list;

/* One struct for all descriptors; each uses its own part. */
typedef struct descriptor {
    int                          magic;
    cudnnBackendDescriptorType_t type;
    bool                         final;
    cudnnBackendAttributeName_t  set[SET_MAX];
    int                          n_set;
    /* tensor */
    cudnnDataType_t              dtype;
    list                         dim, stride;
    int64_t                      uid, align;
    /* convolution */
    int64_t                      spatial;
    cudnnConvolutionMode_t       mode;
    list                         pre, post, dilation, step;
    /* operation, graph, engine, configuration, heuristic, plan */
    struct descriptor           *x, *w, *y, *conv, *op, *graph, *engine, *config, *knobs[KNOBS_MAX];
    float                        alpha, beta;
    cudnnHandle_t                handle;
    int64_t                      index, n_knobs, value;
    cudnnBackendKnobType_t       knob;
    cudnnBackendHeurMode_t       heuristic;
    /* variant pack */
    list                         uids;
    void                        *pointer[4], *workspace;
    int64_t                      n_pointers;
} descriptor;

static lt_fake_log record;
static lt_cudnn_engine told[ENGINES_MAX];
static int n_told, n_live;

void lt_cudnn_engines(const lt_cudnn_engine *engines, int n)
{
    n_told = n < ENGINES_MAX ? n : ENGINES_MAX;
    if (n_told) memcpy(told, engines, (size_t)n_told * sizeof *told);
}

const char *lt_cudnn_log(void)
{
    return lt_fake_log_text(&record);
}

void lt_cudnn_forget(void)
{
    lt_fake_log_forget(&record);
}

int lt_cudnn_descriptors(void)
{
    return n_live;
}

static cudnnStatus_t refuse(const char *what, const char *why)
{
    lt_fake_log_add(&record, "%s refused: %s\n", what, why);
    return CUDNN_STATUS_BAD_PARAM;
}

static const lt_cudnn_engine own[] = {
    { .index = 7, .numerical = 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE, .n_knobs = 2, .workspace = 1 << 20,
      .knob = { CUDNN_KNOB_TYPE_TILE_SIZE, CUDNN_KNOB_TYPE_STAGES }, .value = { 3, 4 } },
    { .index = 8 },
};

static int n_engines(void)
{
    return n_told ? n_told : (int)(sizeof own / sizeof *own);
}

static const lt_cudnn_engine *engine_at(int i)
{
    return n_told ? &told[i] : &own[i];
}

static const lt_cudnn_engine *engine_of(int64_t index)
{
    for (int i = 0; i < n_engines(); i++)
        if (engine_at(i)->index == index) return engine_at(i);
    return NULL;
}

/* ---- handle ---- */

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    if (lt_fake_fault("cudnnCreate")) return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = calloc(1, sizeof **handle);
    return *handle ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    free(handle);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

size_t cudnnGetVersion(void)
{
    return CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    return status == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : status / 1000 == 3 ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM";
}

/* ---- descriptors ---- */

static descriptor *live(cudnnBackendDescriptor_t d)
{
    descriptor *x = d;
    return x && x->magic == MAGIC ? x : NULL;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
    descriptor *d = calloc(1, sizeof *d);
    *out = d;
    if (!d) return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    d->magic = MAGIC;
    d->type = type;
    n_live++;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor_)
{
    descriptor *d = live(descriptor_);
    if (!d) return refuse("destroy", "no such descriptor");
    d->magic = GONE;
    n_live--;
    free(d);
    return CUDNN_STATUS_SUCCESS;
}

/* Where an attribute lies, what it is made of, and how many there may be; `n` is where their number is kept. */
typedef struct {
    cudnnBackendDescriptorType_t of;
    cudnnBackendAttributeType_t  type;
    void                        *to;
    size_t                       size;
    int64_t                      most, *n;
    bool                         required;
} slot;

static slot find(descriptor *d, cudnnBackendAttributeName_t name)
{
#define ONE(of, attribute, kind, field, needed) \
    case attribute: return (slot){ of, kind, &d->field, sizeof d->field, 1, NULL, needed };
#define MANY(of, attribute, kind, field, count, needed) \
    case attribute: return (slot){ of, kind, d->field, sizeof *d->field, 4, &d->count, needed };
    switch ((int)name) {
        ONE(CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, dtype, true)
        MANY(CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dim.values, dim.n, true)
        MANY(CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, stride.values, stride.n, true)
        ONE(CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, uid, true)
        ONE(CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, align, true)
        ONE(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, spatial, true)
        ONE(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, dtype, true)
        ONE(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, mode, true)
        MANY(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, pre.values, pre.n, true)
        MANY(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, post.values, post.n, true)
        MANY(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, dilation.values, dilation.n, true)
        MANY(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, step.values, step.n, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, x, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, w, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_TYPE_BACKEND_DESCRIPTOR, y, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, conv, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, alpha, true)
        ONE(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, beta, true)
        ONE(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, op, true)
        ONE(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle, true)
        ONE(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, graph, true)
        ONE(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, heuristic, true)
        ONE(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, graph, true)
        ONE(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, index, true)
        ONE(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, knob, true)
        ONE(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, value, true)
        ONE(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, engine, true)
        MANY(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, knobs, n_knobs, false)
        ONE(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle, true)
        ONE(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, config, true)
        MANY(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, uids.values, uids.n, true)
        MANY(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointer, n_pointers, true)
        ONE(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace, false)
    default: return (slot){ .to = NULL };
    }
#undef ONE
#undef MANY
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor_, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t n,
                                       const void *from)
{
    descriptor *d = live(descriptor_);
    if (!d) return refuse("set", "no such descriptor");
    if (d->final) return refuse("set", "a descriptor that is final");
    const slot s = find(d, name);
    if (!s.to || s.of != d->type) return refuse("set", "an attribute of another descriptor, or not faked");
    if (s.type != type || n < 1 || n > s.most || (!s.n && n != 1)) return refuse("set", "an attribute of another type or number");
    const descriptor *const *others = from;
    for (int64_t i = 0; type == CUDNN_TYPE_BACKEND_DESCRIPTOR && i < n; i++)
        if (others[i]->magic != MAGIC || !others[i]->final) return refuse("set", "a descriptor that is not final");
    memcpy(s.to, from, (size_t)n * s.size);
    if (s.n) *s.n = n;
    if (d->n_set < SET_MAX) d->set[d->n_set++] = name;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- finalising ---- */

static bool complete(descriptor *d)
{
    for (int name = 0; name < 1100; name++) {
        const slot s = find(d, (cudnnBackendAttributeName_t)name);
        bool set = false;
        if (!s.to || s.of != d->type || !s.required) continue;
        for (int i = 0; i < d->n_set; i++) set = set || (int)d->set[i] == name;
        if (!set) {
            lt_fake_log_add(&record, "attribute %d is missing\n", name);
            return false;
        }
    }
    return true;
}

static int64_t bytes_of(cudnnDataType_t t)
{
    return t == CUDNN_DATA_FLOAT ? 4 : 2;
}

static const char *tensor_wrong(const descriptor *d)
{
    if (d->dtype != CUDNN_DATA_FLOAT && d->dtype != CUDNN_DATA_HALF && d->dtype != CUDNN_DATA_BFLOAT16) return "a type that is not faked";
    if (d->dim.n != 4 || d->stride.n != 4) return "a tensor that is not of four dimensions";
    for (int i = 0; i < 4; i++)
        if (d->dim.values[i] < 1 || d->stride.values[i] < 1) return "a size or stride below 1";
    if (d->stride.values[1] != 1) return "channels that are not last";
    if (d->stride.values[3] < d->dim.values[1]) return "pixels that overlap";
    for (int i = 0; i < 4; i++)
        if (i != 1 && d->dim.values[i] > 1 && d->stride.values[i] * bytes_of(d->dtype) % d->align) return "pixels off the alignment";
    return d->align == 16 ? NULL : "an alignment that is not 16";
}

static const char *operation_wrong(const descriptor *d)
{
    const descriptor *x = d->x, *w = d->w, *y = d->y, *c = d->conv;
    if (c->spatial != 2 || c->pre.n != 2 || c->post.n != 2 || c->dilation.n != 2 || c->step.n != 2) return "a convolution that is not of two dimensions";
    if (c->dtype != CUDNN_DATA_FLOAT || c->mode != CUDNN_CROSS_CORRELATION) return "sums that are not f32, or a kernel turned round";
    if (x->dtype != w->dtype || x->dtype != y->dtype) return "types that are not combined";
    if (x->dim.values[0] != y->dim.values[0] || x->dim.values[1] != w->dim.values[1] || y->dim.values[1] != w->dim.values[0]) return "frames or channels that do not agree";
    if (x->dim.values[1] * bytes_of(x->dtype) % 16 || y->dim.values[1] * bytes_of(y->dtype) % 16) return "channels that tensor cores do not take";
    for (int i = 0; i < 2; i++) {
        const int64_t reach = c->dilation.values[i] * (w->dim.values[2 + i] - 1);
        const int64_t room = x->dim.values[2 + i] + c->pre.values[i] + c->post.values[i] - reach - 1;
        if (room < 0 || room / c->step.values[i] + 1 != y->dim.values[2 + i]) return "an output of another size";
    }
    if (x->uid == w->uid || x->uid == y->uid || w->uid == y->uid) return "two tensors of one name";
    return d->alpha == 1 && d->beta == 0 ? NULL : "alpha and beta that are not faked";
}

/* Values of a tensor with gaps: an engine moves it to its workspace. */
static int64_t gaps(const descriptor *t)
{
    const int64_t *d = t->dim.values, *s = t->stride.values;
    const bool packed = s[3] == d[1] && s[2] == d[3] * d[1] && (d[0] == 1 || s[0] == d[2] * d[3] * d[1]);
    return packed ? 0 : d[0] * d[1] * d[2] * d[3] * bytes_of(t->dtype);
}

static int64_t workspace_of(const descriptor *plan)
{
    const descriptor *op = plan->config->engine->graph->op;
    return engine_of(plan->config->engine->index)->workspace + gaps(op->x) + gaps(op->y);
}

static const char *plan_wrong(const descriptor *d, bool *unsupported)
{
    const descriptor *op = d->config->engine->graph->op;
    const lt_cudnn_engine *e = engine_of(d->config->engine->index);
    *unsupported = true;
    if (e->most_frames && op->x->dim.values[0] > e->most_frames) return "more frames than the engine takes";
    if (e->padded_only && op->conv->pre.values[0] == 0) return "no padding";
    if (op->conv->pre.values[0] != op->conv->post.values[0] || op->conv->pre.values[1] != op->conv->post.values[1]) return "padding that is not the same on both sides";
    *unsupported = false;
    if (d->config->n_knobs != e->n_knobs) return "knobs of another engine";
    for (int i = 0; i < e->n_knobs; i++)
        if ((int)d->config->knobs[i]->knob != e->knob[i] || d->config->knobs[i]->value != e->value[i]) return "knobs that the heuristic did not name";
    return NULL;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor_)
{
    descriptor *d = live(descriptor_);
    const char *why = NULL;
    bool unsupported = false;
    if (!d) return refuse("finalize", "no such descriptor");
    if (d->final) why = "final already";
    else if (!complete(d)) why = "an attribute is missing";
    else if (d->type == CUDNN_BACKEND_TENSOR_DESCRIPTOR) why = tensor_wrong(d);
    else if (d->type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) why = operation_wrong(d);
    else if (d->type == CUDNN_BACKEND_ENGINE_DESCRIPTOR && !engine_of(d->index)) why = "no such engine";
    else if (d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) why = plan_wrong(d, &unsupported);
    else if (d->type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR && d->uids.n != d->n_pointers) why = "names without addresses";
    if (why && unsupported) {
        lt_fake_log_add(&record, "plan not supported by engine %lld: %s\n", (long long)d->config->engine->index, why);
        return CUDNN_STATUS_NOT_SUPPORTED;
    }
    if (why) return refuse("finalize", why);
    d->final = true;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- reading ---- */

/* The i-th engine that a mode of the heuristic names; NULL: no more. */
static const lt_cudnn_engine *named(cudnnBackendHeurMode_t mode, int64_t i)
{
    for (int k = 0; k < n_engines(); k++)
        if (engine_at(k)->fallback == (mode == CUDNN_HEUR_MODE_FALLBACK) && i-- == 0) return engine_at(k);
    return NULL;
}

/* A configuration's engine is made when the configuration is read: as an object of its own that lives with the process's configurations. */
static cudnnStatus_t read_results(const descriptor *d, int64_t wanted, int64_t *n, cudnnBackendDescriptor_t *to)
{
    *n = 0;
    while (named(d->heuristic, *n)) (*n)++;
    for (int64_t i = 0; i < *n && i < wanted; i++) {
        descriptor *c = live(to[i]);
        if (!c || c->type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) return refuse("results", "no configurations to fill");
        c->index = named(d->heuristic, i)->index;
        c->graph = d->graph;
        c->final = true;
    }
    if (wanted && *n > wanted) *n = wanted;
    if (wanted) lt_fake_log_add(&record, "heuristic %s: %lld answers\n", d->heuristic == CUDNN_HEUR_MODE_A ? "A" : d->heuristic == CUDNN_HEUR_MODE_FALLBACK ? "fallback" : "?", (long long)*n);
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t read_notes(unsigned bits, int64_t wanted, int64_t *n, int *to)
{
    *n = 0;
    for (int i = 0; i < 32; i++)
        if (bits >> i & 1u && *n < wanted) to[(*n)++] = i;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t read_knobs(const descriptor *d, int64_t wanted, int64_t *n, cudnnBackendDescriptor_t *to)
{
    const lt_cudnn_engine *e = engine_of(d->index);
    *n = e->n_knobs;
    for (int64_t i = 0; i < *n && i < wanted; i++) {
        descriptor *k = live(to[i]);
        if (!k || k->type != CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR) return refuse("knobs", "no choices to fill");
        k->knob = (cudnnBackendKnobType_t)e->knob[i];
        k->value = e->value[i];
        k->final = true;
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor_, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                       int64_t wanted, int64_t *n, void *to)
{
    descriptor *d = live(descriptor_);
    int64_t count = 1;
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    if (!d || !d->final) return refuse("get", "a descriptor that is not final");
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && type == CUDNN_TYPE_BACKEND_DESCRIPTOR && d->type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) {
        e = read_results(d, wanted, &count, to);
    } else if (name == CUDNN_ATTR_ENGINECFG_ENGINE && type == CUDNN_TYPE_BACKEND_DESCRIPTOR && d->type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR && wanted == 1) {
        descriptor *engine = live(*(cudnnBackendDescriptor_t *)to);
        if (!engine || engine->type != CUDNN_BACKEND_ENGINE_DESCRIPTOR) return refuse("get", "no engine to fill");
        engine->index = d->index;
        engine->graph = d->graph;
        engine->final = true;
    } else if (name == CUDNN_ATTR_ENGINECFG_KNOB_CHOICES && type == CUDNN_TYPE_BACKEND_DESCRIPTOR && d->type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
        e = read_knobs(d, wanted, &count, to);
    } else if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE && type == CUDNN_TYPE_NUMERICAL_NOTE && d->type == CUDNN_BACKEND_ENGINE_DESCRIPTOR) {
        e = read_notes(engine_of(d->index)->numerical, wanted, &count, to);
    } else if (name == CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE && type == CUDNN_TYPE_BEHAVIOR_NOTE && d->type == CUDNN_BACKEND_ENGINE_DESCRIPTOR) {
        e = read_notes(engine_of(d->index)->behavior, wanted, &count, to);
    } else if (name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX && type == CUDNN_TYPE_INT64 && d->type == CUDNN_BACKEND_ENGINE_DESCRIPTOR && wanted == 1) {
        memcpy(to, &d->index, sizeof d->index);
    } else if (name == CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE && type == CUDNN_TYPE_KNOB_TYPE && d->type == CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR && wanted == 1) {
        memcpy(to, &d->knob, sizeof d->knob);
    } else if (name == CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE && type == CUDNN_TYPE_INT64 && d->type == CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR && wanted == 1) {
        memcpy(to, &d->value, sizeof d->value);
    } else if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && type == CUDNN_TYPE_INT64 && d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR && wanted == 1) {
        const int64_t n_bytes = workspace_of(d);
        memcpy(to, &n_bytes, sizeof n_bytes);
    } else {
        return refuse("get", "an attribute of another descriptor or type, or not faked");
    }
    if (n) *n = count;
    return e;
}

/* ---- the convolution ---- */

typedef struct {
    int         type;
    int64_t     n, c_in, c_out, x_h, x_w, y_h, y_w, kernel[2], pad[2], step[2], dilation[2], x_stride[4], y_stride[4], w_stride[4];
    const void *x, *w;
    void       *y;
} job;

/* Maps and weights as f64, dense: [n][h][w][c]. */
static double *widened(const void *data, int type, int64_t n, int64_t h, int64_t w, int64_t c, const int64_t stride[4])
{
    double *out = malloc((size_t)(n * h * w * c) * sizeof *out), *to = out;
    if (!out) abort();
    for (int64_t a = 0; a < n; a++)
        for (int64_t i = 0; i < h; i++)
            for (int64_t k = 0; k < w; k++)
                for (int64_t m = 0; m < c; m++) *to++ = fake_get(data, type, a * stride[0] + m * stride[1] + i * stride[2] + k * stride[3]);
    return out;
}

static double sum_at(const job *j, const double *x, const double *w, int64_t h, int64_t v)
{
    double sum = 0;
    for (int64_t p = 0; p < j->kernel[0]; p++)
        for (int64_t q = 0; q < j->kernel[1]; q++) {
            const int64_t a = h * j->step[0] - j->pad[0] + p * j->dilation[0], b = v * j->step[1] - j->pad[1] + q * j->dilation[1];
            if (a < 0 || a >= j->x_h || b < 0 || b >= j->x_w) continue;
            const double *from = x + (a * j->x_w + b) * j->c_in, *by = w + (p * j->kernel[1] + q) * j->c_in;
            for (int64_t c = 0; c < j->c_in; c++) sum += from[c] * by[c];
        }
    return sum;
}

static int convolve(void *work)
{
    const job *j = work;
    const int64_t map = j->x_h * j->x_w * j->c_in, filter = j->kernel[0] * j->kernel[1] * j->c_in;
    double *x = widened(j->x, j->type, j->n, j->x_h, j->x_w, j->c_in, j->x_stride);
    double *w = widened(j->w, j->type, j->c_out, j->kernel[0], j->kernel[1], j->c_in, j->w_stride);
    for (int64_t n = 0; n < j->n; n++)
        for (int64_t h = 0; h < j->y_h; h++)
            for (int64_t v = 0; v < j->y_w; v++)
                for (int64_t f = 0; f < j->c_out; f++)
                    fake_set(j->y, j->type, n * j->y_stride[0] + f * j->y_stride[1] + h * j->y_stride[2] + v * j->y_stride[3],
                             sum_at(j, x + n * map, w + f * filter, h, v));
    free(x);
    free(w);
    return 1;
}

static void *address_of(const descriptor *pack, int64_t uid)
{
    for (int64_t i = 0; i < pack->uids.n; i++)
        if (pack->uids.values[i] == uid) return pack->pointer[i];
    return NULL;
}

static void describe(const descriptor *op, const descriptor *plan, char *text, size_t size)
{
    const descriptor *x = op->x, *w = op->w, *y = op->y, *c = op->conv;
    int n = snprintf(text, size, "conv %s [%lld,%lld,%lld,%lld] by %lld %lld %lld -> [%lld,%lld,%lld,%lld] by %lld %lld %lld kernel %lldx%lld pad %lld %lld stride %lld dilation %lld engine %lld",
                     x->dtype == CUDNN_DATA_HALF ? "f16" : x->dtype == CUDNN_DATA_BFLOAT16 ? "bf16" : "f32", (long long)x->dim.values[0], (long long)x->dim.values[2],
                     (long long)x->dim.values[3], (long long)x->dim.values[1], (long long)x->stride.values[0], (long long)x->stride.values[2],
                     (long long)x->stride.values[3], (long long)y->dim.values[0], (long long)y->dim.values[2], (long long)y->dim.values[3],
                     (long long)y->dim.values[1], (long long)y->stride.values[0], (long long)y->stride.values[2], (long long)y->stride.values[3],
                     (long long)w->dim.values[2], (long long)w->dim.values[3], (long long)c->pre.values[0], (long long)c->pre.values[1],
                     (long long)c->step.values[0], (long long)c->dilation.values[0], (long long)plan->config->engine->index);
    for (int64_t i = 0; i < plan->config->n_knobs && n > 0 && (size_t)n < size; i++)
        n += snprintf(text + n, size - (size_t)n, " %d=%lld", (int)plan->config->knobs[i]->knob, (long long)plan->config->knobs[i]->value);
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan_, cudnnBackendDescriptor_t pack_)
{
    const descriptor *plan = live(plan_), *pack = live(pack_);
    char text[600];
    if (!handle || !plan || !pack || !plan->final || !pack->final) return refuse("execute", "a descriptor that is not final");
    if (plan->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR || pack->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) return refuse("execute", "no plan, or no addresses");
    if (plan->handle != handle) return refuse("execute", "a plan of another handle");
    const descriptor *op = plan->config->engine->graph->op, *x = op->x, *w = op->w, *y = op->y, *c = op->conv;
    job j = { .type = x->dtype == CUDNN_DATA_HALF ? CUDA_R_16F : x->dtype == CUDNN_DATA_BFLOAT16 ? CUDA_R_16BF : CUDA_R_32F,
              .n = x->dim.values[0], .c_in = x->dim.values[1], .c_out = y->dim.values[1], .x_h = x->dim.values[2], .x_w = x->dim.values[3],
              .y_h = y->dim.values[2], .y_w = y->dim.values[3], .x = address_of(pack, x->uid), .w = address_of(pack, w->uid), .y = address_of(pack, y->uid) };
    for (int i = 0; i < 2; i++) {
        j.kernel[i] = w->dim.values[2 + i];
        j.pad[i] = c->pre.values[i];
        j.step[i] = c->step.values[i];
        j.dilation[i] = c->dilation.values[i];
    }
    memcpy(j.x_stride, x->stride.values, sizeof j.x_stride);
    memcpy(j.w_stride, w->stride.values, sizeof j.w_stride);
    memcpy(j.y_stride, y->stride.values, sizeof j.y_stride);
    if (!j.x || !j.w || !j.y) return refuse("execute", "a tensor without an address");
    if (((uintptr_t)j.x | (uintptr_t)j.w | (uintptr_t)j.y) % 16) return refuse("execute", "an address off its alignment");
    if (workspace_of(plan) && !pack->workspace) return refuse("execute", "no workspace");
    describe(op, plan, text, sizeof text);
    lt_fake_log_add(&record, "%s\n", text);
    if (lt_fake_fault("cudnnBackendExecute")) return CUDNN_STATUS_EXECUTION_FAILED;
    return lt_fake_enqueue(handle->stream, "cudnnBackendExecute", convolve, &j, sizeof j) == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}
