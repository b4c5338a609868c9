/* longtake/dtype.h -- the types a number can have, in memory and in files.
 *
 * in    nothing
 * out   sizes, names and conversions of single values
 * owns  nothing
 *
 * Arithmetic is done in f32 (sums of the alignment in f64); the others are storage. */
#ifndef LONGTAKE_DTYPE_H
#define LONGTAKE_DTYPE_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    LT_U8, LT_F16, LT_F32,
    LT_BF16, LT_F64, LT_I8, LT_I16, LT_I32, LT_I64, LT_BOOL,
    LT_DTYPES
} lt_dtype;

/* Bytes of one value: 1, 2, 4 or 8. */
size_t lt_dtype_bytes(lt_dtype dtype);

/* "u8", "f16", "f32", "bf16", "f64", "i8", "i16", "i32", "i64", "bool". */
const char *lt_dtype_name(lt_dtype dtype);

/* IEEE 754 binary16 of a float, rounded to nearest, ties to even; overflow is infinity, a NaN is 0x7e00 with its
 * sign and the upper bits of its payload. */
uint16_t lt_half_from_float(float value);

/* Exact. */
float lt_half_to_float(uint16_t half);

/* bfloat16 of a float, rounded to nearest, ties to even; a NaN stays one (quiet). */
uint16_t lt_bf16_from_float(float value);

/* Exact. */
float lt_bf16_to_float(uint16_t value);

/* Whether all n values are numbers: neither infinite nor NaN. */
bool lt_all_finite(const float *x, size_t n);

#ifdef __cplusplus
}
#endif
#endif
