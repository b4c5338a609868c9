#include "private.h"

#include <string.h>

/* `read` makes a float of the value at p. Files need not be aligned, so values are copied out. */
#define WIDEN(type, read)                                     \
    for (int64_t i = 0; i < n; i++) {                         \
        type value;                                           \
        memcpy(&value, bytes + i * (int64_t)sizeof value, sizeof value); \
        out[i] = (read);                                      \
    }                                                         \
    break

void lt_weights_widen(lt_dtype dtype, const void *in, int64_t n, float *out)
{
    const uint8_t *bytes = in;
    switch (dtype) {
    case LT_F32:  memcpy(out, in, (size_t)n * sizeof *out); break;
    case LT_F64:  WIDEN(double, (float)value);
    case LT_F16:  WIDEN(uint16_t, lt_half_to_float(value));
    case LT_BF16: WIDEN(uint16_t, lt_bf16_to_float(value));
    case LT_I64:  WIDEN(int64_t, (float)value);
    case LT_I32:  WIDEN(int32_t, (float)value);
    case LT_I16:  WIDEN(int16_t, (float)value);
    case LT_I8:   WIDEN(int8_t, (float)value);
    case LT_U8:   WIDEN(uint8_t, (float)value);
    case LT_BOOL: WIDEN(uint8_t, value ? 1.0f : 0.0f);
    case LT_DTYPES: break;
    }
}
