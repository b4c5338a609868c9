#include "samples.h"

#include <string.h>

void lt_samples_init(lt_samples *s, double period)
{
    memset(s, 0, sizeof *s);
    s->period = period;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Every second one goes; what it had goes into the one behind it. The first stays, for it tells when the run began. */
static void halve(lt_samples *s)
{
    int n = 1;
    for (int i = 2; i < s->n; i += 2) {
        s->at[n] = s->at[i];
        s->at[n].device = larger(s->at[i].device, s->at[i - 1].device);
        s->at[n].host = larger(s->at[i].host, s->at[i - 1].host);
        n++;
    }
    /* Of an even number the last has no one behind it: it waits for the next. */
    if (s->n % 2 == 0) {
        s->most = s->at[s->n - 1];
        s->pending = true;
    }
    s->n = n;
    s->period *= 2;
}

void lt_samples_add(lt_samples *s, const lt_report_sample *sample)
{
    lt_report_sample now = *sample;
    if (s->pending) {
        now.device = larger(now.device, s->most.device);
        now.host = larger(now.host, s->most.host);
    }
    s->most = now;
    s->pending = true;
    if (s->n > 0 && now.seconds < s->at[s->n - 1].seconds + s->period) return;
    s->at[s->n++] = now;
    s->pending = false;
    if (s->n == LT_SAMPLES) halve(s);
}

const lt_report_sample *lt_samples_list(lt_samples *s, int *n)
{
    *n = s->n;
    if (s->pending) s->at[(*n)++] = s->most;
    return s->at;
}
