/* Video Depth Anything: a DINOv2 encoder for each frame, a DPT head with attention over the 32 frames of a window.
 *
 * T frames, H, W pixels, h = H/14, w = W/14 patches, P = h w, N = P + 1 tokens, D channels of the encoder, F of the head.
 * Upstream: DepthAnything/Video-Depth-Anything@4f5ae23, video_depth_anything/{dinov2.py, dpt_temporal.py, motion_module/motion_module.py,
 * util/blocks.py}. */
#include "models/vda.h"

#include "models/parts/positions.h"

#include <math.h>
#include <stdio.h>

const lt_vda_config lt_vda_vits = { 384, 12, 6, 64, { 48, 96, 192, 384 }, { 2, 5, 8, 11 } };
const lt_vda_config lt_vda_vitb = { 768, 12, 12, 128, { 96, 192, 384, 768 }, { 2, 5, 8, 11 } };
const lt_vda_config lt_vda_vitl = { 1024, 24, 16, 256, { 256, 512, 1024, 1024 }, { 4, 11, 17, 23 } };

/* In every checkpoint, read by nothing: refinenet4 has no second input, and no token is masked. */
const char *const lt_vda_unused[LT_VDA_UNUSED] = {
    "pretrained.mask_token",
    "head.scratch.refinenet4.resConfUnit1.conv1.weight", "head.scratch.refinenet4.resConfUnit1.conv1.bias",
    "head.scratch.refinenet4.resConfUnit1.conv2.weight", "head.scratch.refinenet4.resConfUnit1.conv2.bias",
};

enum { HEADS_OVER_TIME = 8, GROUPS = 32, TABLE = 37 };

/* ---- the encoder: dinov2.py:156-220, dinov2_layers/{attention.py, block.py, mlp.py} ---- */

static lt_val attention(lt_graph *g, lt_val x, int heads)
{
    const int64_t T = lt_dim(g, x, 0), N = lt_dim(g, x, 1), D = lt_dim(g, x, 2), d = heads ? D / heads : 0;
    lt_scope(g, "attn");
    lt_val qkv = lt_reshape(g, lt_linear(g, x, "qkv", 3 * D), LT_SHAPE(T, N, 3, heads, d));
    lt_val q = lt_select(g, qkv, 2, 0), k = lt_select(g, qkv, 2, 1), v = lt_select(g, qkv, 2, 2);
    lt_val y = lt_reshape(g, lt_attend(g, q, k, v, 1.0f / sqrtf((float)d)), LT_SHAPE(T, N, D));
    y = lt_linear(g, y, "proj", D);
    lt_scope_end(g);
    return y;
}

static lt_val mlp(lt_graph *g, lt_val x)
{
    const int64_t D = lt_dim(g, x, 2);
    lt_scope(g, "mlp");
    x = lt_gelu(g, lt_linear(g, x, "fc1", 4 * D));
    x = lt_linear(g, x, "fc2", D);
    lt_scope_end(g);
    return x;
}

static lt_val block(lt_graph *g, lt_val z, int heads)
{
    lt_val a = attention(g, lt_layernorm(g, z, "norm1", 1e-6f), heads);
    z = lt_add(g, z, lt_scale(g, a, "ls1.gamma"));
    lt_val m = mlp(g, lt_layernorm(g, z, "norm2", 1e-6f));
    z = lt_add(g, z, lt_scale(g, m, "ls2.gamma"));
    lt_probe(g, z, "");
    return z;
}

/* Patches and the class token with their positions: [T,N,D] f32. */
static lt_val tokens(lt_graph *g, lt_val frames, const lt_vda_config *c)
{
    const int64_t T = lt_dim(g, frames, 0), h = lt_dim(g, frames, 1) / LT_VDA_PATCH, w = lt_dim(g, frames, 2) / LT_VDA_PATCH, D = c->dim;
    const lt_positions at = { TABLE, (int)h, (int)w, (int)D };
    lt_val positions = lt_table(g, "pos_embed", LT_SHAPE(1, 1 + TABLE * TABLE, D), LT_SHAPE(1 + h * w, D), lt_positions_resample, &at, sizeof at);
    lt_val patches = lt_conv2d(g, frames, "patch_embed.proj", &(lt_conv_opts){ .out = (int)D, .kernel = LT_VDA_PATCH, .stride = LT_VDA_PATCH });
    lt_probe(g, patches, "patch_embed");
    patches = lt_add(g, patches, lt_reshape(g, lt_slice(g, positions, 0, 1, h * w), LT_SHAPE(1, h, w, D)));
    lt_val token = lt_expand(g, lt_param(g, "cls_token", LT_SHAPE(1, 1, D)), LT_SHAPE(T, 1, D));
    token = lt_add(g, token, lt_reshape(g, lt_slice(g, positions, 0, 0, 1), LT_SHAPE(1, 1, D)));
    return lt_concat(g, token, lt_reshape(g, patches, LT_SHAPE(T, h * w, D)), 1);
}

