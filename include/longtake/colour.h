/* longtake/colour.h -- numbers as colours.
 *
 * in    values of a field
 * out   pixels
 * owns  nothing
 *
 * Pure functions. A value that is absent (NaN, or a mask's 255) is a grey checker, never a colour of the scale. */
#ifndef LONGTAKE_COLOUR_H
#define LONGTAKE_COLOUR_H

#include <longtake/image.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The colour of a motion (u right, v down) in units of the scale: hue is the direction, white is rest, full colour
 * is length 1; beyond 1 the colour is darkened to 3/4.
 * Source: Baker, Scharstein, Lewis, Roth, Black, Szeliski, "A Database and Evaluation Methodology for Optical Flow",
 * IJCV 92, 2011, section 4.2 (the wheel of 55 hues: 15 red-yellow, 6 yellow-green, 4 green-cyan, 11 cyan-blue,
 * 13 blue-magenta, 6 magenta-red). */
lt_rgb lt_colour_flow(float u, float v);

/* Inferno at x in [0,1], clamped: black to purple to orange to pale yellow, of steadily rising lightness.
 * Source: N. Smith and S. van der Walt, the colour maps of matplotlib 2.0, 2015 (CC0), at 33 places; between them it is linear, within 1.5
 * of 255 of the original. */
lt_rgb lt_colour_scalar(float x);

/* Label 0 is black, the others are told apart: hues by the golden ratio, alternating lightness. */
lt_rgb lt_colour_label(unsigned label);

/* The checker of absent values. */
lt_rgb lt_colour_absent(int x, int y);

/* flow [h,w,2] in pixels, colours at 1 = `scale` pixels, into image [h,w]. */
void lt_colour_flow_image(const float *flow, float scale, lt_image *image);

/* values [h,w]: lo becomes 0, hi becomes 1 of lt_colour_scalar; lo == hi is its middle. */
void lt_colour_scalar_image(const float *values, float lo, float hi, lt_image *image);

/* mask [h,w]: 0 black, 255 absent, anything else white. */
void lt_colour_mask_image(const uint8_t *mask, lt_image *image);

/* labels [h,w], 255 absent. */
void lt_colour_label_image(const uint8_t *labels, lt_image *image);

/* Tints the pixels of `image` where mask is neither 0 nor 255 with `colour`, opacity 0 to 1. */
void lt_colour_overlay(lt_image *image, const uint8_t *mask, lt_rgb colour, float opacity);

/* The wheel itself, for a legend: a disc of `size` pixels across on `background`, its rim at length 1. */
void lt_colour_wheel(lt_image *image, int x, int y, int size, lt_rgb background);

/* ---- the scale ---- */

/* Collects values and gives their quantiles; a histogram of fixed size in 32 steps an octave, so that it neither grows nor
 * depends on the order. Absent values are left out. */
typedef struct {
    uint64_t count[2 * 8192];    /* negative half, positive half */
    uint64_t zeros, n;
} lt_range_finder;

void lt_range_init(lt_range_finder *f);
void lt_range_add(lt_range_finder *f, const float *values, size_t n);
void lt_range_add_flow(lt_range_finder *f, const float *flow, size_t n_pixels);    /* lengths */

/* The q-quantile to 1.6 %, 0 where there is none. */
float lt_range_quantile(const lt_range_finder *f, double q);

/* `x` up to the next of 1, 1.5, 2, 3, 4, 5, 6, 8 x 10^k: a scale that reads well; at least 0.1. */
float lt_range_round(float x);

#ifdef __cplusplus
}
#endif
#endif
