/* Optical flow as a whole: its error on a scene of exactly known motion, and that its bits depend on nothing else than frames, size
 * and preset. data/flow_480x270_N6_seed7: six frames in which two textured discs, one shifting, one turning, pass over a shifting ground. */
#include "check.h"

#include <longtake/flow.h>
#include <longtake/hash.h>

#include <hdf5.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { W = 480, H = 270, N = 6, PIXELS = W * H };

typedef struct {
    uint8_t frames[N][PIXELS * 3];
    float   flow[N - 1][PIXELS][2];
    uint8_t occluded[N - 1][PIXELS];
} scene;

static int decode(scene *s)
{
    AVFormatContext *file = NULL;
    assert_true(avformat_open_input(&file, "data/flow_480x270_N6_seed7.mkv", NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(file, NULL) >= 0);
    const AVCodecParameters *par = file->streams[0]->codecpar;
    AVCodecContext *codec = avcodec_alloc_context3(NULL);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int n = 0;
    assert_true(codec && packet && frame && avcodec_parameters_to_context(codec, par) >= 0);
    assert_true(avcodec_open2(codec, avcodec_find_decoder(par->codec_id), NULL) >= 0);
    for (int more = 1; more;) {
        more = av_read_frame(file, packet) >= 0;
        assert_true(avcodec_send_packet(codec, more ? packet : NULL) >= 0);
        for (; avcodec_receive_frame(codec, frame) >= 0 && n < N; n++) {
            assert_int_equal(frame->format, AV_PIX_FMT_BGR0);
            assert_true(frame->width == W && frame->height == H);
            for (int i = 0; i < PIXELS; i++)
                for (int c = 0; c < 3; c++)
                    s->frames[n][3 * i + c] = frame->data[0][(ptrdiff_t)(i / W) * frame->linesize[0] + 4 * (i % W) + 2 - c];
        }
        av_packet_unref(packet);
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&file);
    return n;
}

static void read_truth(hid_t file, const char *name, hid_t type, void *out)
{
    hid_t data = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(data >= 0 && H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Dclose(data);
}

static int load_scene(void **state)
{
    scene *s = malloc(sizeof *s);
    assert_non_null(s);
    assert_int_equal(decode(s), N);
    hid_t file = H5Fopen("data/flow_480x270_N6_seed7.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    read_truth(file, "flow", H5T_NATIVE_FLOAT, s->flow);
    read_truth(file, "occluded", H5T_NATIVE_UINT8, s->occluded);
    H5Fclose(file);
    *state = s;
    return 0;
}

static int free_scene(void **state)
{
    free(*state);
    return 0;
}

enum { BEYOND = 1 << 16 };             /* bytes of arena that the plan does not own */

typedef struct {
    lt_flow_plan    *plan;
    lt_arena        *arena;
    lt_pool         *pool;
    lt_flow_session *flow;
} engine;

/* The arena starts as 0xFF, which is NaN. */
static engine start(int width, int height, lt_flow_preset preset, int threads, lt_isa isa)
{
    engine e = { 0 };
    const lt_flow_config config = { width, height, preset, LT_BACKEND_CPU };
    assert_ok(lt_flow_plan_create(&config, &e.plan));
    assert_ok(lt_arena_create(lt_flow_plan_bytes(e.plan) + BEYOND, &e.arena));
    if (threads) assert_ok(lt_pool_create(threads, &e.pool));
    assert_ok(lt_flow_session_create(e.plan, e.arena, e.pool, isa, &e.flow));
    return e;
}

static void end(engine *e)
{
    const uint8_t *beyond = lt_arena_at(e->arena, 0);
    for (int i = 0; i < BEYOND; i++) assert_int_equal(beyond[lt_flow_plan_bytes(e->plan) + (size_t)i], 0xFF);
    lt_flow_session_destroy(&e->flow);
    lt_pool_destroy(&e->pool);
    lt_arena_destroy(&e->arena);
    lt_flow_plan_destroy(&e->plan);
}

static lt_hash hash(const engine *e, int width, int height)
{
    const size_t n = (size_t)width * (size_t)height;
    lt_hash parts[3] = { lt_hash_bytes(lt_flow_forward(e->flow), 8 * n), lt_hash_bytes(lt_flow_backward(e->flow), 8 * n),
                         lt_hash_bytes(lt_flow_occluded(e->flow), n) };
    return lt_hash_bytes(parts, sizeof parts);
}

/* What the frames are after a change of light: each value times gain, plus offset. */
typedef struct {
    double gain, offset;
} light;

static uint8_t lit(uint8_t v, light l)
{
    const double x = v * l.gain + l.offset;
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x + 0.5);
}

/* Bounds: 0.050 px for the best preset and 0.082 px for the fast one are asked for; measured are 0.027 and 0.028, and below 0.09 in changing light.
 * The bounds lie half as much above, so that a fault that costs accuracy shows. */
static const struct { lt_flow_preset preset; light second; double mean, wrong; const char *catches; } bounds[] = {
    { LT_FLOW_BEST, { 1, 0 },   0.040, 0.001, "a term, level or warp that no longer counts"   },
    { LT_FLOW_FAST, { 1, 0 },   0.042, 0.002, "the same with fewer warps"                     },
    { LT_FLOW_BEST, { .9, 0 },  0.130, 0.001, "surroundings not taken off, at some level"     },
    { LT_FLOW_BEST, { 1, 9 },   0.110, 0.001, "the same"                                      },
};

static void error_is_small(void **state)
{
    const scene *s = *state;
    static uint8_t second[3 * PIXELS];
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        engine e = start(W, H, bounds[b].preset, 2, lt_cpu_isa());
        double mean = 0, wrong = 0, hit = 0, said = 0, hidden = 0;
        for (int t = 0; t + 1 < N; t++) {
            double sum = 0, n = 0;
            for (int i = 0; i < 3 * PIXELS; i++) second[i] = lit(s->frames[t + 1][i], bounds[b].second);
            assert_ok(lt_flow_load(e.flow, 0, s->frames[t], 3 * W));
            assert_ok(lt_flow_load(e.flow, 1, second, 3 * W));
            assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
            const float *f = lt_flow_forward(e.flow);
            const uint8_t *o = lt_flow_occluded(e.flow);
            for (int i = 0; i < PIXELS; i++) {
                const double dx = f[2 * i] - s->flow[t][i][0], dy = f[2 * i + 1] - s->flow[t][i][1], off = sqrt(dx * dx + dy * dy);
                hit += o[i] && s->occluded[t][i];
                said += o[i];
                hidden += s->occluded[t][i];
                if (s->occluded[t][i]) continue;
                sum += off;
                n++;
                wrong += off > 1 ? 1. / (PIXELS * (N - 1.)) : 0;
            }
            mean += sum / n / (N - 1);
        }
        end(&e);
        print_message("end-point error %.4f px, beyond 1 px %.4f %%; occlusion: precision %.3f, recall %.3f\n", mean, 100 * wrong,
                      hit / said, hit / hidden);
        if (!(mean <= bounds[b].mean && wrong <= bounds[b].wrong)) fail_msg("error too large: %s", bounds[b].catches);
        /* Measured 0.95 and 0.80. What is hidden is a strip one to three pixels wide, and flow at its rim is good to a pixel. */
        assert_true(hit / said > 0.9 && hit / hidden > 0.7);
    }
}

/* Flow back is flow there of the frames exchanged, to the bit. */
static void back_is_there_of_the_other(void **state)
{
    const scene *s = *state;
    engine e = start(W, H, LT_FLOW_FAST, 2, lt_cpu_isa());
    assert_ok(lt_flow_load(e.flow, 0, s->frames[0], 3 * W));
    assert_ok(lt_flow_load(e.flow, 1, s->frames[1], 3 * W));
    assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
    const lt_hash back = lt_hash_bytes(lt_flow_backward(e.flow), 8 * PIXELS);
    assert_ok(lt_flow_pair_forward(e.flow, 1, 0, NULL));
    assert_true(lt_hash_equal(back, lt_hash_bytes(lt_flow_forward(e.flow), 8 * PIXELS)));
    end(&e);
}

/* The hashes hold for every compiler and processor, since all arithmetic is IEEE's in a written order. A change of the method changes
 * them: after one, run this test and take the value it prints. */
static const struct { int x, y, w, h; lt_flow_preset preset; const char *hash, *catches; } crops[] = {
    { 100, 60, 201, 117, LT_FLOW_BEST, "3fab5183f52beabca8d484bffb38fd34", "odd sizes at several levels; a phase of the solver left out" },
    {  90, 40, 256, 128, LT_FLOW_FAST, "382a531f4cde97f7a869f90eccbe39a4", "powers of two, the other preset"   },
    { 200, 90,  63,   5, LT_FLOW_BEST, "e21fbd1d990ae1da24a6cb08a33f7275", "one level, fewer rows than a band" },
};

static void bits_depend_on_frames_only(void **state)
{
    const scene *s = *state;
    static const int threads[] = { 0, 1, 2, 3, 5 };
    for (size_t c = 0; c < sizeof crops / sizeof *crops; c++) {
        const uint8_t *at[3];
        for (int t = 0; t < 3; t++) at[t] = s->frames[t] + 3 * (crops[c].y * W + crops[c].x);
        lt_hash expected = { 0 };
        char text[LT_HASH_TEXT];
        for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++)
            for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
                engine e = start(crops[c].w, crops[c].h, crops[c].preset, threads[k], (lt_isa)isa);
                assert_ok(lt_flow_load(e.flow, 0, at[0], 3 * W));
                assert_ok(lt_flow_load(e.flow, 1, at[1], 3 * W));
                assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
                lt_hash first = hash(&e, crops[c].w, crops[c].h);
                if (isa == LT_ISA_BASE && k == 0) expected = first;
                /* After another pair, with the slots exchanged, over what that pair left behind. */
                assert_ok(lt_flow_load(e.flow, 0, at[2], 3 * W));
                assert_ok(lt_flow_pair(e.flow, 1, 0, NULL));
                assert_false(lt_hash_equal(first, hash(&e, crops[c].w, crops[c].h)));
                assert_ok(lt_flow_load(e.flow, 0, at[1], 3 * W));
                assert_ok(lt_flow_load(e.flow, 1, at[0], 3 * W));
                assert_ok(lt_flow_pair(e.flow, 1, 0, NULL));
                const lt_hash again = hash(&e, crops[c].w, crops[c].h);
                if (!lt_hash_equal(first, expected) || !lt_hash_equal(again, expected))
                    fail_msg("other bits at %s with %d threads, %s (%s)", lt_isa_name((lt_isa)isa), threads[k],
                             lt_hash_equal(first, expected) ? "after another pair" : "in the first pair", crops[c].catches);
                end(&e);
            }
        if (strcmp(lt_hash_text(expected, text), crops[c].hash))
            fail_msg("the hash is %s, not %s (%s)", text, crops[c].hash, crops[c].catches);
    }
}

