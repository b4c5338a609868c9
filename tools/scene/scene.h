/* tools/scene/scene.h -- synthetic clips whose motion is known exactly.
 *
 * in    size, number of frames, seed
 * out   frames, and for flow scenes the motion and what it hides
 * owns  a scene its textures
 *
 * Pure functions of (n_frames, width, height, seed): textured ground and two textured discs. Random numbers are those
 * of numpy's RandomState(seed).rand, so that a Python model of the same formulas gives the same bytes. */
#ifndef LT_SCENE_H
#define LT_SCENE_H

#include <longtake/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* MT19937. Source: M. Matsumoto, T. Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998, with the seeding of 2002;
 * doubles of 53 bits as genrand_res53. */
typedef struct {
    uint32_t state[624];
    int      at;
} lt_twister;

void   lt_twister_seed(lt_twister *t, uint32_t seed);
double lt_twister_next(lt_twister *t);       /* 0 <= x < 1 */

typedef struct lt_scene lt_scene;

typedef enum { LT_SCENE_FLOW, LT_SCENE_MOVING } lt_scene_kind;

/* FLOW: textures are continuous functions seen at sub-pixel places, so that the motion is exact up to the 8-bit
 * rounding of colours. MOVING: whole-pixel panning and two discs; no motion is given out. Sizes 1 to 16384. */
LT_NODISCARD lt_status lt_scene_create(lt_scene_kind kind, int n_frames, int width, int height, uint32_t seed, lt_scene **out);

/* Frame t into rgb [height, width, 3]. */
void lt_scene_frame(const lt_scene *s, int t, uint8_t *rgb);

/* FLOW only. Motion from t to t + 1 into flow [height, width, 2] (x, y in pixels), and into occluded [height, width] 1
 * where the point is hidden or outside the picture at t + 1; else 0. */
void lt_scene_truth(const lt_scene *s, int t, float *flow, uint8_t *occluded);

/* *s is NULL afterwards; NULL is accepted. */
void lt_scene_destroy(lt_scene **s);

#ifdef __cplusplus
}
#endif
#endif
