/* pipeline/samples.h -- memory over time, in a place of fixed size. Private to src/pipeline.
 *
 * in    a sample now and then
 * out   those that were kept, rising in time
 * owns  nothing; lt_samples is its memory
 *
 * When the place is full, every second sample goes and from then on only every second one is taken: so a run of any length is covered by 256 to 512
 * samples that lie equally far apart, and the last one taken. What is between two samples is in the later one as the most that was seen. */
#ifndef LT_PIPELINE_SAMPLES_H
#define LT_PIPELINE_SAMPLES_H

#include <longtake/metrics.h>

enum { LT_SAMPLES = 512 };

typedef struct {
    lt_report_sample at[LT_SAMPLES + 1];     /* one more: what lt_samples_list puts behind */
    int              n;
    double           period;                 /* seconds between samples, as of now */
    lt_report_sample most;                   /* since the last one that was kept */
    bool             pending;
} lt_samples;

/* period: seconds between samples at first, above 0. */
void lt_samples_init(lt_samples *s, double period);

/* Takes what is so at `sample->seconds`, which rises from call to call; as often as the caller likes. */
void lt_samples_add(lt_samples *s, const lt_report_sample *sample);

/* All that is kept and, behind it, what came since; *n of them. Borrowed until the next call. */
const lt_report_sample *lt_samples_list(lt_samples *s, int *n);

#endif
