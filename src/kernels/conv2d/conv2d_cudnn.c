#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv_cudnn.h"
#include "kernels/copy/copy.h"
#include "kernels/gemm/epilogue_cuda.h"

#ifdef LT_HAVE_CUDA
#include <longtake/arena.h>

#include <stdlib.h>

/* cuDNN gives the sums, in the operands' type, to out or to the workspace; one kernel of ours does what follows. Where the padding that a band needs is
 * not the same on both sides, more is padded and the rows or columns that come of it are left in the workspace. Maps with gaps in them go through the
 * workspace too: cuDNN's engines want theirs without any, and else move whole maps into a workspace of their own (seen with 9.19). */

/* How arguments are computed: from types, attributes and strides alone, so it is the same for every size. */
typedef struct {
    lt_conv_cudnn_kind kind;
    bool gather;                  /* x is indexed or of another type: first copied to the workspace */
    bool after;                   /* something follows the sums */
    bool scratch;                 /* the sums go to the workspace */
} way;

static bool pixels_aligned(const lt_tensor *t)
{
    const int64_t align = LT_CUDNN_ALIGN / (int64_t)lt_dtype_bytes(t->dtype);
    for (int d = 0; d < 3; d++)
        if (t->stride[d] % align) return false;
    return true;
}

static way way_of(const lt_args *a, bool tf32)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONV2D_X], *r = &a->in[LT_CONV2D_RESIDUAL], *y = &a->out;
    way w = { .gather = x->dtype != t->compute || x->index || !pixels_aligned(x) };
    w.scratch = y->dtype != t->compute || y->index || r->n_dims || !pixels_aligned(y);
    w.after = w.scratch || t->bias || t->act != LT_ACT_NONE;
    w.kind = (lt_conv_cudnn_kind){
        .type = t->compute, .tf32 = tf32, .c_in = t->c_in, .c_out = t->c_out, .kernel_h = t->kernel_h, .kernel_w = t->kernel_w, .stride = t->stride,
        .dilation = t->dilation, .pad_h = t->pad_top > t->pad_bottom ? t->pad_top : t->pad_bottom, .pad_w = t->pad_left > t->pad_right ? t->pad_left : t->pad_right,
    };
    return w;
}

static bool dense_channels(const lt_tensor *t)
{
    return t->n_dims == 4 && (t->dtype == LT_F32 || t->dtype == LT_BF16 || t->dtype == LT_F16) && (t->dim[3] == 1 || t->stride[3] == 1);
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONV2D_X], *r = &a->in[LT_CONV2D_RESIDUAL];
    const int64_t align = LT_CUDNN_ALIGN / (int64_t)lt_dtype_bytes(t->compute);
    if (t->groups != 1) return "groups";
    if (t->act == LT_ACT_GEGLU) return "GEGLU";
    if (!dense_channels(x) || !dense_channels(&a->out) || (r->n_dims && !dense_channels(r))) return "a map whose channels are not dense f32, bf16 or f16";
    if (t->compute == LT_BF16 && m->sm < 80) return "a GPU without bf16 units";
    if (t->c_in % align || t->c_out % align) return "channels that are no multiples of 16 bytes";
    if (t->dilation * (t->kernel_h - 1) >= LT_CUDNN_SIDE || t->dilation * (t->kernel_w - 1) >= LT_CUDNN_SIDE / 2) return "a kernel of 64 pixels or more";
    if (lt_tensor_count(&a->out) >= INT32_MAX || lt_tensor_count(x) >= INT32_MAX) return "2^31 values or more";
    return NULL;
}

/* Packed: W, then b. */
static size_t bias_at(const lt_conv2d_attr *t)
{
    return lt_arena_padded((size_t)t->c_out * (size_t)(t->kernel_h * t->kernel_w) * (size_t)t->c_in * lt_dtype_bytes(t->compute));
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_conv2d_attr *t = a->attr;
    (void)m;
    return bias_at(t) + lt_arena_padded((size_t)t->c_out * sizeof(float));
}

/* W from [F, C, kh, kw] to [F, kh, kw, C]; then b, f32. */
static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_conv2d_attr *t = a->attr;
    const int64_t taps = (int64_t)t->kernel_h * t->kernel_w, C = t->c_in;
    float *b = (float *)(void *)((char *)packed + bias_at(t));
    (void)m;
    for (int64_t f = 0; f < t->c_out; f++) {
        for (int64_t i = 0; i < taps * C; i++) {
            const float x = w[LT_CONV2D_W].data[(f * C + i % C) * taps + i / C];
            if (t->compute == LT_F32) ((float *)packed)[f * taps * C + i] = x;
            else ((uint16_t *)packed)[f * taps * C + i] = t->compute == LT_BF16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
        }
        b[f] = t->bias ? w[LT_CONV2D_B].data[f] : 0;
    }
}

