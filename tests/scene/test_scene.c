/* The synthetic scenes, against hashes of the arrays that a numpy model of the same formulas made. */
#include "check.h"

#include "scene.h"

#include <longtake/hash.h>

#include <stdlib.h>

static void expect(const void *bytes, size_t n, const char *hash)
{
    char text[LT_HASH_TEXT];
    assert_string_equal(lt_hash_text(lt_hash_bytes(bytes, n), text), hash);
}

static void flow_scene(void **state)
{
    (void)state;
    enum { W = 480, H = 270, N = 6, P = W * H };
    lt_scene *s;
    uint8_t *rgb = malloc((size_t)N * P * 3), *occluded = malloc((size_t)(N - 1) * P);
    float *flow = malloc((size_t)(N - 1) * P * 8);
    assert_ok(lt_scene_create(LT_SCENE_FLOW, N, W, H, 7, &s));
    for (int t = 0; t < N; t++) {
        lt_scene_frame(s, t, rgb + (size_t)t * P * 3);
        if (t + 1 < N) lt_scene_truth(s, t, flow + (size_t)t * P * 2, occluded + (size_t)t * P);
    }
    expect(rgb, (size_t)N * P * 3, "6d63cc496a692bb8a28d8bea930d6c3d");
    expect(flow, (size_t)(N - 1) * P * 8, "6806f7442796c1dacd2e558354aa0c29");
    expect(occluded, (size_t)(N - 1) * P, "fcdb21a54cec83eeef7b58a6569e8b95");
    lt_scene_destroy(&s);
    free(rgb);
    free(occluded);
    free(flow);
}

static void moving_scene(void **state)
{
    (void)state;
    enum { W = 160, H = 90, N = 40, BYTES = W * H * 3 };
    lt_scene *s;
    uint8_t *rgb = malloc((size_t)N * BYTES);
    assert_ok(lt_scene_create(LT_SCENE_MOVING, N, W, H, 7, &s));
    for (int t = 0; t < N; t++) lt_scene_frame(s, t, rgb + (size_t)t * BYTES);
    expect(rgb, (size_t)N * BYTES, "0e56187873e1aa1ccea3b51d174ee525");
    lt_scene_destroy(&s);
    free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(flow_scene), cmocka_unit_test(moving_scene) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
