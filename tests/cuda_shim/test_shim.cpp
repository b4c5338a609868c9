/* The shim itself: kernels that are right give what they should, kernels with one fault are reported. */
extern "C" {
#include "check.h"
}
#include "kernels/cuda/value.cuh"

#if defined(__SANITIZE_ADDRESS__)
static const bool SANITIZED = true;
#else
static const bool SANITIZED = false;
#endif

namespace {

enum { THREADS = 128, WARPS = THREADS / 32 };

/* The sum of a block's values: by halves, in shared memory. `fault` 1: no barrier between the steps. 2: the last write misses. 3: a thread too many
 * reads. */
__global__ void sum_kernel(const float *x, int fault, float *y)
{
    LT_SHARED(float, tile, THREADS);
    const int t = static_cast<int>(threadIdx.x);
    if (fault != 2 || t != 5) tile[t] = x[blockIdx.x * THREADS + threadIdx.x];
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (t < half) tile[t] += tile[t + half + (fault == 3 && t == half - 1 && half == THREADS / 2)];
        if (fault != 1) __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = tile[0];
}

lt_status sum(const float *x, int fault, float *y)
{
    return LT_CUDA_LAUNCH(sum_kernel, 3, THREADS, nullptr, x, fault, y);
}

void fill(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = static_cast<float>(i * 7919 % 1009) * 0.37f;
}

/* Whether some report has all of these words; reports are forgotten. */
bool reported(const char *first, const char *second)
{
    bool found = false;
    for (int i = 0; i < lt_shim_reports(); i++) found = found || (strstr(lt_shim_report(i), first) && strstr(lt_shim_report(i), second));
    if (!found)
        for (int i = 0; i < lt_shim_reports(); i++) print_message("%s\n", lt_shim_report(i));
    lt_shim_forget();
    return found;
}

void a_right_reduction_is_silent(void **)
{
    float x[3 * THREADS], y[3], first[3];
    fill(x, 3 * THREADS);
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 7);
        assert_int_equal(sum(x, 0, y), LT_OK);
        assert_int_equal(lt_shim_reports(), 0);
        if (order == 0) memcpy(first, y, sizeof y);
        assert_memory_equal(first, y, sizeof y);
    }
    double exact = 0;
    for (int i = 0; i < THREADS; i++) exact += static_cast<double>(x[i]);
    assert_true(fabs(static_cast<double>(first[0]) - exact) < 1e-5 * exact);
}

void faults_of_shared_memory_are_reported(void **)
{
    float x[3 * THREADS], y[3];
    fill(x, 3 * THREADS);
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 7);
        assert_int_equal(sum(x, 1, y), LT_E_INTERNAL);
        assert_true(reported("race at tile[", "test_shim.cpp:"));
        assert_int_equal(sum(x, 2, y), LT_E_INTERNAL);
        assert_true(reported("reads tile[5], which nobody has written", "sum_kernel"));
        assert_int_equal(sum(x, 3, y), LT_E_INTERNAL);
        assert_true(reported("tile[128] of 128", "thread (63,0,0)"));
    }
}

/* Of one warp: a value goes to the neighbour through shared memory. */
__global__ void neighbour_kernel(int synchronised, int *y)
{
    LT_SHARED(int, tile, 32);
    const int t = static_cast<int>(threadIdx.x);
    tile[t] = t * t;
    if (synchronised) __syncwarp();
    y[t] = tile[(t + 1) % 32];
}

void lanes_of_a_warp_need_a_barrier_too(void **)
{
    int y[32];
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 3);
        assert_int_equal(LT_CUDA_LAUNCH(neighbour_kernel, 1, 32, nullptr, 1, y), LT_OK);
        for (int t = 0; t < 32; t++) assert_int_equal(y[t], (t + 1) % 32 * ((t + 1) % 32));
        assert_int_equal(LT_CUDA_LAUNCH(neighbour_kernel, 1, 32, nullptr, 0, y), LT_E_INTERNAL);
        lt_shim_forget();
    }
}

/* A write after another warp's reads: no barrier is missing before the reads, but one after them. */
__global__ void late_write_kernel(int synchronised, float *y)
{
    LT_SHARED(float, value, 1);
    if (threadIdx.x == 0) value[0] = 1;
    __syncthreads();
    y[threadIdx.x] = value[0];
    if (synchronised) __syncthreads();
    if (threadIdx.x == 33) value[0] = 2;
}