/* One direction: outputs o .. o + n - 1 of a map of `size` read its places lo .. hi. cuDNN pads `pad` on both sides and gives n_computed outputs, of which
 * those from `skip` on are wanted. */
typedef struct {
    int64_t lo, hi, pad, n_computed, skip;
} extent;

static int64_t outputs(int64_t size, int64_t pad, int64_t reach, int64_t stride)
{
    return (size + 2 * pad - reach - 1) / stride + 1;
}

static extent extent_of(int64_t o, int64_t n, int64_t size, int64_t before, int64_t kernel, int64_t stride, int64_t dilation)
{
    const int64_t first = o * stride - before, reach = dilation * (kernel - 1), last = (o + n - 1) * stride - before + reach;
    extent e = { .lo = first < 0 ? 0 : first, .hi = last >= size ? size - 1 : last };
    const int64_t above = e.lo - first, below = last - e.hi, lacks = below > above ? below - above : 0;
    e.skip = (lacks + stride - 1) / stride;
    e.pad = above + e.skip * stride;
    e.n_computed = outputs(e.hi - e.lo + 1, e.pad, reach, stride);
    return e;
}

/* Takes in the places after the last one that is read, where nothing more comes of it: lines then follow one another without gaps. */
static void widen(extent *e, int64_t size, int64_t kernel, int64_t stride, int64_t dilation)
{
    if (outputs(size - e->lo, e->pad, dilation * (kernel - 1), stride) == e->n_computed) e->hi = size - 1;
}

/* Whether lines of n_w pixels follow one another; whether maps of n_h such lines do. */
static bool lines_packed(const lt_tensor *t, int64_t n_w)
{
    return t->stride[2] == t->dim[3] && t->stride[1] == n_w * t->dim[3];
}

static bool maps_packed(const lt_tensor *t, int64_t n_h, int64_t n_w)
{
    return t->dim[0] == 1 || t->stride[0] == n_h * n_w * t->dim[3];
}

/* A call cut into groups of frames that the scratch holds. */
typedef struct {
    way     how;
    extent  h, w;
    bool    gather, scratch;
    int64_t frames;               /* of a group, the last one apart */
    size_t  gathered_bytes, scratch_bytes;       /* of a group */
} cut;

static cut cut_of(const lt_args *a, bool tf32)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONV2D_X], *y = &a->out;
    cut c = { .how = way_of(a, tf32), .frames = y->dim[0] };
    c.h = extent_of(y->row0, y->dim[1], x->rows, t->pad_top, t->kernel_h, t->stride, t->dilation);
    c.w = extent_of(0, y->dim[2], x->dim[2], t->pad_left, t->kernel_w, t->stride, t->dilation);
    widen(&c.w, x->dim[2], t->kernel_w, t->stride, t->dilation);
    const int64_t n_h = c.h.hi - c.h.lo + 1, n_w = c.w.hi - c.w.lo + 1;
    const bool exact = c.h.skip == 0 && c.h.n_computed == y->dim[1] && c.w.skip == 0 && c.w.n_computed == y->dim[2];
    c.gather = c.how.gather || !lines_packed(x, n_w) || !maps_packed(x, n_h, n_w);
    c.scratch = c.how.scratch || !exact || !lines_packed(y, y->dim[2]) || !maps_packed(y, y->dim[1], y->dim[2]);
    const size_t bytes = lt_dtype_bytes(t->compute);
    const size_t of_y = c.scratch ? (size_t)(c.h.n_computed * c.w.n_computed * t->c_out) * bytes : 0, of_x = c.gather ? (size_t)(n_h * n_w * t->c_in) * bytes : 0;
    if (of_x + of_y > 0) {
        const int64_t fit = (int64_t)(LT_CUDA_WORKSPACE / (of_x + of_y));
        c.frames = fit < 1 ? 1 : fit < c.frames ? fit : c.frames;
    }
    c.gathered_bytes = lt_arena_padded((size_t)c.frames * of_x);
    c.scratch_bytes = lt_arena_padded((size_t)c.frames * of_y);
    return c;
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const cut c = cut_of(a, m->tf32);
    return LT_CUDA_WORKSPACE + c.gathered_bytes + c.scratch_bytes;
}

typedef struct {
    bool           tf32;
    lt_conv_cudnn *conv;
} conv_state;

static void close_state(void **state)
{
    conv_state *s = *state;
    if (s) lt_conv_cudnn_close(&s->conv);
    free(s);
    *state = NULL;
}

static lt_status open_state(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)
{
    lt_status st = LT_OK;
    conv_state *s = calloc(1, sizeof *s);
    void *made = s;
    *state = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a convolution's description");
    const way w = way_of(a, m->tf32);
    s->tf32 = m->tf32;
    LT_TRY(lt_conv_cudnn_open(l->libs, &w.kind, &s->conv));
    *state = made;
    made = NULL;
done:
    close_state(&made);
    return st;
}

