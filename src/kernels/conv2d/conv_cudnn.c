#include "kernels/conv2d/conv_cudnn.h"

#ifdef LT_HAVE_CUDA
#include <cudnn.h>

#include <stdlib.h>
#include <string.h>

enum { UID_X = 'x', UID_W = 'w', UID_Y = 'y', KNOBS = CUDNN_KNOB_TYPE_COUNTS, DESCRIPTORS = 16 + KNOBS, ANSWERS = 64 };

/* An engine and how its knobs are set. */
typedef struct {
    int64_t               engine;
    int                   n;
    cudnnBackendKnobType_t type[KNOBS];
    int64_t               value[KNOBS];
} choice;

/* Descriptors that belong together; the plan, which is the last, may look at the others as long as it is used. */
typedef struct {
    cudnnBackendDescriptor_t d[DESCRIPTORS];
    int                      n;
} family;

typedef struct conv_plan {
    struct conv_plan        *next;
    lt_conv_cudnn_shape      shape;
    family                   made;
    cudnnBackendDescriptor_t plan;
    int64_t                  workspace;
} conv_plan;

struct lt_conv_cudnn {
    lt_conv_cudnn_kind kind;
    cudnnHandle_t      handle;
    choice             chosen;
    conv_plan         *plans;
};

/* For functions with `cudnnStatus_t e` and a label `done:`. What fails here is often an engine that does not take a shape, which is no error. */
#define TRY_CUDNN(call)                                    \
    do {                                                   \
        if ((e = (call)) != CUDNN_STATUS_SUCCESS) goto done; \
    } while (0)

static cudnnStatus_t make(family *f, cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    if (f->n == DESCRIPTORS) TRY_CUDNN(CUDNN_STATUS_INTERNAL_ERROR);
    TRY_CUDNN(cudnnBackendCreateDescriptor(type, out));
    f->d[f->n++] = *out;
done:
    return e;
}

static void release(family *f)
{
    while (f->n > 0) cudnnBackendDestroyDescriptor(f->d[--f->n]);
}

/* ---- the operation ---- */

static cudnnDataType_t type_of(lt_dtype t)
{
    return t == LT_BF16 ? CUDNN_DATA_BFLOAT16 : t == LT_F16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
}

/* dim as N, C, H, W. */
static cudnnStatus_t tensor(family *f, int64_t uid, lt_dtype dtype, const int64_t dim[4], const int64_t stride[4], cudnnBackendDescriptor_t *out)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    const cudnnDataType_t type = type_of(dtype);
    const int64_t align = LT_CUDNN_ALIGN;
    TRY_CUDNN(make(f, CUDNN_BACKEND_TENSOR_DESCRIPTOR, out));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dim));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, stride));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &align));
    TRY_CUDNN(cudnnBackendFinalize(*out));
done:
    return e;
}

static cudnnStatus_t convolution(family *f, const lt_conv_cudnn_kind *k, const lt_conv_cudnn_shape *s, cudnnBackendDescriptor_t *out)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t spatial = 2, pad[] = { s->pad_h, s->pad_w }, stride[] = { k->stride, k->stride }, dilation[] = { k->dilation, k->dilation };
    TRY_CUDNN(make(f, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, out));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &spatial));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, dilation));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, stride));
    TRY_CUDNN(cudnnBackendFinalize(*out));
done:
    return e;
}

static cudnnStatus_t graph(family *f, cudnnHandle_t handle, const lt_conv_cudnn_kind *k, const lt_conv_cudnn_shape *s, cudnnBackendDescriptor_t *out)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    const int64_t w_row = k->kernel_w * k->c_in;
    const int64_t x_dim[] = { s->n, k->c_in, s->x_h, s->x_w }, x_stride[] = { s->x_stride[0], 1, s->x_stride[1], s->x_stride[2] };
    const int64_t w_dim[] = { k->c_out, k->c_in, k->kernel_h, k->kernel_w }, w_stride[] = { k->kernel_h * w_row, 1, w_row, k->c_in };
    const int64_t y_dim[] = { s->n, k->c_out, s->y_h, s->y_w }, y_stride[] = { s->y_stride[0], 1, s->y_stride[1], s->y_stride[2] };
    const float one = 1, zero = 0;
    cudnnBackendDescriptor_t x, w, y, conv, op;
    TRY_CUDNN(tensor(f, UID_X, k->type, x_dim, x_stride, &x));
    TRY_CUDNN(tensor(f, UID_W, k->type, w_dim, w_stride, &w));
    TRY_CUDNN(tensor(f, UID_Y, k->type, y_dim, y_stride, &y));
    TRY_CUDNN(convolution(f, k, s, &conv));
    TRY_CUDNN(make(f, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, &op));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &conv));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one));
    TRY_CUDNN(cudnnBackendSetAttribute(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero));
    TRY_CUDNN(cudnnBackendFinalize(op));
    TRY_CUDNN(make(f, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, out));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &op));
    TRY_CUDNN(cudnnBackendSetAttribute(*out, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle));
    TRY_CUDNN(cudnnBackendFinalize(*out));
