/* Halo records: what is put in comes out, and every byte that changes on the way is noticed. */
#include "check.h"

#include <longtake/halo.h>

#include <stdlib.h>
#include <string.h>

enum { W = 7, H = 5, ROOM = 16384 };

static size_t make(void *block)
{
    const int64_t map[2] = { H, W }, four = 4;
    void *data = NULL;
    assert_ok(lt_halo_begin(block, ROOM));
    assert_ok(lt_halo_add(block, ROOM, "map-12", LT_F32, 2, map, &data));
    for (int i = 0; i < W * H; i++) ((float *)data)[i] = (float)(i * i) * 0.37f - 11;
    assert_ok(lt_halo_add(block, ROOM, "carry", LT_F64, 1, &four, &data));
    for (int i = 0; i < 4; i++) ((double *)data)[i] = 1.0 / (3 + i);
    return lt_halo_seal(block);
}

static void tensors_come_out_as_they_went_in(void **state)
{
    (void)state;
    void *block = malloc(ROOM), *copy = malloc(ROOM);
    lt_halo_tensor t;
    const size_t n = make(block);
    assert_true(n <= lt_halo_bytes(2, W * H * 4 + 32));
    memset(copy, 0x5a, ROOM);
    memcpy(copy, block, n);
    memset(block, 0, ROOM);
    assert_ok(lt_halo_check(copy, n));
    assert_ok(lt_halo_get(copy, "map-12", &t));
    assert_int_equal(t.dtype, LT_F32);
    assert_int_equal(t.n_dims, 2);
    assert_int_equal(t.dim[0], H);
    assert_int_equal(t.dim[1], W);
    for (int i = 0; i < W * H; i++) assert_true(((const float *)t.data)[i] == (float)(i * i) * 0.37f - 11);
    assert_ok(lt_halo_get(copy, "carry", &t));
    assert_true(((const double *)t.data)[3] == 1.0 / 6);
    assert_int_equal(lt_halo_get(copy, "map-13", &t), LT_E_ABSENT);
    free(block);
    free(copy);
}

static void the_same_record_is_the_same_bytes(void **state)
{
    (void)state;
    void *a = malloc(ROOM), *b = malloc(ROOM);
    memset(a, 0x11, ROOM);
    memset(b, 0xee, ROOM);
    const size_t n = make(a);
    assert_int_equal(make(b), n);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

/* Padding and unused places of the table are part of no checksum of a tensor, but of nobody's value either. */
static void damage_is_noticed(void **state)
{
    (void)state;
    unsigned char *block = malloc(ROOM);
    const size_t n = make(block);
    lt_halo_tensor map, carry;
    assert_ok(lt_halo_get(block, "map-12", &map));
    assert_ok(lt_halo_get(block, "carry", &carry));
    for (size_t i = 0; i < n; i++) {
        const unsigned char *at = block + i;
        const bool value = (at >= (const unsigned char *)map.data && at < (const unsigned char *)map.data + map.n_bytes) ||
                           (at >= (const unsigned char *)carry.data && at < (const unsigned char *)carry.data + carry.n_bytes);
        const bool table = at < (const unsigned char *)map.data - 64;
        if (!value && !table) continue;
        block[i] ^= 0x40;
        if (lt_halo_check(block, n) != LT_E_DATA) fail_msg("byte %zu changed and nobody noticed", i);
        block[i] ^= 0x40;
    }
    assert_ok(lt_halo_check(block, n));
    assert_int_equal(lt_halo_check(block, n - 1), LT_E_DATA);
    assert_int_equal(lt_halo_check(block, 3), LT_E_DATA);
    free(block);
}

static void no_room_is_said(void **state)
{
    (void)state;
    const int64_t many = ROOM;
    void *block = malloc(ROOM), *data = NULL;
    assert_int_equal(lt_halo_begin(block, 100), LT_E_INTERNAL);
    assert_ok(lt_halo_begin(block, ROOM));
    assert_int_equal(lt_halo_add(block, ROOM, "much", LT_F32, 1, &many, &data), LT_E_INTERNAL);
    const int64_t one = 1;
    assert_ok(lt_halo_add(block, ROOM, "a", LT_U8, 1, &one, &data));
    assert_int_equal(lt_halo_add(block, ROOM, "a", LT_U8, 1, &one, &data), LT_E_INTERNAL);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_come_out_as_they_went_in),
        cmocka_unit_test(the_same_record_is_the_same_bytes),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(no_room_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