static const struct { int w, h; const char *catches; } odd[] = {
    { 1, 1, "no neighbour at all" },      { 2, 1, "a single edge" },           { 1, 300, "a column" },
    { 480, 1, "a row" },                  { 7, 8, "one level" },               { 8, 8, "the smallest second level" },
    { 15, 17, "levels of odd sizes" },    { 9, 200, "levels by one side only" },
};

static void any_size_gives_numbers(void **state)
{
    const scene *s = *state;
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
        for (int preset = LT_FLOW_BEST; preset <= LT_FLOW_FAST; preset++) {
            engine e = start(odd[k].w, odd[k].h, (lt_flow_preset)preset, 2, lt_cpu_isa());
            const size_t n = (size_t)odd[k].w * (size_t)odd[k].h;
            /* Unrelated pictures: frame 5 upside down, so to say, by another stride. */
            assert_ok(lt_flow_load(e.flow, 0, s->frames[0], 3 * (size_t)odd[k].w));
            assert_ok(lt_flow_load(e.flow, 1, s->frames[5] + 999, 3 * (size_t)odd[k].w));
            assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
            for (size_t i = 0; i < 2 * n; i++)
                if (!isfinite(lt_flow_forward(e.flow)[i]) || !isfinite(lt_flow_backward(e.flow)[i]))
                    fail_msg("no number at %d x %d (%s)", odd[k].w, odd[k].h, odd[k].catches);
            for (size_t i = 0; i < n; i++) assert_true(lt_flow_occluded(e.flow)[i] <= 1);
            end(&e);
        }
}