void a_write_after_reads_is_a_race(void **)
{
    float y[64];
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 11);
        assert_int_equal(LT_CUDA_LAUNCH(late_write_kernel, 1, 64, nullptr, 1, y), LT_OK);
        assert_int_equal(LT_CUDA_LAUNCH(late_write_kernel, 1, 64, nullptr, 0, y), LT_E_INTERNAL);
        assert_true(reported("value[0]", "late_write_kernel"));
    }
}

__global__ void early_exit_kernel(unsigned n)
{
    if (threadIdx.x >= n) return;
    __syncthreads();
}

__global__ void two_barriers_kernel(int half)
{
    if (static_cast<int>(threadIdx.x) < half) __syncthreads();
    else
        __syncthreads();
}

void divergence_at_a_barrier_is_reported(void **)
{
    assert_int_equal(LT_CUDA_LAUNCH(early_exit_kernel, 2, 96, nullptr, 96), LT_OK);
    assert_int_equal(LT_CUDA_LAUNCH(early_exit_kernel, 2, 96, nullptr, 40), LT_E_INTERNAL);
    assert_true(reported("waits at the barrier", "has ended before it"));
    assert_int_equal(LT_CUDA_LAUNCH(two_barriers_kernel, 1, 64, nullptr, 32), LT_E_INTERNAL);
    assert_true(reported("waits at the barrier", "test_shim.cpp"));
    assert_int_equal(LT_CUDA_LAUNCH(early_exit_kernel, 2, 96, nullptr, 96), LT_OK);      /* and the next launch is whole again */
}

__global__ void shuffle_kernel(int *y)
{
    const int t = static_cast<int>(threadIdx.x);
    int *to = y + t * 8;
    to[0] = __shfl_sync(0xffffffffu, 100 + t, 7);
    to[1] = __shfl_xor_sync(0xffffffffu, 100 + t, 5);
    to[2] = __shfl_down_sync(0xffffffffu, 100 + t, 3);
    to[3] = __shfl_up_sync(0xffffffffu, 100 + t, 3);
    to[4] = __shfl_xor_sync(0xffffffffu, 100 + t, 4, 8);
    to[5] = static_cast<int>(__ballot_sync(0xffffffffu, t % 3 == 0) >> 1);
    to[6] = __any_sync(0xffffffffu, t == 63) + 2 * __all_sync(0xffffffffu, t >= 32);
    const double d = __shfl_xor_sync(0xffffffffu, 0.5 * t, 1);
    to[7] = static_cast<int>(2 * d);
}

void shuffles_and_votes_give_the_right_lanes(void **)
{
    int y[64 * 8];
    unsigned thirds[2] = { 0, 0 };
    for (int t = 0; t < 64; t++) thirds[t / 32] |= (t % 3 == 0 ? 1u : 0u) << t % 32;
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 5);
        assert_int_equal(LT_CUDA_LAUNCH(shuffle_kernel, 1, 64, nullptr, y), LT_OK);
        for (int t = 0; t < 64; t++) {
            const int warp = t / 32 * 32, lane = t % 32, *at = y + t * 8;
            assert_int_equal(at[0], 100 + warp + 7);
            assert_int_equal(at[1], 100 + warp + (lane ^ 5));
            assert_int_equal(at[2], 100 + warp + (lane + 3 < 32 ? lane + 3 : lane));
            assert_int_equal(at[3], 100 + warp + (lane >= 3 ? lane - 3 : lane));
            assert_int_equal(at[4], 100 + (t ^ 4));
            assert_int_equal(at[5], static_cast<int>(thirds[t / 32] >> 1));
            assert_int_equal(at[6], t < 32 ? 0 : 3);
            assert_int_equal(at[7], t ^ 1);
        }
    }
}

__global__ void half_warp_kernel(int fault, int *y)
{
    const unsigned mask = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
    const int t = static_cast<int>(threadIdx.x);
    if (fault == 1 && t == 3) return;
    y[t] = __shfl_xor_sync(mask, t, fault == 2 ? 16 : 8);
}

void masks_are_held_to(void **)
{
    int y[32];
    assert_int_equal(LT_CUDA_LAUNCH(half_warp_kernel, 1, 32, nullptr, 0, y), LT_OK);
    for (int t = 0; t < 32; t++) assert_int_equal(y[t], t ^ 8);
    assert_int_equal(LT_CUDA_LAUNCH(half_warp_kernel, 1, 32, nullptr, 1, y), LT_E_INTERNAL);
    assert_true(reported("names lane 3", "has ended"));
    assert_int_equal(LT_CUDA_LAUNCH(half_warp_kernel, 1, 32, nullptr, 2, y), LT_E_INTERNAL);
    assert_true(reported("not in its mask", "half_warp_kernel"));
}