done:
    return e;
}

/* The plan of a shape with an engine and knobs as chosen. */
static cudnnStatus_t build(conv_plan *p, cudnnHandle_t handle, const lt_conv_cudnn_kind *k, const choice *by)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    cudnnBackendDescriptor_t whole, engine, config, knob[KNOBS];
    TRY_CUDNN(graph(&p->made, handle, k, &p->shape, &whole));
    TRY_CUDNN(make(&p->made, CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine));
    TRY_CUDNN(cudnnBackendSetAttribute(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &whole));
    TRY_CUDNN(cudnnBackendSetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &by->engine));
    TRY_CUDNN(cudnnBackendFinalize(engine));
    for (int i = 0; i < by->n; i++) {
        TRY_CUDNN(make(&p->made, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knob[i]));
        TRY_CUDNN(cudnnBackendSetAttribute(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &by->type[i]));
        TRY_CUDNN(cudnnBackendSetAttribute(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &by->value[i]));
        TRY_CUDNN(cudnnBackendFinalize(knob[i]));
    }
    TRY_CUDNN(make(&p->made, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config));
    TRY_CUDNN(cudnnBackendSetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine));
    if (by->n) TRY_CUDNN(cudnnBackendSetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, by->n, knob));
    TRY_CUDNN(cudnnBackendFinalize(config));
    TRY_CUDNN(make(&p->made, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &p->plan));
    TRY_CUDNN(cudnnBackendSetAttribute(p->plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle));
    TRY_CUDNN(cudnnBackendSetAttribute(p->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config));
    TRY_CUDNN(cudnnBackendFinalize(p->plan));
    TRY_CUDNN(cudnnBackendGetAttribute(p->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, NULL, &p->workspace));
done:
    return e;
}

/* ---- the choice ---- */

/* Whether a shape can be computed so within the workspace. */
static bool takes(cudnnHandle_t handle, const lt_conv_cudnn_kind *k, const choice *by, const lt_conv_cudnn_shape *shape)
{
    conv_plan p = { .shape = *shape };
    const bool good = build(&p, handle, k, by) == CUDNN_STATUS_SUCCESS && p.workspace <= LT_CUDA_WORKSPACE;
    release(&p.made);
    return good;
}

/* Whether an engine's arithmetic is what is wanted. */
static bool suits(const lt_conv_cudnn_kind *k, cudnnBackendDescriptor_t engine)
{
    cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    int64_t n = 0;
    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n, note) != CUDNN_STATUS_SUCCESS)
        return false;
    for (int64_t i = 0; i < n && i < CUDNN_NUMERICAL_NOTE_TYPE_COUNT; i++) {
        if (note[i] == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP) continue;
        if (note[i] != CUDNN_NUMERICAL_NOTE_TENSOR_CORE || (k->type == LT_F32 && !k->tf32)) return false;
    }
    return true;
}

static bool compiles(cudnnBackendDescriptor_t engine)
{
    cudnnBackendBehaviorNote_t note[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    int64_t n = 0;
    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &n, note) != CUDNN_STATUS_SUCCESS)
        return true;
    for (int64_t i = 0; i < n && i < CUDNN_BEHAVIOR_NOTE_TYPE_COUNT; i++)
        if (note[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) return true;
    return false;
}

/* A sum in parts, whose number or borders may follow from the size of the map. */
static bool splits(const choice *c)
{
    for (int i = 0; i < c->n; i++) {
        const cudnnBackendKnobType_t t = c->type[i];
        if ((t == CUDNN_KNOB_TYPE_SPLIT_K || t == CUDNN_KNOB_TYPE_SPLIT_K_SLC || t == CUDNN_KNOB_TYPE_SPLIT_P_SLC) && c->value[i] > 1) return true;
        if (t == CUDNN_KNOB_TYPE_STREAM_K && c->value[i] != 0) return true;
    }
    return false;
}

