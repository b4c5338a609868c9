#include "html.h"

#include <math.h>
#include <stdio.h>

/* The least of 1, 2, 5, 10, ... times a power of ten that is not below x > 0. */
static double round_up(double x)
{
    const double power = pow(10, floor(log10(x)));
    const double m = x / power;
    return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * power;
}

lt_axis lt_axis_bytes(double most, int marks)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    lt_axis a = { .unit = 1 };
    int u = 0;
    if (!(most >= 1) || isinf(most)) most = 1000;
    for (; u < 4 && most >= 1024 * a.unit; u++) a.unit *= 1024;
    a.unit_name = names[u];
    a.step = round_up(most / marks / a.unit) * a.unit;
    if (u == 0 && a.step < 1) a.step = 1;
    a.n = (int)ceil(1.02 * most / a.step);
    a.top = a.n * a.step;
    return a;
}

lt_axis lt_axis_seconds(double most, int marks)
{
    static const double steps[] = { 10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400 };
    enum { STEPS = sizeof steps / sizeof *steps };
    lt_axis a = { 0 };
    if (!(most >= 1e-3) || isinf(most)) most = most < 1e-3 ? 1e-3 : 1;
    const double least = most / marks;
    if (least <= steps[0]) a.step = round_up(least);
    else if (least > steps[STEPS - 1]) a.step = round_up(least / steps[STEPS - 1]) * steps[STEPS - 1];
    else
        for (int i = STEPS - 1; i >= 0 && steps[i] >= least; i--) a.step = steps[i];
    a.unit = a.step < 60 ? 1 : a.step < 3600 ? 60 : a.step < 86400 ? 3600 : 86400;
    a.unit_name = a.step < 60 ? "s" : a.step < 3600 ? "min" : a.step < 86400 ? "h" : "d";
    a.n = (int)floor(most / a.step * (1 + 1e-9));
    a.top = most;
    return a;
}

char *lt_axis_label(const lt_axis *a, int i, char *text, int size)
{
    if (i == 0) snprintf(text, (size_t)size, "0");
    else snprintf(text, (size_t)size, "%.10g %s", i * a->step / a->unit, a->unit_name);
    return text;
}

double lt_axis_place(const lt_axis *a, double value)
{
    const double p = 100 * value / a->top;
    return p > 0 ? p < 100 ? p : 100 : 0;
}