/* The order is visible to a kernel that depends on it. */
__global__ void order_kernel(int *n, int *y)
{
    y[blockIdx.x * 64 + threadIdx.x] = (*n)++;
}

void orders_differ(void **)
{
    int y[LT_SHIM_ORDERS][4 * 64];
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        int n = 0;
        lt_shim_set_order(static_cast<lt_shim_order>(order), 9);
        assert_int_equal(LT_CUDA_LAUNCH(order_kernel, 4, 64, nullptr, &n, y[order]), LT_OK);
        assert_int_equal(n, 4 * 64);
    }
    for (int i = 0; i < 4 * 64; i++) {
        assert_int_equal(y[LT_SHIM_ASCENDING][i], i);
        assert_int_equal(y[LT_SHIM_DESCENDING][i], 4 * 64 - 1 - i);
    }
    assert_memory_not_equal(y[LT_SHIM_RANDOM], y[LT_SHIM_ASCENDING], sizeof y[0]);
    assert_memory_not_equal(y[LT_SHIM_RANDOM], y[LT_SHIM_DESCENDING], sizeof y[0]);
}

__global__ void grid_kernel(int *y)
{
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    y[block * blockDim.x * blockDim.y + threadIdx.y * blockDim.x + threadIdx.x]++;
}

void every_thread_of_every_block_runs_once(void **)
{
    int y[2 * 3 * 4 * 5 * 9] = { 0 };
    assert_int_equal(LT_CUDA_LAUNCH(grid_kernel, dim3(2, 3, 4), dim3(5, 9), nullptr, y), LT_OK);
    for (int i : y) assert_int_equal(i, 1);
    assert_int_equal(LT_CUDA_LAUNCH(grid_kernel, 1, 1025, nullptr, y), LT_E_INTERNAL);
    assert_true(reported("1025", "grid_kernel"));
}

/* Four values each, from element `from` to element `to` on. */
__global__ void four_kernel(const void *x, int dtype, int from, int to, void *y)
{
    const int at = static_cast<int>(threadIdx.x) * LT_QUAD;
    float v[LT_QUAD];
    lt_dev_get4(x, dtype, from + at, v);
    lt_dev_put4(y, dtype, to + at, v);
}

void vectors_have_to_be_aligned(void **)
{
    enum { N = 3 * LT_QUAD };
    alignas(16) float    x[N + LT_QUAD], y[N + LT_QUAD];
    alignas(16) uint16_t p[N + LT_QUAD], q[N + LT_QUAD];
    const struct {
        int         dtype;
        const void *x;
        void       *y;
    } cases[] = { { LT_F32, x, y }, { LT_F16, p, q }, { LT_BF16, p, q } };
    for (int i = 0; i < N + LT_QUAD; i++) {
        x[i] = static_cast<float>(i * 7919 % 1009) * 0.37f;
        p[i] = static_cast<uint16_t>(0x3000 + i * 37);
    }
    for (const auto &c : cases) {
        assert_int_equal(LT_CUDA_LAUNCH(four_kernel, 1, 3, nullptr, c.x, c.dtype, 4, 0, c.y), LT_OK);
        assert_int_equal(lt_shim_reports(), 0);
        assert_memory_equal(c.y, static_cast<const char *>(c.x) + (c.dtype == LT_F32 ? 16 : 8), c.dtype == LT_F32 ? N * 4 : N * 2);
        /* UndefinedBehaviorSanitizer ends the program at such an access by itself. */
        for (int off = 1; off < LT_QUAD && !SANITIZED; off++) {
            assert_int_equal(LT_CUDA_LAUNCH(four_kernel, 1, 3, nullptr, c.x, c.dtype, off, 0, c.y), LT_E_INTERNAL);
            assert_true(reported("no multiple of its size", "four_kernel"));
            assert_int_equal(LT_CUDA_LAUNCH(four_kernel, 1, 3, nullptr, c.x, c.dtype, 0, off, c.y), LT_E_INTERNAL);
            assert_true(reported("no multiple of its size", "four_kernel"));
        }
    }
}

}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_reduction_is_silent),        cmocka_unit_test(faults_of_shared_memory_are_reported),
        cmocka_unit_test(lanes_of_a_warp_need_a_barrier_too), cmocka_unit_test(a_write_after_reads_is_a_race),
        cmocka_unit_test(divergence_at_a_barrier_is_reported), cmocka_unit_test(shuffles_and_votes_give_the_right_lanes),
        cmocka_unit_test(masks_are_held_to),                  cmocka_unit_test(orders_differ),
        cmocka_unit_test(every_thread_of_every_block_runs_once), cmocka_unit_test(vectors_have_to_be_aligned),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
