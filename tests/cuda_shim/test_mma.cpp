/* Fragments, and what reads them: products against plain loops, faults reported. */
extern "C" {
#include "check.h"
}
#include "kernels/cuda/async.cuh"
#include "kernels/cuda/mma.cuh"

namespace {

enum { M = 16, N = 8, K = 16, LINE = 12, WIDE = K / 2 };      /* lines of pairs, padded */
enum way { BY_LDMATRIX, BY_READS };

float value(int i)
{
    return static_cast<float>(i * 7919 % 61 - 30) * 0.125f;
}

uint16_t narrow(float x, bool bf16)
{
    return bf16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
}

/* c[16][16] = a[16][16] b: b as rows of n (k side by side), or as rows of k. */
__global__ void product_kernel(const uint32_t *a, const uint32_t *b, int rows_of_k, way by, bool bf16, float *c)
{
    LT_SHARED(uint32_t, left, M * LINE);
    LT_SHARED(uint32_t, right, K * LINE);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = lane; i < M * WIDE; i += 32) {
        left[i / WIDE * LINE + i % WIDE] = a[i];
        right[i / WIDE * LINE + i % WIDE] = b[i];
    }
    __syncwarp();
    lt_frag_b f[2];
    if (rows_of_k) {
        lt_frag_b_load2_trans(f, right, 0, LINE, lane);
    } else if (by == BY_LDMATRIX) {
        lt_frag_b_load2(f, right, 0, LINE, lane);
    } else {
        f[0] = lt_frag_b_read(right, 0, LINE, lane);
        f[1] = lt_frag_b_read(right, 8 * LINE, LINE, lane);
    }
    const lt_frag_a g = by == BY_LDMATRIX ? lt_frag_a_load(left, 0, LINE, lane) : lt_frag_a_read(left, 0, LINE, lane);
    for (int n = 0; n < 2; n++) {
        lt_frag_c sum = { { 1, 2, 3, 4 } };
        lt_dev_mma(sum, g, f[n], bf16);
        for (int i = 0; i < 4; i++) c[lt_frag_c_row(lane, i) * 2 * N + n * N + lt_frag_c_col(lane, i)] = sum.r[i] - static_cast<float>(i + 1);
    }
}

void products_are_right(void **)
{
    uint16_t a[M * K], b[K * 2 * N], b_rows_of_n[K * 2 * N];
    float c[M * 2 * N];
    for (int variant = 0; variant < 8; variant++) {
        const bool bf16 = variant & 1, rows_of_k = variant & 2;
        const way by = variant & 4 ? BY_READS : BY_LDMATRIX;
        for (int i = 0; i < M * K; i++) a[i] = narrow(value(i), bf16);
        for (int k = 0; k < K; k++)
            for (int n = 0; n < 2 * N; n++) b[k * 2 * N + n] = b_rows_of_n[n * K + k] = narrow(value(3 * (k * 2 * N + n) + 5), bf16);
        for (int order = 0; order < LT_SHIM_ORDERS; order++) {
            lt_shim_set_order(static_cast<lt_shim_order>(order), 3);
            uint32_t pa[M * K / 2], pb[K * N];
            memcpy(pa, a, sizeof pa);
            memcpy(pb, rows_of_k ? b : b_rows_of_n, sizeof pb);
            assert_int_equal(LT_CUDA_LAUNCH(product_kernel, 1, 32, nullptr, pa, pb, rows_of_k, by, bf16, c), LT_OK);
            for (int m = 0; m < M; m++)
                for (int n = 0; n < 2 * N; n++) {
                    float want = 0;                    /* multiples of 2^-6 below 2^14: exact in any order */
                    for (int k = 0; k < K; k++) want += value(m * K + k) * value(3 * (k * 2 * N + n) + 5);
                    assert_true(c[m * 2 * N + n] == want);
                }
        }
    }
}

/* The places that mma.cuh names are those of the shim's own table: A times B with a single one in A or B picks one value. */
__global__ void places_kernel(int row, int col, float *found)
{
    const int lane = static_cast<int>(threadIdx.x);
    lt_frag_a a = {};
    lt_frag_b b = {};
    lt_frag_c c = {};
    for (int i = 0; i < 4; i++)
        for (int high = 0; high < 2; high++)
            if (lt_frag_a_row(lane, i) == row && lt_frag_a_col(lane, i) + high == col) a.r[i] |= 0x3c00u << high * 16;
    for (int i = 0; i < 2; i++)
        b.r[i] = lt_dev_pack2(static_cast<float>(8 * lt_frag_b_row(lane, i) + lt_frag_b_col(lane)),
                              static_cast<float>(8 * (lt_frag_b_row(lane, i) + 1) + lt_frag_b_col(lane)), false);
    lt_dev_mma(c, a, b, false);
    for (int i = 0; i < 4; i++) found[lt_frag_c_row(lane, i) * N + lt_frag_c_col(lane, i)] = c.r[i];
}

void places_are_those_of_the_table(void **)
{
    float found[M * N];
    for (int row = 0; row < M; row++)
        for (int col = 0; col < K; col++) {
            assert_int_equal(LT_CUDA_LAUNCH(places_kernel, 1, 32, nullptr, row, col, found), LT_OK);
            for (int i = 0; i < M * N; i++) assert_true(found[i] == (i / N == row ? static_cast<float>(8 * col + i % N) : 0.0f));
        }
}