static void nothing_moves_nothing_flows(void **state)
{
    const scene *s = *state;
    static uint8_t black[3 * 97 * 61];
    const struct { const uint8_t *rgb; size_t stride; const char *what; } still[] = {
        { black, 3 * 97, "black: no gradient, division by zero" }, { s->frames[2], 3 * W, "texture" },
    };
    for (size_t k = 0; k < sizeof still / sizeof *still; k++) {
        engine e = start(97, 61, LT_FLOW_BEST, 1, lt_cpu_isa());
        assert_ok(lt_flow_load(e.flow, 0, still[k].rgb, still[k].stride));
        assert_ok(lt_flow_load(e.flow, 1, still[k].rgb, still[k].stride));
        assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
        for (int i = 0; i < 2 * 97 * 61; i++)
            if (lt_flow_forward(e.flow)[i] != 0) fail_msg("flow of %g (%s)", (double)lt_flow_forward(e.flow)[i], still[k].what);
        for (int i = 0; i < 97 * 61; i++) assert_int_equal(lt_flow_occluded(e.flow)[i], 0);
        end(&e);
    }
}

static void what_it_refuses(void **state)
{
    const scene *s = *state;
    static const lt_flow_config bad[] = {
        { 0, 5, LT_FLOW_BEST, LT_BACKEND_CPU }, { 5, -1, LT_FLOW_BEST, LT_BACKEND_CPU }, { 16385, 5, LT_FLOW_BEST, LT_BACKEND_CPU }, { 5, 16385, LT_FLOW_FAST, LT_BACKEND_CPU }, { 5, 5, (lt_flow_preset)7, LT_BACKEND_CPU },
    };
    lt_flow_plan *plan = NULL;
    lt_flow_session *session = NULL;
    lt_arena *arena = NULL;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_int_equal(lt_flow_plan_create(&bad[k], &plan), LT_E_USAGE);
        assert_null(plan);
    }
    const lt_flow_config good = { 64, 48, LT_FLOW_BEST, LT_BACKEND_CPU };
    assert_ok(lt_flow_plan_create(&good, &plan));
    assert_ok(lt_arena_create(lt_flow_plan_bytes(plan) - 1, &arena));
    assert_int_equal(lt_flow_session_create(plan, arena, NULL, LT_ISA_BASE, &session), LT_E_MEMORY);
    assert_null(session);
    lt_arena_destroy(&arena);
    lt_flow_plan_destroy(&plan);

    engine e = start(64, 48, LT_FLOW_BEST, 1, LT_ISA_BASE);
    atomic_int stop = 1;
    assert_ok(lt_flow_load(e.flow, 0, s->frames[0], 3 * W));
    assert_ok(lt_flow_load(e.flow, 1, s->frames[1], 3 * W));
    assert_int_equal(lt_flow_pair(e.flow, 0, 1, &stop), LT_E_STOPPED);
    atomic_store(&stop, 0);
    assert_ok(lt_flow_pair(e.flow, 0, 1, &stop));
    end(&e);
}

