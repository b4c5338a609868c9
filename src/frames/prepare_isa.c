#include "frames/prepare_item.h"

void LT_ISA_FN(lt_prepare_across)(const lt_prepare_job *a, int y0, int y1);
void LT_ISA_FN(lt_prepare_down)(const lt_prepare_job *a, int y0, int y1);

static int end_of(int item, int n)
{
    return (item + 1) * LT_PREPARE_ROWS < n ? (item + 1) * LT_PREPARE_ROWS : n;
}

void LT_ISA_FN(lt_prepare_across)(const lt_prepare_job *a, int y0, int y1)
{
    const int n = a->net_width * 3;
    for (int y = y0 * LT_PREPARE_ROWS; y < end_of(y1 - 1, a->height); y++) {
        const uint8_t *x = a->rgb + (size_t)y * a->stride;
        float *to = a->across + (size_t)y * (size_t)n;
        for (int i = 0; i < n; i++)
            to[i] = a->unit[x[a->column[0][i]]] * a->column_weight[0][i] + a->unit[x[a->column[1][i]]] * a->column_weight[1][i] +
                    a->unit[x[a->column[2][i]]] * a->column_weight[2][i] + a->unit[x[a->column[3][i]]] * a->column_weight[3][i];
    }
}

void LT_ISA_FN(lt_prepare_down)(const lt_prepare_job *a, int y0, int y1)
{
    static const double mean[3] = { 0.485, 0.456, 0.406 }, deviation[3] = { 0.229, 0.224, 0.225 };
    const int n = a->net_width * 3;
    for (int y = y0 * LT_PREPARE_ROWS; y < end_of(y1 - 1, a->net_height); y++) {
        float *to = a->out + (size_t)y * (size_t)n;
        if (a->row[0]) {
            const float *r[4], w[4] = { a->row_weight[0][y], a->row_weight[1][y], a->row_weight[2][y], a->row_weight[3][y] };
            for (int k = 0; k < 4; k++) r[k] = a->across + (size_t)a->row[k][y] * (size_t)n;
            for (int i = 0; i < n; i++) to[i] = r[0][i] * w[0] + r[1][i] * w[1] + r[2][i] * w[2] + r[3][i] * w[3];
        } else {
            const uint8_t *x = a->rgb + (size_t)y * a->stride;
            for (int i = 0; i < n; i++) to[i] = a->unit[x[i]];
        }
        for (int i = 0; i < n; i += 3)
            for (int c = 0; c < 3; c++) to[i + c] = (float)(((double)to[i + c] - mean[c]) / deviation[c]);
    }
}
