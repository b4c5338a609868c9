#include "scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void lt_twister_seed(lt_twister *t, uint32_t seed)
{
    t->state[0] = seed;
    for (uint32_t i = 1; i < 624; i++) t->state[i] = 1812433253u * (t->state[i - 1] ^ t->state[i - 1] >> 30) + i;
    t->at = 624;
}

static uint32_t twister_bits(lt_twister *t)
{
    if (t->at == 624) {
        for (int i = 0; i < 624; i++) {
            const uint32_t y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % 624] & 0x7FFFFFFFu);
            t->state[i] = t->state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908B0DFu : 0);
        }
        t->at = 0;
    }
    uint32_t y = t->state[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
}

double lt_twister_next(lt_twister *t)
{
    const uint32_t a = twister_bits(t) >> 5, b = twister_bits(t) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
}

enum { LATTICE = 64, SCALES = 5, GROUND = 0, DISC_A = 1, DISC_B = 2, SIDE_MAX = 16384 };
static const double scales[SCALES] = { 3, 6, 12, 28, 60 };
static const double ground_y = 0.45, ground_x = 1.3, a_y = 1.1, a_x = 2.2, turn = 0.035;    /* pixels, radians a frame */

typedef struct {
    double *rgb;                 /* [height, width, 3] */
    int     width, height;
} picture;

struct lt_scene {
    lt_scene_kind kind;
    int           n_frames, width, height;
    double       *lattice[3];    /* FLOW: GROUND, DISC_A, DISC_B: [SCALES, LATTICE, LATTICE, 3] */
    double        weight[SCALES];
    picture       texture[3];    /* MOVING */
};

/* ---- MOVING ---- */

static lt_status make_texture(lt_twister *twister, int height, int width, picture *out)
{
    lt_status st = LT_OK;
    const size_t n = (size_t)height * (size_t)width * 3;
    double *g = NULL;
    out->height = height;
    out->width = width;
    out->rgb = calloc(n, sizeof *out->rgb);
    if (!out->rgb) LT_FAIL(LT_E_MEMORY, "no memory for a texture of %dx%d", width, height);
    for (int s = 4; s <= 32; s *= 2) {
        const size_t rows = (size_t)(height / s + 3), columns = (size_t)(width / s + 3);
        free(g);
        g = malloc(rows * columns * 3 * sizeof *g);
        if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a texture of %dx%d", width, height);
        for (size_t i = 0; i < rows * columns * 3; i++) g[i] = lt_twister_next(twister);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const double fy = (double)y / s - y / s, fx = (double)x / s - x / s;
                const double *p = g + ((size_t)(y / s) * columns + (size_t)(x / s)) * 3, *q = p + columns * 3;
                double *a = out->rgb + ((size_t)y * (size_t)width + (size_t)x) * 3;
                for (int c = 0; c < 3; c++)
                    a[c] += (p[c] * (1 - fy) * (1 - fx) + q[c] * fy * (1 - fx) + p[c + 3] * (1 - fy) * fx
                             + q[c + 3] * fy * fx - .5) * s / 16;
            }
    }
    for (size_t i = 0; i < n; i++) out->rgb[i] = fmin(fmax(out->rgb[i] * 110 + 128, 0), 255);
done:
    free(g);
    return st;
}

static int modulo(int a, int n)
{
    return (a % n + n) % n;
}

static void moving_frame(const lt_scene *s, int t, uint8_t *rgb)
{
    const int h = s->height, w = s->width;
    const double cy[3] = { 0, h * .3 + t * .4, h * .65 - t * .3 }, cx[3] = { 0, w * .25 + t * 1.2, w * .7 - t * .9 };
    const double radius[3] = { 0, h * .22, h * .16 };
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, rgb += 3) {
            int k = GROUND;
            for (int d = DISC_A; d <= DISC_B; d++)
                if ((y - cy[d]) * (y - cy[d]) + (x - cx[d]) * (x - cx[d]) < radius[d] * radius[d]) k = d;
            const picture *p = &s->texture[k];
            const int py = k ? modulo(y - (int)cy[k], h) : t / 2 + y, px = k ? modulo(x - (int)cx[k], w) : t + x;
            const double *from = p->rgb + ((size_t)py * (size_t)p->width + (size_t)px) * 3;
            for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)from[c];
        }
}

/* ---- FLOW ---- */

static void lattice_at(const lt_scene *s, int which, double y, double x, double rgb[3])
{
    double sum[3] = { 0, 0, 0 };
    for (int k = 0; k < SCALES; k++) {
        const double *q = s->lattice[which] + (size_t)k * LATTICE * LATTICE * 3;
        const double ys = y / scales[k], xs = x / scales[k];
        const double y0 = floor(ys), x0 = floor(xs);
        double fy = ys - y0, fx = xs - x0;
        fy = fy * fy * (3 - 2 * fy);
        fx = fx * fx * (3 - 2 * fx);
        const int j0 = (int)y0 & (LATTICE - 1), j1 = (j0 + 1) & (LATTICE - 1);
        const int i0 = (int)x0 & (LATTICE - 1), i1 = (i0 + 1) & (LATTICE - 1);
        const double *v00 = q + (j0 * LATTICE + i0) * 3, *v10 = q + (j1 * LATTICE + i0) * 3;
        const double *v01 = q + (j0 * LATTICE + i1) * 3, *v11 = q + (j1 * LATTICE + i1) * 3;
        for (int c = 0; c < 3; c++)
            sum[c] += ((v00[c] * (1 - fy) + v10[c] * fy) * (1 - fx) + (v01[c] * (1 - fy) + v11[c] * fy) * fx - .5)
                      * s->weight[k];
    }
    for (int c = 0; c < 3; c++) rgb[c] = fmin(fmax(128 + sum[c] * 110, 0), 255);
}