/* A level of the head's pyramid as it leaves the encoder: dpt_temporal.py:43-64. Levels 0 and 1 stay at the patch grid, where they are smallest;
 * level 3 is halved here. */
static lt_val level(lt_graph *g, lt_val z, int i, int64_t h, int64_t w, const lt_vda_config *c)
{
    const int64_t T = lt_dim(g, z, 0), D = c->dim;
    lt_scope(g, "pretrained");
    lt_val tap = lt_layernorm(g, lt_slice(g, z, 1, 1, h * w), "norm", 1e-6f);
    lt_scope_end(g);
    lt_scope(g, "head");
    lt_val x = lt_reshape(g, tap, LT_SHAPE(T, h, w, D));
    lt_scope(g, "projects.%d", i);
    x = lt_conv2d(g, x, "", &(lt_conv_opts){ .out = c->channels[i], .kernel = 1 });
    lt_probe(g, x, "");
    lt_scope_end(g);
    if (i == 3) {
        x = lt_conv2d(g, x, "resize_layers.3", &(lt_conv_opts){ .out = c->channels[3], .kernel = 3, .stride = 2, .pad = 1 });
        lt_probe(g, x, "resize_layers.3");
    }
    lt_scope_end(g);
    return x;
}

static void encode(lt_graph *g, const lt_vda_config *c, const lt_model_size *s, const lt_val state[4])
{
    const int64_t h = s->height / LT_VDA_PATCH, w = s->width / LT_VDA_PATCH;
    lt_val frames = lt_input(g, "frames", LT_F32, LT_SHAPE(s->batch, s->height, s->width, 3));
    lt_part(g, "encode", LT_CUT_FRAMES);
    lt_scope(g, "pretrained");
    lt_val z = tokens(g, frames, c), tap[4] = { { 0 } };
    for (int i = 0, n = 0; i < c->layers; i++) {
        lt_scope(g, "blocks.%d", i);
        z = block(g, z, c->heads);
        lt_scope_end(g);
        if (n < 4 && i == c->taps[n]) tap[n++] = z;
    }
    lt_scope_end(g);
    for (int i = 0; i < 4; i++) lt_scatter(g, state[i], "encode", level(g, tap[i], i, h, w, c));
    lt_part_end(g);
}

/* ---- attention over time at each pixel: motion_module.py:62-311 ---- */

/* One of two: y [T,P,C] normed, each frame marked with its place in time, mixed over T. */
static lt_val over_time(lt_graph *g, lt_val y, int i)
{
    const char *const names[] = { "to_q", "to_k", "to_v" };
    const int64_t T = lt_dim(g, y, 0), P = lt_dim(g, y, 1), C = lt_dim(g, y, 2), d = C / HEADS_OVER_TIME;
    lt_scope(g, "norms");
    lt_val n = lt_layernorm(g, y, i ? "1" : "0", 1e-5f);
    lt_scope_end(g);
    lt_scope(g, "attention_blocks.%d", i);
    lt_val time = lt_slice(g, lt_param(g, "pos_encoder.pe", LT_SHAPE(1, LT_VDA_FRAMES_MAX, C)), 1, 0, T);
    n = lt_add(g, n, lt_reshape(g, time, LT_SHAPE(T, 1, C)));
    lt_val qkv = lt_reshape(g, lt_linear_side_by_side(g, n, names, 3, C), LT_SHAPE(T, P, 3, HEADS_OVER_TIME, d));
    lt_val q = lt_permute(g, lt_select(g, qkv, 2, 0), LT_AXES(1, 0, 2, 3)), k = lt_permute(g, lt_select(g, qkv, 2, 1), LT_AXES(1, 0, 2, 3)),
           v = lt_permute(g, lt_select(g, qkv, 2, 2), LT_AXES(1, 0, 2, 3));
    lt_val a = lt_permute(g, lt_attend(g, q, k, v, 1.0f / sqrtf((float)d)), LT_AXES(1, 0, 2, 3));
    y = lt_add(g, y, lt_linear(g, lt_reshape(g, a, LT_SHAPE(T, P, C)), "to_out.0", C));
    lt_scope_end(g);
    return y;
}

