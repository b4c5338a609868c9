/* longtake/clock.h -- seconds that never go back.
 *
 * in    the machine's monotonic clock
 * out   seconds since some moment of the past
 * owns  nothing; any thread */
#ifndef LONGTAKE_CLOCK_H
#define LONGTAKE_CLOCK_H

#ifdef __cplusplus
extern "C" {
#endif

double lt_seconds(void);

#ifdef __cplusplus
}
#endif
#endif