/* What the heuristic chose, read from its answer; `engine` lives in f. */
static cudnnStatus_t read_choice(family *f, cudnnBackendDescriptor_t config, cudnnBackendDescriptor_t *engine, choice *out)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    cudnnBackendDescriptor_t knob[KNOBS];
    int64_t n = 0;
    *out = (choice){ 0 };
    TRY_CUDNN(make(f, CUDNN_BACKEND_ENGINE_DESCRIPTOR, engine));
    TRY_CUDNN(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, engine));
    TRY_CUDNN(cudnnBackendGetAttribute(*engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &n, &out->engine));
    for (int i = 0; i < KNOBS; i++) TRY_CUDNN(make(f, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knob[i]));
    TRY_CUDNN(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, KNOBS, &n, knob));
    for (out->n = 0; out->n < n && out->n < KNOBS; out->n++) {
        TRY_CUDNN(cudnnBackendGetAttribute(knob[out->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, NULL, &out->type[out->n]));
        TRY_CUDNN(cudnnBackendGetAttribute(knob[out->n], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, NULL, &out->value[out->n]));
    }
done:
    return e;
}

/* A dense map of the kind's channels. */
static lt_conv_cudnn_shape dense(const lt_conv_cudnn_kind *k, int64_t n, int64_t h, int64_t w, int64_t pad_h)
{
    lt_conv_cudnn_shape s = { .n = n, .x_h = h, .x_w = w, .pad_h = pad_h, .pad_w = k->pad_w };
    s.y_h = (h + 2 * pad_h - k->dilation * (k->kernel_h - 1) - 1) / k->stride + 1;
    s.y_w = (w + 2 * k->pad_w - k->dilation * (k->kernel_w - 1) - 1) / k->stride + 1;
    const int64_t x[] = { h * w * k->c_in, w * k->c_in, k->c_in }, y[] = { s.y_h * s.y_w * k->c_out, s.y_w * k->c_out, k->c_out };
    memcpy(s.x_stride, x, sizeof x);
    memcpy(s.y_stride, y, sizeof y);
    return s;
}

typedef struct {
    lt_conv_cudnn_shape canonical, band;
    int                 n_answers;
} asking;

/* The first of one list of answers that follows the rule; the others' descriptors are gone when it returns. */
static bool pick(lt_conv_cudnn *c, asking *ask, cudnnBackendDescriptor_t *answer, int64_t n, bool compiled)
{
    for (int64_t i = 0; i < n; i++) {
        family f = { .n = 0 };
        cudnnBackendDescriptor_t engine;
        choice by;
        const bool good = read_choice(&f, answer[i], &engine, &by) == CUDNN_STATUS_SUCCESS && suits(&c->kind, engine) && compiles(engine) == compiled &&
                          !splits(&by) && takes(c->handle, &c->kind, &by, &ask->canonical) && takes(c->handle, &c->kind, &by, &ask->band);
        release(&f);
        if (!good) continue;
        c->chosen = by;
        return true;
    }
    return false;
}

/* Asks one mode of the heuristic; true: an answer was chosen. */
static bool ask_mode(lt_conv_cudnn *c, asking *ask, cudnnBackendHeurMode_t mode)
{
    family f = { .n = 0 };
    cudnnBackendDescriptor_t whole, heuristic, answer[ANSWERS];
    int64_t n = 0, made = 0;
    bool found = false;
    bool good = graph(&f, c->handle, &c->kind, &ask->canonical, &whole) == CUDNN_STATUS_SUCCESS &&
                make(&f, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristic) == CUDNN_STATUS_SUCCESS &&
                cudnnBackendSetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &whole) == CUDNN_STATUS_SUCCESS &&
                cudnnBackendSetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode) == CUDNN_STATUS_SUCCESS &&
                cudnnBackendFinalize(heuristic) == CUDNN_STATUS_SUCCESS &&
                cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &n, NULL) == CUDNN_STATUS_SUCCESS;
    if (n > ANSWERS) n = ANSWERS;
    while (good && made < n && cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &answer[made]) == CUDNN_STATUS_SUCCESS) made++;
    good = good && made == n && n > 0 &&
           cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &n, answer) == CUDNN_STATUS_SUCCESS;
    if (n > made) n = made;
    if (good) {
        ask->n_answers += (int)n;
        found = pick(c, ask, answer, n, false) || pick(c, ask, answer, n, true);
    }
    while (made > 0) cudnnBackendDestroyDescriptor(answer[--made]);
    release(&f);
    return found;
}

