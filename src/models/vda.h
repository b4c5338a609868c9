/* models/vda.h -- Video Depth Anything.
 *
 * in    prepared frames [batch,H,W,3] f32, input "frames"
 * out   "depth" [frames,H,W,1] f32
 * owns  nothing
 *
 * Parts, in order: "encode" (frames -> features in slots, table "encode"), then for a window, whose position p reads slot `window`[p]:
 * "norm.0" "motion.0" "norm.1" "motion.1" "refine.4" "motion.2" "refine.3" "motion.3", and "tail" for the positions that are wanted: entry j
 * gives position `position`[j], whose slot is `tail`[j]. */
#ifndef LONGTAKE_MODELS_VDA_H
#define LONGTAKE_MODELS_VDA_H

#include <longtake/model.h>

enum { LT_VDA_PATCH = 14, LT_VDA_FRAMES_MAX = 32 };

typedef struct {
    int dim, layers, heads;      /* of the encoder */
    int features;                /* of the head */
    int channels[4];             /* of its four levels */
    int taps[4];                 /* layers whose output they read */
} lt_vda_config;

extern const lt_vda_config lt_vda_vits, lt_vda_vitb, lt_vda_vitl;
extern const char *const lt_vda_unused[];
enum { LT_VDA_UNUSED = 5 };

lt_status lt_vda_check(const lt_model_size *size);
void lt_vda_build(lt_graph *g, const void *config, const lt_model_size *size);

#endif
