/* longtake/field.h -- what a task puts for each frame.
 *
 * in    nothing
 * out   the description of an array of a result
 * owns  nothing; a field borrows its strings
 *
 * Producers hand float fields over as f32 and byte fields as u8; F16 is how a float field is stored. */
#ifndef LONGTAKE_FIELD_H
#define LONGTAKE_FIELD_H

#include <longtake/dtype.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char        *name;            /* [a-z][a-z0-9_]*, at most 63 characters */
    lt_dtype           dtype;           /* as stored */
    int                channels;        /* 0: [H,W] a frame; C >= 1: [H,W,C] */
    const char *const *components;      /* [channels] names, or NULL */
    const char        *units;           /* "pixel", "1", ... */
    const char        *long_name;
    double             fill;            /* what an absent value reads as: NAN, or 0..255 for LT_U8 */
} lt_field;

/* Bytes of one value as handed over: 1 for LT_U8, 4 for the float types. */
size_t lt_dtype_value_bytes(lt_dtype dtype);

/* Values of one frame: width * height * max(channels, 1). */
size_t lt_field_values(const lt_field *field, int width, int height);

#ifdef __cplusplus
}
#endif
#endif