lt_status lt_conv_cudnn_open(lt_cuda_libs *libs, const lt_conv_cudnn_kind *kind, lt_conv_cudnn **out)
{
    lt_status st = LT_OK;
    void *handle;
    *out = NULL;
    lt_conv_cudnn *c = calloc(1, sizeof *c);
    if (!c) LT_FAIL(LT_E_MEMORY, "no memory for a convolution's description");
    c->kind = *kind;
    LT_TRY(lt_cuda_libs_cudnn(libs, &handle));
    c->handle = handle;
    asking ask = { .canonical = dense(kind, LT_CUDNN_FRAMES, LT_CUDNN_SIDE, LT_CUDNN_SIDE, kind->pad_h),
                   .band = dense(kind, 1, kind->dilation * (kind->kernel_h - 1) + 1 + kind->stride, LT_CUDNN_SIDE / 2, 0) };
    if (!ask_mode(c, &ask, CUDNN_HEUR_MODE_A) && !ask_mode(c, &ask, CUDNN_HEUR_MODE_FALLBACK))
        LT_FAIL(LT_E_DEVICE, "cuDNN has no %s convolution %lldx%lld of %lld to %lld channels whose bits are the same for any size (%d answers); run with "
                "LT_KERNELS=-conv2d.cudnn", lt_dtype_name(kind->type), (long long)kind->kernel_h, (long long)kind->kernel_w, (long long)kind->c_in,
                (long long)kind->c_out, ask.n_answers);
    *out = c;
    c = NULL;
done:
    lt_conv_cudnn_close(&c);
    return st;
}

void lt_conv_cudnn_close(lt_conv_cudnn **c)
{
    if (!*c) return;
    for (conv_plan *p = (*c)->plans, *next; p; p = next) {
        next = p->next;
        release(&p->made);
        free(p);
    }
    free(*c);
    *c = NULL;
}

/* ---- calls ---- */

static const conv_plan *plan_of(const lt_conv_cudnn *c, const lt_conv_cudnn_shape *shape)
{
    for (const conv_plan *p = c->plans; p; p = p->next)
        if (memcmp(&p->shape, shape, sizeof *shape) == 0) return p;
    return NULL;
}

lt_status lt_conv_cudnn_prepare(lt_conv_cudnn *c, const lt_conv_cudnn_shape *shape)
{
    lt_status st = LT_OK;
    conv_plan *p = NULL;
    if (plan_of(c, shape)) return LT_OK;
    p = calloc(1, sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory for a convolution's plan");
    p->shape = *shape;
    const cudnnStatus_t e = build(p, c->handle, &c->kind, &c->chosen);
    if (e != CUDNN_STATUS_SUCCESS || p->workspace > LT_CUDA_WORKSPACE)
        LT_FAIL(LT_E_DEVICE, "cuDNN's engine %lld for a convolution %lldx%lld of %lld to %lld channels does not take maps of %lld x %lld x %lld (%s, "
                "workspace %lld); run with LT_KERNELS=-conv2d.cudnn", (long long)c->chosen.engine, (long long)c->kind.kernel_h,
                (long long)c->kind.kernel_w, (long long)c->kind.c_in, (long long)c->kind.c_out, (long long)shape->n, (long long)shape->x_h,
                (long long)shape->x_w, cudnnGetErrorString(e), (long long)p->workspace);
    p->next = c->plans;
    c->plans = p;
    p = NULL;
done:
    if (p) release(&p->made);
    free(p);
    return st;
}

static cudnnStatus_t execute(const lt_launch *l, cudnnHandle_t handle, const conv_plan *p, const void *const address[3], void *workspace, family *f)
{
    cudnnStatus_t e = CUDNN_STATUS_SUCCESS;
    static const int64_t uids[] = { UID_X, UID_W, UID_Y };
    cudnnBackendDescriptor_t pack;
    TRY_CUDNN(cudnnSetStream(handle, l->stream));
    TRY_CUDNN(make(f, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack));
    TRY_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, uids));
    TRY_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, address));
    TRY_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace));
    TRY_CUDNN(cudnnBackendFinalize(pack));
    TRY_CUDNN(cudnnBackendExecute(handle, p->plan, pack));
done:
    return e;
}

lt_status lt_conv_cudnn_run(const lt_launch *l, const lt_conv_cudnn *c, const lt_conv_cudnn_shape *shape, const void *x, const void *w, void *y, void *workspace)
{
    lt_status st = LT_OK;
    family f = { .n = 0 };
    const void *const address[] = { x, w, y };
    const conv_plan *p = plan_of(c, shape);
    if (!p) LT_FAIL(LT_E_INTERNAL, "a convolution of a size that was not prepared");
    if (((uintptr_t)x | (uintptr_t)w | (uintptr_t)y) % LT_CUDNN_ALIGN)
        LT_FAIL(LT_E_INTERNAL, "a view that does not begin at a multiple of 16 bytes came to cuDNN; run with LT_KERNELS=-conv2d.cudnn");
    const cudnnStatus_t e = execute(l, c->handle, p, address, workspace, &f);
    if (e != CUDNN_STATUS_SUCCESS) LT_FAIL(LT_E_DEVICE, "cuDNN: a convolution was not started: %s", cudnnGetErrorString(e));
done:
    release(&f);
    return st;
}
#endif
