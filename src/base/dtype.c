#include <longtake/dtype.h>

#include <string.h>

static const struct {
    const char *name;
    size_t      n_bytes;
} types[LT_DTYPES] = {
    [LT_U8] = { "u8", 1 },   [LT_F16] = { "f16", 2 }, [LT_F32] = { "f32", 4 }, [LT_BF16] = { "bf16", 2 }, [LT_F64] = { "f64", 8 },
    [LT_I8] = { "i8", 1 },   [LT_I16] = { "i16", 2 }, [LT_I32] = { "i32", 4 }, [LT_I64] = { "i64", 8 },   [LT_BOOL] = { "bool", 1 },
};

size_t lt_dtype_bytes(lt_dtype dtype)
{
    return types[dtype].n_bytes;
}

const char *lt_dtype_name(lt_dtype dtype)
{
    return types[dtype].name;
}

uint16_t lt_bf16_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float lt_bf16_to_float(uint16_t value)
{
    uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

uint16_t lt_half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x1ffu));
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);      /* 65520 and above round to infinity */
    if (rest < 0x33000001u) return sign;                              /* 2^-25 and below: a tie with 0 at most */
    int exponent = (int)(rest >> 23);
    uint32_t mantissa = (rest & 0x7fffffu) | 0x800000u;
    /* A subnormal half keeps fewer bits: its last place is 2^-24. */
    int drop = exponent < 113 ? 126 - exponent : 13;
    uint32_t kept = mantissa >> drop, lost = mantissa & ((1u << drop) - 1u), tie = 1u << (drop - 1);
    if (lost > tie || (lost == tie && (kept & 1u))) kept++;
    /* The carry of a rounded-up mantissa runs into the exponent, which is what it should do. */
    if (exponent >= 113) kept += (uint32_t)(exponent - 113) << 10;
    return (uint16_t)(sign | kept);
}

float lt_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u, mantissa = half & 0x3ffu, bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else if (mantissa) {
        exponent = 113;
        while (!(mantissa & 0x400u)) mantissa <<= 1, exponent--;
        bits = sign | exponent << 23 | (mantissa & 0x3ffu) << 13;
    } else {
        bits = sign;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* All exponent bits set means infinity or NaN. */
bool lt_all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}
