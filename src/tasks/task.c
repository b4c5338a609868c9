#include <longtake/task.h>

#include "tasks.h"

#include <string.h>

static const lt_task *const tasks[] = { &lt_task_flow, &lt_task_depth };

lt_status lt_task_find(int kind, const lt_task **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks && !*out; i++)
        if ((int)tasks[i]->kind == kind) *out = tasks[i];
    if (!*out) LT_FAIL(LT_E_USAGE, "this --task is not built in this version; it has: flow, depth");
done:
    return st;
}

lt_status lt_task_named(const char *name, const lt_task **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks && !*out; i++)
        if (!strcmp(tasks[i]->name, name)) *out = tasks[i];
    if (!*out) LT_FAIL(LT_E_USAGE, "the task '%.40s' is not built in this version", name);
done:
    return st;
}
