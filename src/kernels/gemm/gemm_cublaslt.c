#include "kernels/gemm/gemm_cublaslt.h"

#ifdef LT_HAVE_CUDA
#include <cublasLt.h>

#include <stdlib.h>

enum { ANSWERS = 16 };                      /* that the heuristic is asked for */

/* While a size is only asked about there is no bias yet, and the library wants to see an address, which it does not read. */
enum { SOME_ADDRESS = 256 };

struct lt_gemm_cublaslt {
    lt_gemm_cublaslt_kind kind;
    cublasLtHandle_t      handle;
    cublasLtMatmulAlgo_t  algo;
};

/* A product as cuBLASLt wants it: on the stack, so that nothing is allocated. */
typedef struct {
    cublasLtMatmulDescOpaque_t   desc;
    cublasLtMatrixLayoutOpaque_t w, x, add, y;
} description;

#define LT_CUBLAS(call)                                                                                              \
    do {                                                                                                             \
        const cublasStatus_t e_ = (call);                                                                            \
        if (e_ != CUBLAS_STATUS_SUCCESS) LT_FAIL(LT_E_DEVICE, "cuBLASLt: %s: %s", #call, cublasLtGetStatusString(e_)); \
    } while (0)

static cudaDataType_t type_of(lt_dtype t)
{
    return t == LT_BF16 ? CUDA_R_16BF : t == LT_F16 ? CUDA_R_16F : CUDA_R_32F;
}

const char *lt_gemm_cublaslt_refuse(const lt_gemm_cublaslt_kind *k)
{
    const bool half = k->operand == LT_BF16 || k->operand == LT_F16;
    if (!half && k->operand != LT_F32) return "operands other than f32, bf16 and f16";
    if (k->result != LT_F32 && !(half && k->result == k->operand)) return "a result that is neither f32 nor of the operands' type";
    if (k->K * (int64_t)lt_dtype_bytes(k->operand) % LT_CUBLASLT_ALIGN || k->N * (int64_t)lt_dtype_bytes(k->result) % LT_CUBLASLT_ALIGN)
        return "rows that are no multiples of 16 bytes";
    return NULL;
}

static lt_status layout(cublasLtMatrixLayoutOpaque_t *m, lt_dtype type, int64_t rows, int64_t columns, int64_t ld, int64_t n_batches, int64_t batch)
{
    lt_status st = LT_OK;
    const int32_t count = (int32_t)n_batches;
    LT_CUBLAS(cublasLtMatrixLayoutInit(m, type_of(type), (uint64_t)rows, (uint64_t)columns, ld));
    if (n_batches == 1) return LT_OK;
    LT_CUBLAS(cublasLtMatrixLayoutSetAttribute(m, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
    LT_CUBLAS(cublasLtMatrixLayoutSetAttribute(m, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batch, sizeof batch));
done:
    return st;
}

static lt_status describe(const lt_gemm_cublaslt_kind *k, const lt_gemm_cublaslt_call *c, description *d)
{
    lt_status st = LT_OK;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const cublasLtEpilogue_t epilogue = k->relu ? (k->bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU)
                                                : (k->bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
    LT_CUBLAS(cublasLtMatmulDescInit(&d->desc, k->tf32 && k->operand == LT_F32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F));
    LT_CUBLAS(cublasLtMatmulDescSetAttribute(&d->desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    LT_CUBLAS(cublasLtMatmulDescSetAttribute(&d->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    if (k->bias) {
        const int32_t bias_type = (int32_t)type_of(k->result);
        const void *bias = c->bias ? c->bias : (const void *)(uintptr_t)SOME_ADDRESS;
        LT_CUBLAS(cublasLtMatmulDescSetAttribute(&d->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias_type, sizeof bias_type));
        LT_CUBLAS(cublasLtMatmulDescSetAttribute(&d->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
    }
    LT_TRY(layout(&d->w, k->operand, k->K, k->N, k->K, c->n_batches, 0));
    LT_TRY(layout(&d->x, k->operand, k->K, c->n_rows, c->x_row, c->n_batches, c->x_batch));
    LT_TRY(layout(&d->y, k->result, k->N, c->n_rows, c->y_row, c->n_batches, c->y_batch));
    if (c->add_row) LT_TRY(layout(&d->add, k->result, k->N, c->n_rows, c->add_row, c->n_batches, c->add_batch));
    else d->add = d->y;
done:
    return st;
}

static bool has(const cublasLtMatmulAlgo_t *algo, cublasLtMatmulAlgoCapAttributes_t what)
{
    int32_t yes = 0;
    size_t n = 0;
    return cublasLtMatmulAlgoCapGetAttribute(algo, what, &yes, sizeof yes, &n) == CUBLAS_STATUS_SUCCESS && yes != 0;
}

static bool in_one_piece(const cublasLtMatmulAlgo_t *algo)
{
    int32_t split = 0;
    uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_MASK;
    size_t n = 0;
    return cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof split, &n) == CUBLAS_STATUS_SUCCESS &&
           (split == 0 || split == 1) &&
           cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &reduction, sizeof reduction, &n) == CUBLAS_STATUS_SUCCESS &&
           reduction == CUBLASLT_REDUCTION_SCHEME_NONE;
}

/* Whether its arithmetic is what was asked for and it can do what calls may ask. */
static bool suits(const lt_gemm_cublaslt_kind *k, const cublasLtMatmulAlgo_t *algo)
{
    uint64_t flags = 0;
    size_t n = 0;
    if (cublasLtMatmulAlgoCapGetAttribute(algo, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &flags, sizeof flags, &n) == CUBLAS_STATUS_SUCCESS) {
        if (flags & CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F) return false;
        if (k->operand == LT_F32 && !k->tf32 && (flags & (CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32 | CUBLASLT_NUMERICAL_IMPL_FLAGS_TENSOR_OP_MASK)))
            return false;
    }
    return has(algo, CUBLASLT_ALGO_CAP_STRIDED_BATCH_SUPPORT) && has(algo, CUBLASLT_ALGO_CAP_OUT_OF_PLACE_RESULT_SUPPORT);
}

/* The first answer with its split taken away, if cuBLASLt then still takes it. */
static bool force(const lt_gemm_cublaslt *g, description *d, cublasLtMatmulAlgo_t *algo)
{
    const int32_t one = 1;
    const uint32_t none = CUBLASLT_REDUCTION_SCHEME_NONE;
    cublasLtMatmulHeuristicResult_t checked;
    return cublasLtMatmulAlgoConfigSetAttribute(algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &one, sizeof one) == CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulAlgoConfigSetAttribute(algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &none, sizeof none) == CUBLAS_STATUS_SUCCESS &&
           suits(&g->kind, algo) &&
           cublasLtMatmulAlgoCheck(g->handle, &d->desc, &d->w, &d->x, &d->add, &d->y, algo, &checked) == CUBLAS_STATUS_SUCCESS &&
           checked.workspaceSize <= LT_CUDA_WORKSPACE;
}

static lt_status choose(lt_gemm_cublaslt *g)
{
    lt_status st = LT_OK;
    const lt_gemm_cublaslt_kind *k = &g->kind;
    const uint64_t workspace = LT_CUDA_WORKSPACE;
    const uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE, align = LT_CUBLASLT_ALIGN;
    static const cublasLtMatmulPreferenceAttributes_t aligned[] = { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                                                                    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES };
    const lt_gemm_cublaslt_call canonical = { .n_rows = k->rows ? k->rows : LT_CUBLASLT_ROWS, .n_batches = 1, .x_row = k->K, .y_row = k->N };
    cublasLtMatmulPreferenceOpaque_t preference;
    cublasLtMatmulHeuristicResult_t answers[ANSWERS];
    description d;
    int n = 0;
    LT_TRY(describe(k, &canonical, &d));
    LT_CUBLAS(cublasLtMatmulPreferenceInit(&preference));
    LT_CUBLAS(cublasLtMatmulPreferenceSetAttribute(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace));
    LT_CUBLAS(cublasLtMatmulPreferenceSetAttribute(&preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction, sizeof reduction));
    for (size_t i = 0; i < sizeof aligned / sizeof *aligned; i++)
        LT_CUBLAS(cublasLtMatmulPreferenceSetAttribute(&preference, aligned[i], &align, sizeof align));
    const cublasStatus_t e = cublasLtMatmulAlgoGetHeuristic(g->handle, &d.desc, &d.w, &d.x, &d.add, &d.y, &preference, ANSWERS, answers, &n);
    for (int i = 0; e == CUBLAS_STATUS_SUCCESS && i < n; i++) {
        if (answers[i].state != CUBLAS_STATUS_SUCCESS || answers[i].workspaceSize > LT_CUDA_WORKSPACE) continue;
        if (!in_one_piece(&answers[i].algo) || !suits(k, &answers[i].algo)) continue;
        g->algo = answers[i].algo;
        return LT_OK;
    }
    if (e == CUBLAS_STATUS_SUCCESS && n > 0 && answers[0].state == CUBLAS_STATUS_SUCCESS && force(g, &d, &answers[0].algo)) {
        g->algo = answers[0].algo;
        return LT_OK;
    }
    LT_FAIL(LT_E_DEVICE, "cuBLASLt has no %s product of K %lld and N %lld whose bits are the same for any number of rows (%s, %d answers); "
            "run with LT_KERNELS=-linear.cublaslt,-convtranspose2d.cublaslt", lt_dtype_name(k->operand), (long long)k->K, (long long)k->N,
            cublasLtGetStatusString(e), n);
done:
    return st;
}

lt_status lt_gemm_cublaslt_open(lt_cuda_libs *libs, const lt_gemm_cublaslt_kind *kind, lt_gemm_cublaslt **out)
{
    lt_status st = LT_OK;
    void *handle;
    *out = NULL;
    lt_gemm_cublaslt *g = calloc(1, sizeof *g);
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a product's description");
    g->kind = *kind;
    LT_TRY(lt_cuda_libs_cublaslt(libs, &handle));
    g->handle = handle;
    LT_TRY(choose(g));
    *out = g;
    g = NULL;
done:
    lt_gemm_cublaslt_close(&g);
    return st;
}

void lt_gemm_cublaslt_close(lt_gemm_cublaslt **g)
{
    free(*g);
    *g = NULL;
}

lt_status lt_gemm_cublaslt_check(const lt_gemm_cublaslt *g, const lt_gemm_cublaslt_call *c)
{
    lt_status st = LT_OK;
    description d;
    cublasLtMatmulHeuristicResult_t checked = { 0 };
    LT_TRY(describe(&g->kind, c, &d));
    const cublasStatus_t e = cublasLtMatmulAlgoCheck(g->handle, &d.desc, &d.w, &d.x, &d.add, &d.y, &g->algo, &checked);
    if (e != CUBLAS_STATUS_SUCCESS || checked.workspaceSize > LT_CUDA_WORKSPACE)
        LT_FAIL(LT_E_DEVICE, "cuBLASLt's algorithm for K %lld and N %lld does not take %lld x %lld rows (%s, workspace %zu); run with "
                "LT_KERNELS=-linear.cublaslt,-convtranspose2d.cublaslt", (long long)g->kind.K, (long long)g->kind.N, (long long)c->n_batches,
                (long long)c->n_rows, cublasLtGetStatusString(e), checked.workspaceSize);
done:
    return st;
}

lt_status lt_gemm_cublaslt_run(const lt_launch *l, const lt_gemm_cublaslt *g, const lt_gemm_cublaslt_call *c)
{
    lt_status st = LT_OK;
    const float alpha = g->kind.alpha != 0 ? g->kind.alpha : 1, beta = c->add ? 1 : 0;
    description d;
    const int64_t of_x = (int64_t)lt_dtype_bytes(g->kind.operand), of_y = (int64_t)lt_dtype_bytes(g->kind.result);
    const int64_t strides = (c->x_row | c->x_batch) * of_x | (c->y_row | c->y_batch | c->add_row | c->add_batch) * of_y;
    if (((uintptr_t)c->x | (uintptr_t)c->w | (uintptr_t)c->y | (uintptr_t)c->add | (uintptr_t)c->workspace | (uintptr_t)strides) % LT_CUBLASLT_ALIGN)
        LT_FAIL(LT_E_INTERNAL, "a view that does not begin at a multiple of 16 bytes came to cuBLASLt; run with "
                "LT_KERNELS=-linear.cublaslt,-convtranspose2d.cublaslt");
    LT_TRY(describe(&g->kind, c, &d));
    LT_CUBLAS(cublasLtMatmul(g->handle, &d.desc, &alpha, c->w, &d.w, c->x, &d.x, &beta, c->add ? c->add : c->y, &d.add, c->y, &d.y, &g->algo, c->workspace,
                             LT_CUDA_WORKSPACE, l->stream));
done:
    return st;
}
#endif
