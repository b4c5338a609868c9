/* longtake/field.h -- what a task puts for each frame.
 *
 * in    nothing
 * out   the description of an array of a result
 * owns  nothing; a field borrows its strings
 *
 * Producers hand float fields over as f32 and byte fields as u8; F16 is how a float field is stored. */
#ifndef LONGTAKE_FIELD_H
#define LONGTAKE_FIELD_H

#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_U8, LT_F16, LT_F32 } lt_dtype;

typedef struct {
    const char        *name;            /* [a-z][a-z0-9_]*, at most 63 characters */
    lt_dtype           dtype;           /* as stored */
    int                channels;        /* 0: [H,W] a frame; C >= 1: [H,W,C] */
    const char *const *components;      /* [channels] names, or NULL */
    const char        *units;           /* "pixel", "1", ... */
    const char        *long_name;
    double             fill;            /* what an absent value reads as: NAN, or 0..255 for LT_U8 */
} lt_field;

/* Bytes of one value as stored: 1, 2, 4. */
size_t lt_dtype_stored_bytes(lt_dtype dtype);

/* Bytes of one value as handed over: 1, 4, 4. */
size_t lt_dtype_value_bytes(lt_dtype dtype);

/* "u8", "f16", "f32". */
const char *lt_dtype_name(lt_dtype dtype);

/* Values of one frame: width * height * max(channels, 1). */
size_t lt_field_values(const lt_field *field, int width, int height);

/* IEEE 754 binary16 of a float, rounded to nearest, ties to even; overflow is infinity, a NaN is 0x7e00 with its
 * sign and the upper bits of its payload. */
uint16_t lt_half_from_float(float value);

/* Exact. */
float lt_half_to_float(uint16_t half);

#ifdef __cplusplus
}
#endif
#endif
