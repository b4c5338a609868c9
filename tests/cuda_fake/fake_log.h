/* cuda_fake/fake_log.h -- text that grows by lines.
 *
 * in    a format
 * out   all lines so far
 * owns  the text, until it is forgotten */
#ifndef LT_TESTS_FAKE_LOG_H
#define LT_TESTS_FAKE_LOG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char  *text;
    size_t n, room;
} lt_fake_log;

void        lt_fake_log_add(lt_fake_log *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *lt_fake_log_text(const lt_fake_log *l);
void        lt_fake_log_forget(lt_fake_log *l);

#ifdef __cplusplus
}
#endif
#endif
