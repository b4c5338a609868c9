/* longtake/plan_picture.h -- an arena over time as a picture.
 *
 * in    what lies where and when
 * out   a PNG
 * owns  nothing
 *
 * Time runs from left to right in steps of the plan, offsets from the bottom up; every tensor is one box. */
#ifndef LONGTAKE_PLAN_PICTURE_H
#define LONGTAKE_PLAN_PICTURE_H

#include <longtake/arena.h>
#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_BOX_WEIGHTS, LT_BOX_KEPT, LT_BOX_VALUE, LT_BOX_WORKSPACE, LT_BOX_BESIDE, LT_BOX_KINDS } lt_box_kind;

typedef struct {
    lt_arena_item item;              /* name, bytes, first, last and offset are read */
    lt_box_kind   kind;
} lt_plan_box;

typedef struct {
    const char *name;
    int         first;               /* step at which it begins */
} lt_plan_mark;

typedef struct {
    const char         *title, *subtitle;
    const lt_plan_box  *boxes;
    int                 n_boxes;
    const lt_plan_mark *marks;       /* parts of the network, rising */
    int                 n_marks, n_steps;
    size_t              n_bytes;     /* of the arena */
} lt_plan_picture;

/* LT_E_STORE, LT_E_MEMORY. */
LT_NODISCARD lt_status lt_plan_picture_write(const lt_plan_picture *p, const char *path);

#ifdef __cplusplus
}
#endif
#endif
