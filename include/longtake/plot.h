/* longtake/plot.h -- a figure of stairs: what is had for how much.
 *
 * in    lines of points whose value holds until the next one
 * out   a PNG
 * owns  nothing
 *
 * An axis is logarithmic where its values lie further apart than eight to one; a linear axis of y begins at 0. */
#ifndef LONGTAKE_PLOT_H
#define LONGTAKE_PLOT_H

#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_PLOT_LINES = 24, LT_PLOT_POINTS = 512, LT_PLOT_KEYS = 32 };

typedef struct {
    double x, y;                     /* above 0 */
    int    key;                      /* its number stands beside the point; -1: none */
} lt_plot_point;

typedef struct {
    const char          *name;
    const lt_plot_point *points;     /* x rising */
    int                  n_points;   /* at least 1 */
    const char          *least;      /* said at the foot of the first one */
} lt_plot_line;

typedef struct {
    const char         *title, *subtitle, *x_name, *y_name;
    const lt_plot_line *lines;
    int                 n_lines;     /* up to LT_PLOT_LINES, of LT_PLOT_POINTS points in all */
    const char *const  *keys;        /* what number i means */
    int                 n_keys;      /* up to LT_PLOT_KEYS */
} lt_plot;

/* LT_E_STORE, LT_E_MEMORY; LT_E_INTERNAL for lines that are not as said above. */
LT_NODISCARD lt_status lt_plot_write(const lt_plot *p, const char *path);

#ifdef __cplusplus
}
#endif
#endif
