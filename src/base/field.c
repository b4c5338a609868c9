#include <longtake/field.h>

#include <string.h>

size_t lt_dtype_stored_bytes(lt_dtype dtype)
{
    return dtype == LT_U8 ? 1 : dtype == LT_F16 ? 2 : 4;
}

size_t lt_dtype_value_bytes(lt_dtype dtype)
{
    return dtype == LT_U8 ? 1 : 4;
}

const char *lt_dtype_name(lt_dtype dtype)
{
    return dtype == LT_U8 ? "u8" : dtype == LT_F16 ? "f16" : "f32";
}

size_t lt_field_values(const lt_field *field, int width, int height)
{
    return (size_t)width * (size_t)height * (size_t)(field->channels > 1 ? field->channels : 1);
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
