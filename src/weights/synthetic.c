/* Weights that are a pure function of (seed, name, shape). The formula: docs/weights.md. */
#include "private.h"

#include <math.h>
#include <string.h>

#define GOLDEN 0x9E3779B97F4A7C15u

enum { BLOCK = 512 };

typedef enum { VARIANCE, MEAN, GAMMA, BIAS, EMBEDDING, FAN, SCALE } rule;

/* FNV-1a, 64 bits: draft-eastlake-fnv. */
static uint64_t name_key(const char *name)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 0x100000001B3u;
    return h;
}

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014. */
static inline uint64_t splitmix64(uint64_t x)
{
    uint64_t z = x + GOLDEN;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static rule rule_of(const char *name, int n_dims)
{
    static const struct {
        const char *last;
        rule        rule;
    } rules[] = {
        { "running_var", VARIANCE }, { "running_mean", MEAN }, { "gamma", GAMMA }, { "bias", BIAS },
        { "pos_embed", EMBEDDING }, { "pos_embed_window", EMBEDDING }, { "cls_token", EMBEDDING }, { "mask_token", EMBEDDING },
        { "maskmem_tpos_enc", EMBEDDING }, { "no_mem_embed", EMBEDDING }, { "no_mem_pos_enc", EMBEDDING }, { "no_obj_ptr", EMBEDDING },
        { "no_obj_embed_spatial", EMBEDDING },
    };
    const char *last = last_part(name);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(last, rules[i].last) == 0) return rules[i].rule;
    return n_dims >= 2 ? FAN : SCALE;
}

/* pe[t,2j] = sin(t w_j), pe[t,2j+1] = cos(t w_j), w_j = exp(-2j ln(10000) / C). */
static void sinusoid(int64_t T, int64_t C, float *out)
{
    for (int64_t t = 0; t < T; t++)
        for (int64_t c = 0; c < C; c++) {
            double w = exp(-(double)(c - c % 2) * log(10000.0) / (double)C);
            out[t * C + c] = (float)(c % 2 ? cos((double)t * w) : sin((double)t * w));
        }
}

/* One loop a rule: what is chosen inside a loop costs more than the arithmetic. u in [0,1), v of mean 0 and variance 1. */
#define EACH(value)                                    \
    for (int i = 0; i < n; i++) {                      \
        const double u = draw[i], v = (2 * u - 1) * root3; \
        (void)v;                                       \
        out[i] = (float)(value);                       \
    }                                                  \
    break

static void apply(rule r, const double *draw, int n, double fan, float *out)
{
    const double root3 = sqrt(3.0);
    switch (r) {
    case VARIANCE:  EACH(1 + 0.5 * u);
    case MEAN:
    case BIAS:      EACH(0.1 * v);
    case GAMMA:     EACH(0.3 * (1 + 0.3 * v));
    case EMBEDDING: EACH(0.5 * v);
    case FAN:       EACH(v / fan);
    case SCALE:     EACH(1 + 0.2 * v);
    }
}

void lt_weights_draw(uint64_t seed, const char *name, int n_dims, const int64_t *dim, float *out)
{
    double u[BLOCK];
    int64_t n = 1;
    for (int i = 0; i < n_dims; i++) n *= dim[i];
    if (n <= 0) return;
    if (n_dims == 3 && dim[0] == 1 && strcmp(last_part(name), "pe") == 0) {
        sinusoid(dim[1], dim[2], out);
        return;
    }
    const rule r = rule_of(name, n_dims);
    const uint64_t key = name_key(name) ^ splitmix64(seed);
    const double fan = n_dims ? sqrt((double)n / (double)dim[0]) : 1;
    for (int64_t first = 0; first < n; first += BLOCK) {
        int m = n - first < BLOCK ? (int)(n - first) : BLOCK;
        for (int i = 0; i < m; i++) u[i] = (double)(int32_t)(splitmix64(key + (uint64_t)(first + i) * GOLDEN) >> 40) * 0x1p-24;
        apply(r, u, m, fan, out + first);
    }
}
