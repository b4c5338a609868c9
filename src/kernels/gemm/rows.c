#include "kernels/gemm/rows.h"

void lt_gemm_rows(const lt_tensor *t, const lt_rows *r, int64_t row, int n, const void **out)
{
    const int64_t step = r->inner_stride * (int64_t)lt_dtype_bytes(t->dtype);
    int64_t outer = row / r->n_inner, inner = row % r->n_inner;
    for (int i = 0; i < n; outer++, inner = 0) {
        const char *p = (const char *)lt_tensor_at(t, outer) + inner * step;
        for (; i < n && inner < r->n_inner; i++, inner++, p += step) out[i] = p;
    }
}
