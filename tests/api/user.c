/* Optical flow between two pictures, and depth of one, from a program that knows longtake by its installed headers alone. */
#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/depth.h>
#include <longtake/flow.h>
#include <longtake/media.h>
#include <longtake/pool.h>
#include <longtake/status.h>
#include <longtake/weights.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 96, H = 64, SHIFT = 3, MARGIN = 16 };

/* A smooth texture, seen `shift` pixels further left. */
static void paint(uint8_t *rgb, int shift)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double u = x + shift, v = y;
            double a = sin(u * 0.31) + sin(v * 0.27 + 1.0) + sin((u + v) * 0.19) + sin((u - 2 * v) * 0.11);
            for (int c = 0; c < 3; c++) rgb[(y * W + x) * 3 + c] = (uint8_t)(127.5 + 28.0 * a);
        }
}

static lt_status flow(void)
{
    lt_status st = LT_OK;
    static uint8_t a[W * H * 3], b[W * H * 3];
    lt_flow_plan *plan = NULL;
    lt_flow_session *session = NULL;
    lt_arena *arena = NULL;
    lt_pool *pool = NULL;
    const lt_flow_config config = { .width = W, .height = H, .preset = LT_FLOW_BEST };
    double sum = 0;
    int n = 0;

    LT_TRY(lt_flow_plan_create(&config, &plan));
    LT_TRY(lt_arena_create(lt_flow_plan_bytes(plan), &arena));
    LT_TRY(lt_pool_create(2, &pool));
    LT_TRY(lt_flow_session_create(plan, arena, pool, lt_cpu_isa(), &session));
    paint(a, 0);
    paint(b, SHIFT);
    LT_TRY(lt_flow_load(session, 0, a, W * 3));
    LT_TRY(lt_flow_load(session, 1, b, W * 3));
    LT_TRY(lt_flow_pair(session, 0, 1, NULL));
    for (int y = MARGIN; y < H - MARGIN; y++)
        for (int x = MARGIN; x < W - MARGIN; x++, n++) sum += lt_flow_forward(session)[(y * W + x) * 2];
    printf("mean horizontal flow %.3f px, moved by %d px\n", sum / n, -SHIFT);
    /* A tenth of a pixel: the colours are rounded to 8 bits, nothing else stands between. */
    if (fabs(sum / n + SHIFT) > 0.1) LT_FAIL(LT_E_INTERNAL, "the flow is wrong: %.3f px", sum / n);
done:
    lt_flow_session_destroy(&session);
    lt_pool_destroy(&pool);
    lt_arena_destroy(&arena);
    lt_flow_plan_destroy(&plan);
    return st;
}

/* A failure comes back as a status, with a sentence that names the file. */
static lt_status failure(void)
{
    const lt_media_opts opts = { 0 };
    lt_media *media = NULL;
    if (lt_media_open("no-such-clip.mp4", &opts, &media) != LT_E_DATA || media) return LT_E_INTERNAL;
    if (lt_exit_code(LT_E_DATA) != 65) return LT_E_INTERNAL;
    return strstr(lt_error_last()->text, "no-such-clip.mp4") ? LT_OK : LT_E_INTERNAL;
}

/* Depth of one drawn frame by drawn weights: some of it is not zero. */
static lt_status depth(void)
{
    lt_status st = LT_OK;
    const lt_depth_config config = { .model = "vda-vits", .width = 28, .height = 14, .frames = 1, .slots = 1, .precision = LT_F32,
                                     .machine = lt_machine_here(lt_cpu_isa(), 1) };
    const int32_t slot = 0;
    const int position = 0;
    const float *map = NULL;
    float sum = 0;
    lt_weights *weights = NULL;
    lt_depth_plan *plan = NULL;
    lt_depth_session *session = NULL;
    lt_arena *arena = NULL;

    LT_TRY(lt_weights_open("synthetic:7", &weights));
    LT_TRY(lt_depth_plan_create(&config, &plan));
    LT_TRY(lt_arena_create(lt_depth_plan_bytes(plan), &arena));
    LT_TRY(lt_depth_session_create(plan, weights, arena, NULL, &session));
    for (int i = 0; i < 28 * 14 * 3; i++) lt_depth_input(session, 0)[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
    LT_TRY(lt_depth_encode(session, 1, &slot, NULL));
    LT_TRY(lt_depth_window(session, &slot, &position, 1, &map, NULL));
    for (int i = 0; i < 28 * 14; i++) sum += map[i];
    printf("depth %.3f in the mean\n", (double)sum / (28 * 14));
    if (!(sum > 0)) LT_FAIL(LT_E_INTERNAL, "the depth of a frame is zero everywhere");
done:
    lt_depth_session_destroy(&session);
    lt_depth_plan_destroy(&plan);
    lt_arena_destroy(&arena);
    lt_weights_close(&weights);
    return st;
}

int main(void)
{
    if (flow() < 0 || depth() < 0) {
        fprintf(stderr, "%s\n", lt_error_last()->text);
        return EXIT_FAILURE;
    }
    if (failure() < 0) {
        fprintf(stderr, "the failure did not arrive as it should: %s\n", lt_error_last()->text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
