#include "cublaslt_fake.h"
#include "cuda_fake.h"
#include "fake_log.h"
#include "fake_values.h"

#include <cublasLt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT = 0x4c41594f, DESC = 0x44455343, PREFERENCE = 0x50524546, ALGO = 0x414c474f, ANSWERS_MAX = 8 };

static const double WORK_MAX = 8589934592.0;

struct cublasLtContext {
    int magic;
};

typedef struct {
    uint32_t magic;
    int32_t  type;
    int64_t  rows, columns, ld, batch;
    int32_t  n_batches;
} layout;

typedef struct {
    uint32_t    magic;
    int32_t     compute, scale, trans_a, trans_b, bias_type;
    uint32_t    epilogue;
    const void *bias;
} desc;

typedef struct {
    uint32_t magic, reduction, align[4];
    uint64_t workspace;
} preference;

typedef struct {
    uint32_t magic;
    int32_t  id, split_k;
    uint32_t reduction;
    int64_t  m, k;
    int64_t  workspace;
} algorithm;

_Static_assert(sizeof(layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "fits");
_Static_assert(sizeof(desc) <= sizeof(cublasLtMatmulDescOpaque_t), "fits");
_Static_assert(sizeof(preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "fits");
_Static_assert(sizeof(algorithm) <= sizeof(cublasLtMatmulAlgo_t), "fits");

static lt_fake_log record;
static lt_cublaslt_answer told[ANSWERS_MAX];
static int  n_told;
static bool rude;

void lt_cublaslt_answers(const lt_cublaslt_answer *answers, int n, bool rudely)
{
    n_told = n < ANSWERS_MAX ? n : ANSWERS_MAX;
    if (n_told) memcpy(told, answers, (size_t)n_told * sizeof *told);
    rude = rudely;
}

const char *lt_cublaslt_log(void)
{
    return lt_fake_log_text(&record);
}

void lt_cublaslt_forget(void)
{
    lt_fake_log_forget(&record);
}

static cublasStatus_t refuse(const char *what, const char *why)
{
    lt_fake_log_add(&record, "%s refused: %s\n", what, why);
    return CUBLAS_STATUS_INVALID_VALUE;
}

static const char *type_name(int32_t type)
{
    return type == CUDA_R_32F ? "f32" : type == CUDA_R_16F ? "f16" : type == CUDA_R_16BF ? "bf16" : "?";
}

static int64_t type_bytes(int32_t type)
{
    return type == CUDA_R_32F ? 4 : 2;
}

/* ---- structures ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    if (lt_fake_fault("cublasLtCreate")) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = calloc(1, sizeof **handle);
    lt_fake_log_add(&record, "create\n");
    return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    lt_fake_log_add(&record, "destroy\n");
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return CUBLAS_VERSION;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS ? "success" : status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported" : "an unsupported value or parameter";
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t m, size_t size, cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld)
{
    const layout l = { LAYOUT, (int32_t)type, (int64_t)rows, (int64_t)columns, ld, 0, 1 };
    if (size < sizeof l) return CUBLAS_STATUS_ALLOC_FAILED;
    memset(m, 0, size);
    memcpy(m, &l, sizeof l);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t m, cublasLtMatrixLayoutAttribute_t what, const void *from, size_t size)
{
    layout *l = (layout *)(void *)m;
    if (l->magic != LAYOUT) return refuse("layout", "not initialised");
    if (what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT && size == sizeof l->n_batches) memcpy(&l->n_batches, from, size);
    else if (what == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET && size == sizeof l->batch) memcpy(&l->batch, from, size);
    else return refuse("layout", "an attribute that is not faked, or of another size");
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t m, size_t size, cublasComputeType_t compute, cudaDataType_t scale)
{
    const desc d = { .magic = DESC, .compute = (int32_t)compute, .scale = (int32_t)scale, .trans_a = CUBLAS_OP_N, .trans_b = CUBLAS_OP_N, .bias_type = -1,
                     .epilogue = CUBLASLT_EPILOGUE_DEFAULT };
    if (size < sizeof d) return CUBLAS_STATUS_ALLOC_FAILED;
    memset(m, 0, size);
    memcpy(m, &d, sizeof d);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t m, cublasLtMatmulDescAttributes_t what, const void *from, size_t size)
{
    desc *d = (desc *)(void *)m;
    void *to = what == CUBLASLT_MATMUL_DESC_TRANSA ? (void *)&d->trans_a : what == CUBLASLT_MATMUL_DESC_TRANSB ? (void *)&d->trans_b :
               what == CUBLASLT_MATMUL_DESC_EPILOGUE ? (void *)&d->epilogue : what == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE ? (void *)&d->bias_type :
               what == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? (void *)&d->bias : NULL;
    if (d->magic != DESC) return refuse("desc", "not initialised");
    if (!to || size != (what == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? sizeof(void *) : sizeof(int32_t)))
        return refuse("desc", "an attribute that is not faked, or of another size");
    memcpy(to, from, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t m, size_t size)
{
    const preference p = { .magic = PREFERENCE, .reduction = CUBLASLT_REDUCTION_SCHEME_MASK, .align = { 256, 256, 256, 256 } };
    if (size < sizeof p) return CUBLAS_STATUS_ALLOC_FAILED;
    memset(m, 0, size);
    memcpy(m, &p, sizeof p);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t m, cublasLtMatmulPreferenceAttributes_t what, const void *from, size_t size)
{
    preference *p = (preference *)(void *)m;
    void *to = NULL;
    if (p->magic != PREFERENCE) return refuse("preference", "not initialised");
    if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && size == sizeof p->workspace) to = &p->workspace;
    if (what == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK && size == sizeof p->reduction) to = &p->reduction;
    if (what >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES && what <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES && size == sizeof *p->align)
        to = &p->align[what - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES];
    if (!to) return refuse("preference", "an attribute that is not faked, or of another size");
    memcpy(to, from, size);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- what may be asked ---- */

/* A product's description with its sizes: D [m,n] = op(A) [m,k] op(B) [k,n]. */
typedef struct {
    desc    d;
    layout  a, b, c, y;
    int64_t m, n, k;
} product;

static const char *layout_wrong(const layout *l)
{
    if (l->magic != LAYOUT) return "a layout that was not initialised";
    if (l->type != CUDA_R_32F && l->type != CUDA_R_16F && l->type != CUDA_R_16BF) return "a type that is not faked";
    if (l->rows < 1 || l->columns < 1 || l->ld < l->rows) return "columns that overlap";
    if (l->ld * type_bytes(l->type) % 16 || l->batch * type_bytes(l->type) % 16) return "columns that do not begin at multiples of 16 bytes";
    if (l->n_batches < 1) return "no matrices";
    return NULL;
}

static bool same(const layout *a, const layout *b)
{
    return a->type == b->type && a->rows == b->rows && a->columns == b->columns && a->ld == b->ld && a->n_batches == b->n_batches && a->batch == b->batch;
}

static const char *product_wrong(const product *p)
{
    const layout *all[] = { &p->a, &p->b, &p->c, &p->y };
    for (int i = 0; i < 4; i++) {
        const char *why = layout_wrong(all[i]);
        if (why) return why;
        if (all[i]->n_batches != p->y.n_batches) return "other numbers of matrices";
    }
    if (p->d.magic != DESC) return "a description that was not initialised";
    if (p->a.type != p->b.type || p->c.type != p->y.type || (p->y.type != CUDA_R_32F && p->y.type != p->a.type)) return "types that are not combined";
    if (p->d.scale != CUDA_R_32F) return "alpha and beta that are not f32";
    if (p->d.compute != CUBLAS_COMPUTE_32F && !(p->d.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && p->a.type == CUDA_R_32F)) return "a compute type that is not combined";
    if (p->y.rows != p->m || p->y.columns != p->n || p->c.rows != p->m || p->c.columns != p->n) return "C or D of another size";
    if ((p->d.trans_b == CUBLAS_OP_N ? p->b.rows : p->b.columns) != p->k) return "A and B do not agree";
    if (p->y.n_batches > 1 && p->y.batch < p->y.ld * (p->n - 1) + p->m && p->y.ld < p->y.batch * (p->y.n_batches - 1) + p->m) return "matrices of D that overlap";
    if (p->d.epilogue & CUBLASLT_EPILOGUE_BIAS && !p->d.bias) return "no bias";
    if (p->d.epilogue & CUBLASLT_EPILOGUE_BIAS && p->d.bias_type != -1 && p->d.bias_type != p->y.type) return "a bias of another type than D";
    if (p->d.epilogue != CUBLASLT_EPILOGUE_DEFAULT && p->d.epilogue & ~(uint32_t)CUBLASLT_EPILOGUE_RELU_BIAS) return "an epilogue that is not faked";
    return NULL;
}

static const char *describe(product *p, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                            cublasLtMatrixLayout_t y)
{
    memcpy(&p->d, d, sizeof p->d);
    memcpy(&p->a, a, sizeof p->a);
    memcpy(&p->b, b, sizeof p->b);
    memcpy(&p->c, c, sizeof p->c);
    memcpy(&p->y, y, sizeof p->y);
    p->m = p->d.trans_a == CUBLAS_OP_N ? p->a.rows : p->a.columns;
    p->k = p->d.trans_a == CUBLAS_OP_N ? p->a.columns : p->a.rows;
    p->n = p->d.trans_b == CUBLAS_OP_N ? p->b.columns : p->b.rows;
    return product_wrong(p);
}

static void text_of(const product *p, char *text, size_t size)
{
    char batches[160] = "";
    if (p->y.n_batches > 1)
        snprintf(batches, sizeof batches, " batches %d by %lld %lld %lld %lld", p->y.n_batches, (long long)p->a.batch, (long long)p->b.batch,
                 (long long)p->c.batch, (long long)p->y.batch);
    const char *epilogue = p->d.epilogue == CUBLASLT_EPILOGUE_DEFAULT ? "plain" : p->d.epilogue == CUBLASLT_EPILOGUE_BIAS ? "bias"
                         : p->d.epilogue == CUBLASLT_EPILOGUE_RELU ? "relu" : "relu+bias";
    snprintf(text, size, "%s%s %s%s -> %s m %lld n %lld k %lld ld %lld %lld %lld %lld%s %s %s", type_name(p->a.type), p->d.trans_a == CUBLAS_OP_T ? "^T" : "",
             type_name(p->b.type), p->d.trans_b == CUBLAS_OP_T ? "^T" : "", type_name(p->y.type), (long long)p->m, (long long)p->n, (long long)p->k,
             (long long)p->a.ld, (long long)p->b.ld, (long long)p->c.ld, (long long)p->y.ld, batches, epilogue,
             p->d.compute == CUBLAS_COMPUTE_32F ? "compute 32f" : "compute tf32");
}

/* ---- algorithms ---- */

static lt_cublaslt_answer answer_of(int id)
{
    static const lt_cublaslt_answer own[] = { { .split_k = 4, .reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, .workspace = 1 << 20 }, { .split_k = 1 } };
    return n_told ? told[id] : own[id];
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t y, cublasLtMatmulPreference_t preferred, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int *n)
{
    product p;
    preference by;
    char text[512];
    const char *why = handle ? describe(&p, d, a, b, c, y) : "no handle";
    *n = 0;
    if (lt_fake_fault("cublasLtMatmulAlgoGetHeuristic")) return CUBLAS_STATUS_NOT_SUPPORTED;
    memcpy(&by, preferred, sizeof by);
    if (!why && by.magic != PREFERENCE) why = "a preference that was not initialised";
    if (why) return refuse("heuristic", why);
    for (int id = 0; id < (n_told ? n_told : 2) && *n < wanted; id++) {
        const lt_cublaslt_answer say = answer_of(id);
        if (!rude && ((say.reduction & ~by.reduction) || (uint64_t)say.workspace > by.workspace)) continue;
        const algorithm algo = { ALGO, id, say.split_k, say.reduction, p.m, p.k, say.workspace };
        results[*n] = (cublasLtMatmulHeuristicResult_t){ .workspaceSize = (size_t)say.workspace, .state = CUBLAS_STATUS_SUCCESS, .wavesCount = 1 };
        memcpy(&results[(*n)++].algo, &algo, sizeof algo);
    }
    text_of(&p, text, sizeof text);
    lt_fake_log_add(&record, "heuristic %s; workspace %llu reduction %u align %u %u %u %u: %d answers\n", text, (unsigned long long)by.workspace, by.reduction,
                    by.align[0], by.align[1], by.align[2], by.align[3], *n);
    return *n ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

/* Why an algorithm does not do a product; NULL: it does. */
static const char *algo_wrong(const algorithm *algo, const product *p)
{
    if (algo->magic != ALGO) return "an algorithm from elsewhere";
    if (algo->m != p->m || algo->k != p->k) return "an algorithm of another product";
    const lt_cublaslt_answer say = answer_of(algo->id);
    if (say.most_rows && p->n > say.most_rows) return "more rows than the algorithm takes";
    if (say.no_batches && p->y.n_batches > 1) return "batches, which the algorithm does not take";
    return NULL;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t y, const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *result)
{
    product p;
    algorithm by;
    char text[512];
    const char *why = handle ? describe(&p, d, a, b, c, y) : "no handle";
    memcpy(&by, algo, sizeof by);
    if (!why) why = algo_wrong(&by, &p);
    if (why) return refuse("check", why);
    text_of(&p, text, sizeof text);
    lt_fake_log_add(&record, "check %s\n", text);
    *result = (cublasLtMatmulHeuristicResult_t){ .algo = *algo, .workspaceSize = (size_t)by.workspace, .state = CUBLAS_STATUS_SUCCESS, .wavesCount = 1 };
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCapGetAttribute(const cublasLtMatmulAlgo_t *algo, cublasLtMatmulAlgoCapAttributes_t what, void *to, size_t size, size_t *written)
{
    algorithm by;
    memcpy(&by, algo, sizeof by);
    if (by.magic != ALGO) return refuse("cap", "an algorithm from elsewhere");
    const lt_cublaslt_answer say = answer_of(by.id);
    const int32_t batches = !say.no_batches, apart = !say.no_out_of_place;
    const uint64_t flags = say.flags ? say.flags : CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F;
    const void *from = what == CUBLASLT_ALGO_CAP_STRIDED_BATCH_SUPPORT ? (const void *)&batches : what == CUBLASLT_ALGO_CAP_OUT_OF_PLACE_RESULT_SUPPORT ?
                       (const void *)&apart : what == CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS ? (const void *)&flags : NULL;
    *written = what == CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS ? sizeof flags : sizeof batches;
    if (!from || size != *written) return refuse("cap", "an attribute that is not faked, or of another size");
    memcpy(to, from, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo, cublasLtMatmulAlgoConfigAttributes_t what, void *to, size_t size,
                                                    size_t *written)
{
    algorithm by;
    memcpy(&by, algo, sizeof by);
    if (by.magic != ALGO) return refuse("config", "an algorithm from elsewhere");
    const void *from = what == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? (const void *)&by.split_k : what == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME ?
                       (const void *)&by.reduction : NULL;
    if (!from || size != sizeof by.split_k) return refuse("config", "an attribute that is not faked, or of another size");
    *written = size;
    memcpy(to, from, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigSetAttribute(cublasLtMatmulAlgo_t *algo, cublasLtMatmulAlgoConfigAttributes_t what, const void *from, size_t size)
{
    algorithm by;
    memcpy(&by, algo, sizeof by);
    if (by.magic != ALGO || answer_of(by.id).fixed_split) return refuse("config", "an algorithm whose split is its own");
    void *to = what == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? (void *)&by.split_k : what == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME ? (void *)&by.reduction : NULL;
    if (!to || size != sizeof by.split_k) return refuse("config", "an attribute that is not faked, or of another size");
    memcpy(to, from, size);
    if (by.reduction == CUBLASLT_REDUCTION_SCHEME_NONE) by.workspace = 0;
    memcpy(algo, &by, sizeof by);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- the product ---- */

typedef struct {
    product     p;
    const void *a, *b, *c;
    void       *y;
    float       alpha, beta;
} job;

/* One matrix as f64, k side by side: [lines][k]. */
static double *widened(const void *data, const layout *l, int batch, bool k_down, int64_t lines, int64_t k, bool tf32)
{
    double *out = malloc((size_t)(lines * k) * sizeof *out);
    if (!out) abort();
    for (int64_t i = 0; i < lines; i++)
        for (int64_t j = 0; j < k; j++) {
            const double x = fake_get(data, l->type, batch * l->batch + (k_down ? i * l->ld + j : j * l->ld + i));
            out[i * k + j] = tf32 ? fake_tf32(x) : x;
        }
    return out;
}

static void multiply_one(const job *j, int batch)
{
    const product *p = &j->p;
    const bool relu = (p->d.epilogue & CUBLASLT_EPILOGUE_RELU) != 0, bias = (p->d.epilogue & CUBLASLT_EPILOGUE_BIAS) != 0;
    const bool tf32 = p->d.compute == CUBLAS_COMPUTE_32F_FAST_TF32, waits = (double)p->m * (double)p->n * (double)p->k * p->y.n_batches <= WORK_MAX;
    double *a = waits ? widened(j->a, &p->a, batch, p->d.trans_a == CUBLAS_OP_T, p->m, p->k, tf32) : NULL;
    double *b = waits ? widened(j->b, &p->b, batch, p->d.trans_b == CUBLAS_OP_N, p->n, p->k, tf32) : NULL;
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t m = 0; m < p->m; m++) {
            double sum = waits ? 0 : (double)NAN;
            for (int64_t k = 0; waits && k < p->k; k++) sum += a[m * p->k + k] * b[n * p->k + k];
            sum *= (double)j->alpha;
            if (j->beta != 0) sum += (double)j->beta * fake_get(j->c, p->c.type, batch * p->c.batch + n * p->c.ld + m);
            if (bias) sum += fake_get(p->d.bias, p->y.type, m);
            fake_set(j->y, p->y.type, batch * p->y.batch + n * p->y.ld + m, relu && sum <= 0 ? 0 : sum);
        }
    free(a);
    free(b);
}

static int multiply(void *work)
{
    const job *j = work;
    for (int batch = 0; batch < j->p.y.n_batches; batch++) multiply_one(j, batch);
    return 1;
}

static unsigned alignment(const void *p)
{
    unsigned n = 256;
    while ((uintptr_t)p % n) n /= 2;
    return n;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t d, const void *alpha, const void *a, cublasLtMatrixLayout_t al, const void *b,
                              cublasLtMatrixLayout_t bl, const void *beta, const void *c, cublasLtMatrixLayout_t cl, void *y, cublasLtMatrixLayout_t yl,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
    job j = { .a = a, .b = b, .c = c, .y = y };
    algorithm by = { 0 };
    char text[512];
    const char *why = handle && algo ? describe(&j.p, d, al, bl, cl, yl) : "no handle, or no algorithm";
    if (!why) {
        memcpy(&by, algo, sizeof by);
        why = algo_wrong(&by, &j.p);
    }
    if (!why && by.workspace > (int64_t)workspace_bytes) why = "a workspace that is too small";
    if (!why && (alignment(a) < 16 || alignment(b) < 16 || alignment(c) < 16 || alignment(y) < 16 || (workspace_bytes && alignment(workspace) < 256)))
        why = "an address off its alignment";
    if (!why && c == y && !same(&j.p.c, &j.p.y)) why = "C is D with another layout";
    if (why) return refuse("matmul", why);
    memcpy(&j.alpha, alpha, sizeof j.alpha);
    memcpy(&j.beta, beta, sizeof j.beta);
    text_of(&j.p, text, sizeof text);
    lt_fake_log_add(&record, "matmul %s alpha %g beta %g%s; algo %d split %d reduction %u workspace %zu\n", text, (double)j.alpha, (double)j.beta,
                    j.beta != 0 ? (c == y ? " in place" : " apart") : "", by.id, by.split_k, by.reduction, workspace_bytes);
    if (lt_fake_fault("cublasLtMatmul")) return CUBLAS_STATUS_EXECUTION_FAILED;
    return lt_fake_enqueue(stream, "cublasLtMatmul", multiply, &j, sizeof j) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