typedef struct {
    double y, x;
} point;

static point rotate(const lt_scene *s, double y, double x, double angle)
{
    const double cy = s->height * .62, cx = s->width * .66, dy = y - cy, dx = x - cx;
    return (point){ cy + cos(angle) * dy - sin(angle) * dx, cx + sin(angle) * dy + cos(angle) * dx };
}

/* What is seen at a point: disc A lies over disc B. */
static int seen(const lt_scene *s, int t, double y, double x)
{
    const double ay = s->height * .35 + t * a_y, ax = s->width * .30 + t * a_x, ra = s->height * .20;
    const double by = s->height * .62, bx = s->width * .66, rb = s->height * .24;
    if ((y - ay) * (y - ay) + (x - ax) * (x - ax) < ra * ra) return DISC_A;
    return (y - by) * (y - by) + (x - bx) * (x - bx) < rb * rb ? DISC_B : GROUND;
}

static void flow_frame(const lt_scene *s, int t, uint8_t *rgb)
{
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++, rgb += 3) {
            double colour[3];
            const int k = seen(s, t, y, x);
            if (k == DISC_A) lattice_at(s, k, y - t * a_y, x - t * a_x, colour);
            else if (k == GROUND) lattice_at(s, k, y - t * ground_y, x - t * ground_x, colour);
            else {
                const point p = rotate(s, y, x, -turn * t);
                lattice_at(s, k, p.y, p.x, colour);
            }
            for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)rint(colour[c]);
        }
}

void lt_scene_truth(const lt_scene *s, int t, float *flow, uint8_t *occluded)
{
    const int h = s->height, w = s->width;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, flow += 2, occluded++) {
            const int k = seen(s, t, y, x);
            const point p = rotate(s, y, x, turn);
            const double u = k == DISC_A ? a_x : k == DISC_B ? p.x - x : ground_x;
            const double v = k == DISC_A ? a_y : k == DISC_B ? p.y - y : ground_y;
            flow[0] = (float)u;
            flow[1] = (float)v;
            *occluded = seen(s, t + 1, y + v, x + u) != k || y + v < 0 || y + v > h - 1 || x + u < 0 || x + u > w - 1;
        }
}

/* ---- */

static lt_status fill(lt_scene *s, uint32_t seed)
{
    lt_status st = LT_OK;
    lt_twister twister;
    lt_twister_seed(&twister, seed);
    if (s->kind == LT_SCENE_MOVING) {
        const int grow = 2 * s->n_frames + 8;
        LT_TRY(make_texture(&twister, s->height + grow, s->width + grow, &s->texture[GROUND]));
        LT_TRY(make_texture(&twister, s->height, s->width, &s->texture[DISC_A]));
        LT_TRY(make_texture(&twister, s->height, s->width, &s->texture[DISC_B]));
        goto done;
    }
    for (int k = 0; k < SCALES; k++) s->weight[k] = pow(scales[k] / 12, .5);
    for (int i = 0; i < 3; i++) {
        const size_t n = (size_t)SCALES * LATTICE * LATTICE * 3;
        s->lattice[i] = malloc(n * sizeof *s->lattice[i]);
        if (!s->lattice[i]) LT_FAIL(LT_E_MEMORY, "no memory for the textures of a scene");
        for (size_t j = 0; j < n; j++) s->lattice[i][j] = lt_twister_next(&twister);
    }
done:
    return st;
}

lt_status lt_scene_create(lt_scene_kind kind, int n_frames, int width, int height, uint32_t seed, lt_scene **out)
{
    lt_status st = LT_OK;
    lt_scene *s = NULL;
    *out = NULL;
    if (n_frames < 1 || n_frames > 100000 || width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        LT_FAIL(LT_E_USAGE, "a scene of %d frames of %dx%d cannot be made: 1 to 100000 frames, sides of 1 to %d", n_frames, width,
                height, SIDE_MAX);
    s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a scene");
    s->kind = kind;
    s->n_frames = n_frames;
    s->width = width;
    s->height = height;
    LT_TRY(fill(s, seed));
    *out = s;
    s = NULL;
done:
    lt_scene_destroy(&s);
    return st;
}

void lt_scene_frame(const lt_scene *s, int t, uint8_t *rgb)
{
    if (s->kind == LT_SCENE_MOVING) moving_frame(s, t, rgb);
    else flow_frame(s, t, rgb);
}

void lt_scene_destroy(lt_scene **s)
{
    if (!*s) return;
    for (int i = 0; i < 3; i++) {
        free((*s)->lattice[i]);
        free((*s)->texture[i].rgb);
    }
    free(*s);
    *s = NULL;
}