/* x [T,h,w,C] and the statistics of its frames -> the same shape. */
static lt_val motion(lt_graph *g, lt_val x, lt_val stats, int m)
{
    const int64_t T = lt_dim(g, x, 0), h = lt_dim(g, x, 1), w = lt_dim(g, x, 2), C = lt_dim(g, x, 3);
    char part[16];
    lt_val r = lt_reshape(g, x, LT_SHAPE(T, h * w, C));
    snprintf(part, sizeof part, "motion.%d", m);
    lt_part(g, part, LT_CUT_PIXELS);
    lt_scope(g, "head.motion_modules.%d", m);
    lt_scope(g, "temporal_transformer");
    lt_val y = lt_linear(g, lt_groupnorm(g, r, stats, "norm", GROUPS), "proj_in", C);
    lt_scope(g, "transformer_blocks.0");
    y = over_time(g, y, 0);
    y = over_time(g, y, 1);
    lt_val f = lt_geglu(g, lt_linear(g, lt_layernorm(g, y, "ff_norm", 1e-5f), "ff.net.0.proj", 8 * C));
    y = lt_add(g, y, lt_linear(g, f, "ff.net.2", C));
    lt_scope_end(g);
    y = lt_add(g, r, lt_linear(g, y, "proj_out", C));
    lt_scope_end(g);
    lt_probe(g, y, "");
    lt_scope_end(g);
    lt_part_end(g);
    return lt_reshape(g, y, LT_SHAPE(T, h, w, C));
}

/* ---- fusion: util/blocks.py:70-160 ---- */

static lt_val conv3(lt_graph *g, lt_val x, const char *name, int out, bool no_bias)
{
    return lt_conv2d(g, x, name, &(lt_conv_opts){ .out = out, .kernel = 3, .pad = 1, .no_bias = no_bias });
}

static lt_val residual_unit(lt_graph *g, lt_val x, int i, int F)
{
    lt_scope(g, "resConfUnit%d", i);
    lt_val y = conv3(g, lt_relu(g, x), "conv1", F, false);
    y = lt_add(g, conv3(g, lt_relu(g, y), "conv2", F, false), x);
    lt_scope_end(g);
    return y;
}

/* `skip` 0: none. */
static lt_val refine(lt_graph *g, int n, lt_val x, lt_val skip, int64_t h, int64_t w, int F)
{
    lt_scope(g, "refinenet%d", n);
    if (skip.id) x = lt_add(g, x, residual_unit(g, skip, 1, F));
    x = lt_resize(g, residual_unit(g, x, 2, F), h, w);
    x = lt_conv2d(g, x, "out_conv", &(lt_conv_opts){ .out = F, .kernel = 1 });
    lt_probe(g, x, "");
    lt_scope_end(g);
    return x;
}

static lt_val layer_rn(lt_graph *g, lt_val x, int n, int F)
{
    char name[16];
    snprintf(name, sizeof name, "layer%d_rn", n);
    x = conv3(g, x, name, F, true);
    lt_probe(g, x, name);
    return x;
}

/* Statistics of x in a part of their own. */
static lt_val stats_of(lt_graph *g, lt_val x, const char *part)
{
    lt_part(g, part, LT_CUT_FRAMES);
    lt_val s = lt_groupnorm_stats(g, x, GROUPS, 1e-6f);
    lt_part_end(g);
    return s;
}

