#include <longtake/model.h>

#include "models/vda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VDA_SOURCE(size) "https://huggingface.co/depth-anything/Video-Depth-Anything-" size

/* A metric checkpoint is the same network with other weights. */
static const lt_model models[] = {
    { "vda-vits", "depth", "Video Depth Anything, small", 29035137, "Apache-2.0", VDA_SOURCE("Small"), "video_depth_anything_vits.pth",
      &lt_vda_vits, { 14, 14, 1, 1, 1, LT_F32 }, lt_vda_check, lt_vda_build, lt_vda_unused, LT_VDA_UNUSED },
    { "vda-vitb", "depth", "Video Depth Anything, base", 114441409, "CC-BY-NC-4.0 (non-commercial)", VDA_SOURCE("Base"), "video_depth_anything_vitb.pth",
      &lt_vda_vitb, { 14, 14, 1, 1, 1, LT_F32 }, lt_vda_check, lt_vda_build, lt_vda_unused, LT_VDA_UNUSED },
    { "vda-vitl", "depth", "Video Depth Anything, large", 384390337, "CC-BY-NC-4.0 (non-commercial)", VDA_SOURCE("Large"), "video_depth_anything_vitl.pth",
      &lt_vda_vitl, { 14, 14, 1, 1, 1, LT_F32 }, lt_vda_check, lt_vda_build, lt_vda_unused, LT_VDA_UNUSED },
};
enum { MODELS = sizeof models / sizeof *models };

int lt_model_count(void)
{
    return MODELS;
}

const lt_model *lt_model_at(int i)
{
    return &models[i];
}

lt_status lt_model_find(const char *name, const lt_model **out)
{
    lt_status st = LT_OK;
    char known[256] = "";
    *out = NULL;
    for (int i = 0; i < MODELS; i++) {
        if (strcmp(models[i].name, name) == 0) *out = &models[i];
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", models[i].name);
    }
    if (!*out) LT_FAIL(LT_E_USAGE, "there is no model '%s'; there are: %s", name, known);
done:
    return st;
}

lt_status lt_model_graph(const lt_model *m, const lt_model_size *size, lt_graph **out)
{
    lt_status st = LT_OK;
    lt_graph *g = NULL;
    *out = NULL;
    LT_TRY(m->check(size));
    LT_TRY(lt_graph_create(size->compute, &g));
    m->build(g, m->config, size);
    LT_TRY(lt_graph_finish(g));
    *out = g;
    g = NULL;
done:
    lt_graph_destroy(&g);
    return st;
}

lt_status lt_model_wants(const lt_model *m, lt_weight_want **wants, int64_t *n, const char *const **optional, int64_t *n_optional)
{
    lt_status st = LT_OK;
    lt_graph *g = NULL;
    const lt_graph_weight *weights = NULL;
    size_t names = 0;
    *wants = NULL;
    LT_TRY(lt_model_graph(m, &m->smallest, &g));
    *n = lt_graph_weights(g, &weights);
    for (int64_t i = 0; i < *n; i++) names += strlen(weights[i].name) + 1;
    lt_weight_want *list = calloc(1, (size_t)*n * sizeof *list + names);
    if (!list) LT_FAIL(LT_E_MEMORY, "no memory for the list of a model's weights");
    char *name = (char *)(list + *n);
    for (int64_t i = 0; i < *n; i++) {
        strcpy(name, weights[i].name);
        list[i].name = name;
        name += strlen(name) + 1;
        list[i].n_dims = weights[i].shape.n;
        memcpy(list[i].dim, weights[i].shape.dim, sizeof weights[i].shape.dim);
    }
    *wants = list;
    *optional = m->optional;
    *n_optional = m->n_optional;
done:
    lt_graph_destroy(&g);
    return st;
}
