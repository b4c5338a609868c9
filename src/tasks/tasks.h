/* tasks/tasks.h -- the tasks of this version, one file each. Private to src/tasks. */
#ifndef LT_TASKS_TASKS_H
#define LT_TASKS_TASKS_H

#include <longtake/task.h>

extern const lt_task lt_task_flow, lt_task_depth;
extern const lt_finish lt_finish_depth;

#endif