/* From the two finest levels up to the frame: dpt_temporal.py:85-114. */
static void tail(lt_graph *g, lt_val level0, lt_val level1, lt_val q3, const lt_vda_config *c, const lt_model_size *s)
{
    const int64_t h = s->height / LT_VDA_PATCH, w = s->width / LT_VDA_PATCH;
    const int F = c->features;
    lt_part(g, "tail", LT_CUT_ROWS);
    lt_scope(g, "head");
    lt_val l1 = lt_conv_transpose2d(g, level0, "resize_layers.0", c->channels[0], 4);
    lt_probe(g, l1, "resize_layers.0");
    lt_val l2 = lt_conv_transpose2d(g, level1, "resize_layers.1", c->channels[1], 2);
    lt_probe(g, l2, "resize_layers.1");
    lt_scope(g, "scratch");
    lt_val r1 = layer_rn(g, l1, 1, F), r2 = layer_rn(g, l2, 2, F);
    lt_val x = refine(g, 2, q3, r2, 4 * h, 4 * w, F);
    x = refine(g, 1, x, r1, 8 * h, 8 * w, F);
    x = conv3(g, x, "output_conv1", F / 2, false);
    lt_probe(g, x, "output_conv1");
    /* The last two convolutions stay in f32 at any precision, as upstream turns autocast off for them. */
    lt_compute(g, LT_F32);
    x = lt_resize(g, x, s->height, s->width);
    lt_scope(g, "output_conv2");
    x = lt_relu(g, conv3(g, x, "0", 32, false));
    x = lt_relu(g, lt_conv2d(g, x, "2", &(lt_conv_opts){ .out = 1, .kernel = 1 }));
    lt_output(g, x, "depth");
    lt_compute(g, s->compute);
    lt_scope_end(g);
    lt_scope_end(g);
    lt_scope_end(g);
    lt_part_end(g);
}

static void window(lt_graph *g, const lt_vda_config *c, const lt_model_size *s, const lt_val state[4])
{
    const int64_t T = s->frames, h = s->height / LT_VDA_PATCH, w = s->width / LT_VDA_PATCH;
    lt_val l3 = lt_gather(g, state[2], "window", T), l4 = lt_gather(g, state[3], "window", T);
    l3 = motion(g, l3, stats_of(g, l3, "norm.0"), 0);
    l4 = motion(g, l4, stats_of(g, l4, "norm.1"), 1);

    lt_part(g, "refine.4", LT_CUT_FRAMES);
    lt_scope(g, "head.scratch");
    lt_val r3 = layer_rn(g, l3, 3, c->features), r4 = layer_rn(g, l4, 4, c->features);
    lt_val q4 = refine(g, 4, r4, (lt_val){ 0 }, h, w, c->features);
    lt_val stats = lt_groupnorm_stats(g, q4, GROUPS, 1e-6f);
    lt_scope_end(g);
    lt_part_end(g);
    q4 = motion(g, q4, stats, 2);

    lt_part(g, "refine.3", LT_CUT_FRAMES);
    lt_scope(g, "head.scratch");
    lt_val q3 = refine(g, 3, q4, r3, 2 * h, 2 * w, c->features);
    stats = lt_groupnorm_stats(g, q3, GROUPS, 1e-6f);
    lt_scope_end(g);
    lt_part_end(g);
    q3 = motion(g, q3, stats, 3);

    tail(g, lt_gather(g, state[0], "tail", T), lt_gather(g, state[1], "tail", T), lt_gather(g, q3, "position", T), c, s);
}

lt_status lt_vda_check(const lt_model_size *s)
{
    lt_status st = LT_OK;
    if (s->width < LT_VDA_PATCH || s->height < LT_VDA_PATCH || s->width % LT_VDA_PATCH || s->height % LT_VDA_PATCH)
        LT_FAIL(LT_E_USAGE, "%dx%d: width and height must be multiples of %d", s->width, s->height, LT_VDA_PATCH);
    if (s->width > 16384 || s->height > 16384) LT_FAIL(LT_E_USAGE, "%dx%d: at most 16384 pixels a side", s->width, s->height);
    if (s->frames < 1 || s->frames > LT_VDA_FRAMES_MAX) LT_FAIL(LT_E_USAGE, "%d frames: a window has 1 to %d", s->frames, LT_VDA_FRAMES_MAX);
    if (s->slots < s->frames || s->batch < 1) LT_FAIL(LT_E_INTERNAL, "a window of %d frames in %d slots", s->frames, s->slots);
done:
    return st;
}

void lt_vda_build(lt_graph *g, const void *config, const lt_model_size *s)
{
    const lt_vda_config *c = config;
    const int64_t h = s->height / LT_VDA_PATCH, w = s->width / LT_VDA_PATCH, S = s->slots;
    const lt_val state[4] = {
        lt_state(g, "feature.0", s->compute, LT_SHAPE(S, h, w, c->channels[0])),
        lt_state(g, "feature.1", s->compute, LT_SHAPE(S, h, w, c->channels[1])),
        lt_state(g, "feature.2", s->compute, LT_SHAPE(S, h, w, c->channels[2])),
        lt_state(g, "feature.3", s->compute, LT_SHAPE(S, (h - 1) / 2 + 1, (w - 1) / 2 + 1, c->channels[3])),
    };
    encode(g, c, s, state);
    window(g, c, s, state);
}
