#include <longtake/rate.h>

#include "kernels/gemm/gemm_cublaslt.h"

#ifdef LT_HAVE_CUDA
#include <longtake/arena.h>

#include <stdlib.h>

enum { PATTERN = 1 << 20 };          /* values that are drawn; the matrices repeat them */

typedef struct {
    lt_arena         *arena;         /* operands, both in one; the result; the workspace */
    lt_stream        *stream;
    lt_event         *before, *after;
    lt_gemm_cublaslt *gemm;
    lt_cuda_libs     *libs;
    void             *pattern;
} bench;

static void destroy(bench *b)
{
    lt_gemm_cublaslt_close(&b->gemm);
    lt_event_destroy(&b->before);
    lt_event_destroy(&b->after);
    lt_stream_destroy(&b->stream);
    lt_arena_destroy(&b->arena);
    free(b->pattern);
}

/* Numbers between -1/2 and 1/2: a chip runs slower on them than on zeros, and so does a network. */
static lt_status draw(bench *b, lt_dtype dtype, size_t n_bytes)
{
    lt_status st = LT_OK;
    const size_t width = lt_dtype_bytes(dtype), first = n_bytes < PATTERN * width ? n_bytes : PATTERN * width;
    b->pattern = malloc(first);
    if (!b->pattern) LT_FAIL(LT_E_MEMORY, "no memory for a matrix");
    for (size_t k = 0; k < first / width; k++) {
        const float v = (float)(k * 2654435761u % 1000) / 1000.0f - 0.5f;
        if (dtype == LT_F32) ((float *)b->pattern)[k] = v;
        else ((uint16_t *)b->pattern)[k] = dtype == LT_BF16 ? lt_bf16_from_float(v) : lt_half_from_float(v);
    }
    LT_TRY(lt_copy_to_device(b->stream, lt_arena_at(b->arena, 0), b->pattern, first));
    for (size_t done_bytes = first; done_bytes < n_bytes;) {
        const size_t some = done_bytes < n_bytes - done_bytes ? done_bytes : n_bytes - done_bytes;
        LT_TRY(lt_copy_on_device(b->stream, lt_arena_at(b->arena, done_bytes), lt_arena_at(b->arena, 0), some));
        done_bytes += some;
    }
done:
    return st;
}

static lt_status rate(lt_device *device, lt_dtype dtype, bool tf32, int n, int repeats, double *gflops)
{
    lt_status st = LT_OK;
    bench b = { 0 };
    const size_t n_bytes = lt_arena_padded((size_t)n * (size_t)n * lt_dtype_bytes(dtype));
    const lt_gemm_cublaslt_kind kind = { .K = n, .N = n, .operand = dtype, .result = dtype, .rows = n, .tf32 = tf32 };
    *gflops = 0;
    const char *why = lt_gemm_cublaslt_refuse(&kind);
    LT_TRY(lt_cuda_libs_of(device, &b.libs));
    if (why || !b.libs) LT_FAIL(LT_E_DEVICE, "cuBLASLt has no rate of a %s product here: %s", lt_dtype_name(dtype), why ? why : "no GPU");
    LT_TRY(lt_gemm_cublaslt_open(b.libs, &kind, &b.gemm));
    LT_TRY(lt_arena_create_on(device, 2 * n_bytes + LT_CUDA_WORKSPACE, &b.arena));
    LT_TRY(lt_stream_create(device, "rate", &b.stream));
    LT_TRY(lt_event_create(device, true, &b.before));
    LT_TRY(lt_event_create(device, true, &b.after));
    LT_TRY(draw(&b, dtype, n_bytes));
    const lt_launch launch = { .stream = lt_stream_handle(b.stream), .libs = b.libs };
    const lt_gemm_cublaslt_call call = {
        .n_rows = n, .n_batches = 1, .x = lt_arena_at(b.arena, 0), .w = lt_arena_at(b.arena, 0), .y = lt_arena_at(b.arena, n_bytes), .x_row = n, .y_row = n,
        .workspace = lt_arena_at(b.arena, 2 * n_bytes),
    };
    /* The first call makes what the library keeps for itself. */
    for (int i = 0; i <= repeats; i++) {
        double seconds = 0;
        LT_TRY(lt_event_record(b.before, b.stream));
        LT_TRY(lt_gemm_cublaslt_run(&launch, b.gemm, &call));
        LT_TRY(lt_event_record(b.after, b.stream));
        LT_TRY(lt_stream_finish(b.stream));
        LT_TRY(lt_event_seconds(b.before, b.after, &seconds));
        const double now = seconds > 0 ? 2.0 * n * n * (double)n / seconds * 1e-9 : 0;
        if (i > 0 && now > *gflops) *gflops = now;
    }
done:
    destroy(&b);
    return st;
}
#else
static lt_status rate(lt_device *device, lt_dtype dtype, bool tf32, int n, int repeats, double *gflops)
{
    lt_status st = LT_OK;
    (void)dtype;
    (void)tf32;
    (void)n;
    (void)repeats;
    *gflops = 0;
    LT_FAIL(LT_E_DEVICE, "there is no rate of %s: this build has no CUDA", lt_device_get_facts(device)->name);
done:
    return st;
}
#endif

lt_status lt_matmul_rate_on(lt_device *device, lt_dtype dtype, int n, int repeats, double *gflops)
{
    return rate(device, dtype, false, n, repeats, gflops);
}

lt_status lt_matmul_rate_tf32(lt_device *device, int n, int repeats, double *gflops)
{
    return rate(device, LT_F32, true, n, repeats, gflops);
}
