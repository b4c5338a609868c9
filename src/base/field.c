#include <longtake/field.h>

size_t lt_dtype_value_bytes(lt_dtype dtype)
{
    return dtype == LT_U8 ? 1 : 4;
}

size_t lt_field_values(const lt_field *field, int width, int height)
{
    return (size_t)width * (size_t)height * (size_t)(field->channels > 1 ? field->channels : 1);
}
