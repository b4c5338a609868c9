/* budget/host.h -- where the limits of the host are read from, so that tests can bring their own.
 *
 * in    a root of /proc and /sys, an environment
 * out   lt_host_memory
 * owns  nothing */
#ifndef LT_BUDGET_HOST_H
#define LT_BUDGET_HOST_H

#include <longtake/budget.h>

typedef struct {
    const char *root;                        /* ends with '/'; proc/ and sys/ are below it */
    const char *(*env)(const char *name);    /* NULL: not set */
} lt_host_sources;

/* What lt_host_memory_read and lt_host_limits_check do, from these. */
LT_NODISCARD lt_status lt_host_memory_from(const lt_host_sources *from, lt_host_memory *out);
LT_NODISCARD lt_status lt_host_limits_check_from(const lt_host_sources *from, bool gpu);

/* lt_budget_cpu on a machine with this memory. */
void lt_budget_from(const lt_budget_opts *opts, const lt_host_memory *m, lt_budget *out);

#endif
