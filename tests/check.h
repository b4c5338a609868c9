/* cmocka with what its header forgets to include, and a check that prints the error record. */
#ifndef LT_TESTS_CHECK_H
#define LT_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <longtake/status.h>

#define assert_ok(call)                                                                    \
    do {                                                                                   \
        lt_status ok_ = (call);                                                            \
        if (ok_ < 0) fail_msg("%s: %s (status %d)", #call, lt_error_last()->text, ok_);    \
    } while (0)

#endif