/* Items alive together must not overlap, and the whole is as large as the last of them reaches. */
static void plan_is_exact(void **state)
{
    (void)state;
    static const lt_flow_config sizes[] = { { 1, 1, LT_FLOW_BEST, LT_BACKEND_CPU }, { 1920, 1080, LT_FLOW_BEST, LT_BACKEND_CPU }, { 16384, 16384, LT_FLOW_FAST, LT_BACKEND_CPU } };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        lt_flow_plan *plan = NULL;
        const lt_arena_item *items = NULL;
        size_t reach = 0;
        assert_ok(lt_flow_plan_create(&sizes[k], &plan));
        const int n = lt_flow_plan_items(plan, &items);
        for (int i = 0; i < n; i++) {
            const size_t stop = items[i].offset + items[i].n_bytes;
            assert_true(items[i].n_bytes > 0 && items[i].offset % LT_ARENA_ALIGN == 0);
            if (stop > reach) reach = stop;
            for (int j = 0; j < i; j++)
                assert_true(items[i].last < items[j].first || items[j].last < items[i].first || stop <= items[j].offset ||
                            items[j].offset + items[j].n_bytes <= items[i].offset);
        }
        assert_true(reach <= lt_flow_plan_bytes(plan) && lt_flow_plan_bytes(plan) < reach + LT_ARENA_ALIGN);
        lt_flow_plan_destroy(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_is_small),
        cmocka_unit_test(back_is_there_of_the_other),
        cmocka_unit_test(bits_depend_on_frames_only),
        cmocka_unit_test(any_size_gives_numbers),
        cmocka_unit_test(nothing_moves_nothing_flows),
        cmocka_unit_test(what_it_refuses),
        cmocka_unit_test(plan_is_exact),
    };
    return cmocka_run_group_tests(tests, load_scene, free_scene);
}
