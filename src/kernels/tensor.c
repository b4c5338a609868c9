#include <longtake/tensor.h>

#include <stdio.h>

lt_tensor lt_tensor_dense(void *data, lt_dtype dtype, int n_dims, const int64_t *dim)
{
    lt_tensor t = { .data = data, .dtype = dtype, .n_dims = n_dims };
    int64_t stride = 1;
    for (int i = n_dims - 1; i >= 0; i--) {
        t.dim[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    t.rows = n_dims > 1 ? dim[1] : 1;
    return t;
}

int64_t lt_tensor_count(const lt_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++) n *= t->dim[i];
    return n;
}

bool lt_tensor_is_dense(const lt_tensor *t)
{
    int64_t stride = 1;
    if (t->index) return false;
    for (int i = t->n_dims - 1; i >= 0; i--) {
        if (t->dim[i] != 1 && t->stride[i] != stride) return false;
        stride *= t->dim[i];
    }
    return true;
}

void *lt_tensor_at(const lt_tensor *t, int64_t i)
{
    int64_t row = t->index ? t->index[i] : i;
    return (char *)t->data + row * t->stride[0] * (int64_t)lt_dtype_bytes(t->dtype);
}

bool lt_tensor_rows(const lt_tensor *t, lt_rows *out)
{
    const int last = t->n_dims - 1;
    *out = (lt_rows){ 1, 1, t->dim[last], t->dim[last] };
    if (t->dim[last] != 1 && t->stride[last] != 1) return false;
    if (last == 0) return true;
    out->n_outer = t->dim[0];
    bool first = true;
    for (int i = last - 1; i >= 1; i--) {
        if (t->dim[i] == 1) continue;
        if (first) out->inner_stride = t->stride[i];
        else if (t->stride[i] != out->inner_stride * out->n_inner) return false;
        out->n_inner *= t->dim[i];
        first = false;
    }
    return true;
}

char *lt_tensor_text(const lt_tensor *t, char *buffer, int size)
{
    int n = snprintf(buffer, (size_t)size, "[");
    for (int i = 0; i < t->n_dims && n < size; i++)
        n += snprintf(buffer + n, (size_t)(size - n), i ? ",%lld" : "%lld", (long long)t->dim[i]);
    if (n < size) snprintf(buffer + n, (size_t)(size - n), "]");
    return buffer;
}