/* Sums as the left factor of the next product. */
__global__ void chain_kernel(float *y)
{
    const int lane = static_cast<int>(threadIdx.x);
    lt_frag_c left, right, c = {};
    lt_frag_b one = {};
    for (int i = 0; i < 4; i++) {
        left.r[i] = static_cast<float>(16 * lt_frag_c_row(lane, i) + lt_frag_c_col(lane, i));
        right.r[i] = left.r[i] + 8;
    }
    for (int i = 0; i < 2; i++)              /* column n picks k = 2 n + 1 */
        for (int high = 0; high < 2; high++)
            if (lt_frag_b_row(lane, i) + high == 2 * lt_frag_b_col(lane) + 1) one.r[i] |= 0x3f80u << high * 16;
    lt_dev_mma(c, lt_frag_a_of(left, right, true), one, true);
    for (int i = 0; i < 4; i++) y[lt_frag_c_row(lane, i) * N + lt_frag_c_col(lane, i)] = c.r[i];
}

void sums_become_factors(void **)
{
    float y[M * N];
    assert_int_equal(LT_CUDA_LAUNCH(chain_kernel, 1, 32, nullptr, y), LT_OK);
    for (int i = 0; i < M * N; i++) assert_true(y[i] == static_cast<float>(16 * (i / N) + 2 * (i % N) + 1));      /* below 2^8: exact in bf16 */
}

/* `fault` 1: one lane stays away; 2: half of the warp computes in another type; 3: a row that is not aligned; 4: no barrier before the reads. */
__global__ void fault_kernel(int fault, uint32_t *y)
{
    LT_SHARED(uint32_t, tile, M * LINE);
    const int lane = static_cast<int>(threadIdx.x);
    lt_frag_c c = {};
    lt_frag_a a = {};
    lt_frag_b b = {};
    for (int i = lane; i < M * LINE; i += 32) tile[i] = static_cast<uint32_t>(i);
    if (fault != 4) __syncwarp();
    if (fault == 1 && lane == 9) return;
    lt_dev_ldmatrix4(a.r, tile, lt_mat_row(lane) * LINE + lt_mat_col(lane) / 2 + (fault == 3 && lane == 2));
    lt_dev_mma(c, a, b, fault == 2 && lane < 16);
    y[lane] = a.r[0] + __float_as_uint(c.r[0]);
}

bool reported(const char *word)
{
    bool found = false;
    for (int i = 0; i < lt_shim_reports(); i++) found = found || strstr(lt_shim_report(i), word);
    if (!found)
        for (int i = 0; i < lt_shim_reports(); i++) print_message("%s\n", lt_shim_report(i));
    lt_shim_forget();
    return found;
}

void faults_are_reported(void **)
{
    static const char *const words[] = { "names lane 9", "different warp operations", "16 bytes", "race at tile[" };
    uint32_t y[32];
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 3);
        assert_int_equal(LT_CUDA_LAUNCH(fault_kernel, 1, 32, nullptr, 0, y), LT_OK);
        for (int fault = 1; fault <= 4; fault++) {
            assert_int_equal(LT_CUDA_LAUNCH(fault_kernel, 1, 32, nullptr, fault, y), LT_E_INTERNAL);
            assert_true(reported(words[fault - 1]));
        }
    }
}

/* Two groups of copies by 64 threads, each reads what its neighbour of the other warp has copied. `fault` 1: no wait; 2: waits for the first group only,
 * reads the second; 3: no barrier after the wait; 4: no commit; 5: an odd address; 6: the next copy begins while others still read. */
__global__ void copies_kernel(const uint32_t *x, int fault, uint32_t *y)
{
    LT_SHARED(uint32_t, tile, 2 * 64 * 4);
    const int t = static_cast<int>(threadIdx.x), next = (t + 32) % 64;
    for (int g = 0; g < 2; g++) {
        lt_dev_copy16(tile, g * 256 + t * 4, x + g * 256 + t * 4 + (fault == 5 && t == 40), !(g == 1 && t == 7));
        if (fault != 4) lt_dev_commit();
    }
    if (fault == 2) lt_dev_wait_copies<1>();
    else if (fault != 1) lt_dev_wait_copies<0>();
    if (fault != 3) __syncthreads();
    for (int i = 0; i < 8; i++) y[(i / 4 * 64 + next) * 4 + i % 4] = tile[(i / 4 * 64 + next) * 4 + i % 4];
    if (fault == 6) lt_dev_copy16(tile, t * 4, x, true);
}

void copies_come_when_waited_for(void **)
{
    static const char *const words[] = { NULL, NULL, NULL, "race at tile[", NULL, "no multiple of 16", "race at tile[" };
    alignas(16) uint32_t x[2 * 64 * 4 + 4];
    uint32_t y[2 * 64 * 4];
    for (int i = 0; i < 2 * 64 * 4 + 4; i++) x[i] = static_cast<uint32_t>(i) * 0x10001u + 1u;
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        lt_shim_set_order(static_cast<lt_shim_order>(order), 3);
        for (int fault = 0; fault <= 6; fault++) {
            assert_int_equal(LT_CUDA_LAUNCH(copies_kernel, 1, 64, nullptr, x, fault, y), words[fault] ? LT_E_INTERNAL : LT_OK);
            if (words[fault]) {
                assert_true(reported(words[fault]));
                continue;
            }
            for (int i = 0; i < 2 * 64 * 4; i++) {
                const bool late = fault == 1 || fault == 4 || (fault == 2 && i >= 256);
                assert_int_equal(y[i], late ? 0x7fff7fffu : i / 4 == 64 + 7 ? 0u : x[i]);
            }
        }
    }
}

}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(places_are_those_of_the_table),
        cmocka_unit_test(sums_become_factors),
        cmocka_unit_test(faults_are_reported),
        cmocka_unit_test(copies_come_when_waited_for),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
