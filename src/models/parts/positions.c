#include "models/parts/positions.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    int    at[4];
    double weight[4];
} taps;

/* Keys' cubic of a = -0.75: within one sample of the centre, and from one to two. */
static double near_(double x)
{
    return (1.25 * x - 2.25) * x * x + 1;
}

static double far_(double x)
{
    return ((-0.75 * x + 3.75) * x - 6) * x + 3;
}

static taps taps_of(int d, int n, int table)
{
    taps t;
    double c = (d + 0.5) * (table / (n + 0.1)) - 0.5, whole = floor(c), u = c - whole;
    const double w[4] = { far_(u + 1), near_(u), near_(1 - u), far_(2 - u) };
    for (int k = 0; k < 4; k++) {
        int i = (int)whole - 1 + k;
        t.at[k] = i < 0 ? 0 : i > table - 1 ? table - 1 : i;
        t.weight[k] = w[k];
    }
    return t;
}

lt_status lt_positions_resample(const void *at_, const float *weight, float *out)
{
    const lt_positions *at = at_;
    const size_t dim = (size_t)at->dim, table = (size_t)at->table;
    if (at->h == at->table && at->w == at->table) {
        memcpy(out, weight, (1 + table * table) * dim * sizeof *out);
        return LT_OK;
    }
    memcpy(out, weight, dim * sizeof *out);
    const float *grid = weight + dim;
    for (int y = 0; y < at->h; y++) {
        const taps ty = taps_of(y, at->h, at->table);
        for (int x = 0; x < at->w; x++) {
            const taps tx = taps_of(x, at->w, at->table);
            float *to = out + (1 + (size_t)y * (size_t)at->w + (size_t)x) * dim;
            for (size_t c = 0; c < dim; c++) {
                double sum = 0;
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++)
                        sum += ty.weight[i] * tx.weight[j] * (double)grid[((size_t)ty.at[i] * table + (size_t)tx.at[j]) * dim + c];
                to[c] = (float)sum;
            }
        }
    }
    return LT_OK;
}