/* Frames f .. f + n - 1 of a map, rows and columns from i and j on. */
static lt_tensor part(lt_tensor t, int64_t f, int64_t n, int64_t i, int64_t n_i, int64_t j, int64_t n_j)
{
    const int64_t skip = (t.index ? 0 : f * t.stride[0]) + i * t.stride[1] + j * t.stride[2];
    if (t.data) t.data = (char *)t.data + skip * (int64_t)lt_dtype_bytes(t.dtype);
    if (t.index) t.index += f;
    t.dim[0] = n;
    t.dim[1] = n_i;
    t.dim[2] = n_j;
    return t;
}

static lt_conv_cudnn_shape shape_of(const cut *c, const lt_tensor *x, const lt_tensor *y)
{
    return (lt_conv_cudnn_shape){
        .n = x->dim[0], .x_h = x->dim[1], .x_w = x->dim[2], .x_stride = { x->stride[0], x->stride[1], x->stride[2] }, .y_h = y->dim[1], .y_w = y->dim[2],
        .y_stride = { y->stride[0], y->stride[1], y->stride[2] }, .pad_h = c->h.pad, .pad_w = c->w.pad,
    };
}

/* One group; without a launch its plan is made. */
static lt_status group(const lt_launch *l, const lt_args *a, const conv_state *s, const cut *c, int64_t f, int64_t n)
{
    lt_status st = LT_OK;
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *whole = &a->in[LT_CONV2D_X], *residual = &a->in[LT_CONV2D_RESIDUAL];
    const int64_t n_h = c->h.hi - c->h.lo + 1, n_w = c->w.hi - c->w.lo + 1;
    lt_tensor x = part(*whole, f, n, c->h.lo - whole->row0, n_h, c->w.lo, n_w);
    const lt_tensor out = part(a->out, f, n, 0, a->out.dim[1], 0, a->out.dim[2]);
    char *gathered = l ? (char *)l->workspace + LT_CUDA_WORKSPACE : NULL, *scratch = l ? gathered + c->gathered_bytes : NULL;
    if (c->gather) {
        const lt_args copy = { .attr = "", .in[LT_COPY_X] = x, .out = lt_tensor_dense(gathered, t->compute, 4, (const int64_t[]){ n, n_h, n_w, t->c_in }) };
        if (l) LT_TRY(lt_copy_cuda.launch(l, &copy));
        x = copy.out;
    }
    const lt_tensor y = c->scratch ? lt_tensor_dense(scratch, t->compute, 4, (const int64_t[]){ n, c->h.n_computed, c->w.n_computed, t->c_out }) : out;
    const lt_conv_cudnn_shape shape = shape_of(c, &x, &y);
    if (!l) return lt_conv_cudnn_prepare(s->conv, &shape);
    LT_TRY(lt_conv_cudnn_run(l, s->conv, &shape, x.data, a->packed, y.data, l->workspace));
    if (!c->how.after && !c->scratch) return LT_OK;
    lt_epilogue_cuda e = {
        .product = part(y, 0, n, c->h.skip, out.dim[1], c->w.skip, out.dim[2]), .out = out, .act = t->act,
        .bias = t->bias ? (const float *)(const void *)((const char *)a->packed + bias_at(t)) : NULL,
    };
    if (residual->n_dims) e.residual = part(*residual, f, n, 0, out.dim[1], 0, out.dim[2]);
    LT_TRY(lt_epilogue_cuda_run(l, &e));
done:
    return st;
}

static lt_status each_group(const lt_launch *l, const lt_args *a, const conv_state *s)
{
    lt_status st = LT_OK;
    const cut c = cut_of(a, s->tf32);
    if (c.h.hi < c.h.lo || c.w.hi < c.w.lo) LT_FAIL(LT_E_INTERNAL, "a band of a convolution that reads nothing but padding");
    for (int64_t f = 0; f < a->out.dim[0]; f += c.frames) {
        const int64_t n = a->out.dim[0] - f < c.frames ? a->out.dim[0] - f : c.frames;
        LT_TRY(group(l, a, s, &c, f, n));
    }
done:
    return st;
}

static lt_status prepare(const lt_launch *l, const lt_args *a, void *state)
{
    (void)l;
    return each_group(NULL, a, state);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    if (l->stop && atomic_load(l->stop)) LT_FAIL(LT_E_STOPPED, "stopped in the middle of a window; run again");
    LT_TRY(each_group(l, a, a->state));
done:
    return st;
}

const lt_kernel lt_conv2d_cudnn = {
    .name = "conv2d.cudnn", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes, .open = open_state,
    .close = close_state, .launch = launch, .prepare = prepare,
};
#endif
