/* longtake-scene -- writes a synthetic clip with its exact motion, and measures a result against it.
 *
 *     longtake-scene flow   --size 480x270 --frames 6 --seed 7 --out clip.mkv [--flow flow.npy --occluded occluded.npy]
 *     longtake-scene moving --size 160x90 --frames 40 --seed 7 --out clip.mkv
 *     longtake-scene compare RESULT.h5 --size 480x270 --frames 6 --seed 7
 *
 * The clip is lossless FFV1 at 25 frames/s where its name ends in .mkv, else raw rgb24 ("-": standard output). */
#include "scene.h"

#include <longtake/result.h>
#include <longtake/video_writer.h>

#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *size, *out, *flow, *occluded;
    int   frames, seed, width, height;
} arguments;

/* Source of the format: numpy.lib.format, version 1.0. */
static lt_status npy_open(const char *path, const char *type, int n, const arguments *a, const char *tail, FILE **out)
{
    lt_status st = LT_OK;
    char header[128];
    *out = fopen(path, "wb");
    if (!*out) LT_FAIL(LT_E_STORE, "%s cannot be written", path);
    const int k = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d, %d%s), }", type, n,
                           a->height, a->width, tail);
    memset(header + k, ' ', (size_t)(117 - k));
    header[117] = '\n';
    const unsigned char magic[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0 };
    fwrite(magic, 1, sizeof magic, *out);
    fwrite(header, 1, 118, *out);
done:
    return st;
}

static lt_status close_file(FILE *f, const char *path)
{
    lt_status st = LT_OK;
    const int bad = f ? ferror(f) : 0;
    if (f && ((f == stdout ? fflush(f) : fclose(f)) || bad)) LT_FAIL(LT_E_STORE, "%s could not be written whole", path);
done:
    return st;
}

static lt_status write_scene(lt_scene_kind kind, const arguments *a)
{
    lt_status st = LT_OK;
    lt_scene *scene = NULL;
    lt_video_writer *video = NULL;
    FILE *clip = NULL, *flow_file = NULL, *occluded_file = NULL;
    const size_t n = (size_t)a->width * (size_t)a->height;
    uint8_t *rgb = malloc(n * 3), *occluded = malloc(n);
    float *flow = malloc(n * 2 * sizeof *flow);
    if (!rgb || !occluded || !flow) LT_FAIL(LT_E_MEMORY, "no memory for frames of %dx%d", a->width, a->height);
    LT_TRY(lt_scene_create(kind, a->frames, a->width, a->height, (uint32_t)a->seed, &scene));
    const size_t name = a->out ? strlen(a->out) : 0;
    const int is_video = name > 4 && !strcmp(a->out + name - 4, ".mkv");
    if (is_video) LT_TRY(lt_video_writer_open(a->out, a->width, a->height, 25, 1, LT_VIDEO_LOSSLESS, &video));
    else clip = !a->out ? NULL : strcmp(a->out, "-") ? fopen(a->out, "wb") : stdout;
    if (a->out && !clip && !is_video) LT_FAIL(LT_E_STORE, "%s cannot be written", a->out);
    if (kind == LT_SCENE_FLOW && a->flow) LT_TRY(npy_open(a->flow, "<f4", a->frames - 1, a, ", 2", &flow_file));
    if (kind == LT_SCENE_FLOW && a->occluded) LT_TRY(npy_open(a->occluded, "|u1", a->frames - 1, a, "", &occluded_file));
    for (int t = 0; t < a->frames; t++) {
        lt_scene_frame(scene, t, rgb);
        if (clip) fwrite(rgb, 3, n, clip);
        if (video) LT_TRY(lt_video_writer_put(video, rgb, 3 * (size_t)a->width));
        if (t + 1 == a->frames || (!flow_file && !occluded_file)) continue;
        lt_scene_truth(scene, t, flow, occluded);
        if (flow_file) fwrite(flow, 8, n, flow_file);
        if (occluded_file) fwrite(occluded, 1, n, occluded_file);
    }
done:
    LT_ALSO(lt_video_writer_close(&video));
    LT_ALSO(close_file(clip, a->out));
    LT_ALSO(close_file(flow_file, a->flow));
    LT_ALSO(close_file(occluded_file, a->occluded));
    free(rgb);
    free(occluded);
    free(flow);
    lt_scene_destroy(&scene);
    return st;
}

typedef struct {
    double  error;
    int64_t visible, over, hit, told, hidden;
} tally;

static void count(const float *flow, const float *truth, const uint8_t *told, const uint8_t *hidden, size_t n, tally *out)
{
    for (size_t i = 0; i < n; i++) {
        out->told += told[i] == 1;
        out->hidden += hidden[i];
        out->hit += told[i] == 1 && hidden[i];
        if (hidden[i]) continue;
        const double e = hypot((double)flow[2 * i] - truth[2 * i], (double)flow[2 * i + 1] - truth[2 * i + 1]);
        out->error += e;
        out->over += !(e <= 1);
        out->visible++;
    }
}

static int field_of(const lt_result_info *info, const char *name)
{
    for (int i = 0; i < info->n_fields; i++)
        if (!strcmp(info->fields[i].name, name)) return i;
    return -1;
}

static lt_status compare(const char *path, const arguments *a)
{
    lt_status st = LT_OK;
    lt_scene *scene = NULL;
    lt_result *result = NULL;
    tally sum = { 0 };
    const size_t n = (size_t)a->width * (size_t)a->height;
    float *flow = malloc(n * 8), *truth = malloc(n * 8);
    uint8_t *told = malloc(n), *hidden = malloc(n);
    if (!flow || !truth || !told || !hidden) LT_FAIL(LT_E_MEMORY, "no memory for frames of %dx%d", a->width, a->height);
    LT_TRY(lt_result_open(path, &result));
    const lt_result_info *info = lt_result_info_get(result);
    const int f = field_of(info, "flow"), o = field_of(info, "occluded");
    if (f < 0 || o < 0 || info->width != a->width || info->height != a->height || info->n_frames != a->frames)
        LT_FAIL(LT_E_USAGE, "%s is not the flow of this scene: it must have flow and occluded, %dx%d, %d frames", path, a->width,
                a->height, a->frames);
    LT_TRY(lt_scene_create(LT_SCENE_FLOW, a->frames, a->width, a->height, (uint32_t)a->seed, &scene));
    for (int t = 0; t + 1 < a->frames; t++) {
        LT_TRY(lt_result_read(result, f, t, flow));
        LT_TRY(lt_result_read(result, o, t, told));
        lt_scene_truth(scene, t, truth, hidden);
        count(flow, truth, told, hidden, n, &sum);
    }
    const double visible = sum.visible ? (double)sum.visible : 1, both = sum.told + sum.hidden ? (double)(sum.told + sum.hidden) : 1;
    printf("mean end-point error %.4f px over visible pixels, %.3f %% over 1 px, occlusion F1 %.3f\n", sum.error / visible,
           100 * (double)sum.over / visible, 2 * (double)sum.hit / both);
done:
    free(flow);
    free(truth);
    free(told);
    free(hidden);
    lt_scene_destroy(&scene);
    lt_result_close(&result);
    return st;
}

int main(int argc, char **argv)
{
    lt_status st = LT_OK;
    arguments a = { .frames = 6, .seed = 7 };
    const struct poptOption table[] = {
        { "size", 's', POPT_ARG_STRING, &a.size, 0, "Pixels (default 480x270)", "WxH" },
        { "frames", 'n', POPT_ARG_INT, &a.frames, 0, "Frames (default 6)", "N" },
        { "seed", 0, POPT_ARG_INT, &a.seed, 0, "Seed (default 7)", "N" },
        { "out", 'o', POPT_ARG_STRING, &a.out, 0, "Clip: .mkv, else raw rgb24; - is standard output", "FILE" },
        { "flow", 0, POPT_ARG_STRING, &a.flow, 0, "Exact motion [N-1,h,w,2] float32", "FILE.npy" },
        { "occluded", 0, POPT_ARG_STRING, &a.occluded, 0, "What is hidden in the next frame [N-1,h,w] uint8", "FILE.npy" },
        POPT_AUTOHELP POPT_TABLEEND
    };
    poptContext popt = poptGetContext("longtake-scene", argc, (const char **)argv, table, 0);
    poptSetOtherOptionHelp(popt, "flow|moving|compare [RESULT.h5] [OPTION...]");
    const int bad = poptGetNextOpt(popt);
    const char *what = poptGetArg(popt), *file = poptGetArg(popt);
    char rest;
    if (bad < -1) LT_FAIL(LT_E_USAGE, "%s: %s", poptBadOption(popt, 0), poptStrerror(bad));
    if (sscanf(a.size ? a.size : "480x270", "%dx%d%c", &a.width, &a.height, &rest) != 2 || a.width < 1 || a.height < 1
        || a.width > 16384 || a.height > 16384 || a.frames < 1)
        LT_FAIL(LT_E_USAGE, "--size is two numbers from 1 to 16384 such as 480x270, --frames at least 1");
    if (what && !strcmp(what, "flow")) LT_TRY(write_scene(LT_SCENE_FLOW, &a));
    else if (what && !strcmp(what, "moving")) LT_TRY(write_scene(LT_SCENE_MOVING, &a));
    else if (what && file && !strcmp(what, "compare")) LT_TRY(compare(file, &a));
    else LT_FAIL(LT_E_USAGE, "say flow, moving or compare RESULT.h5; --help tells more");
done:
    if (st < 0) fprintf(stderr, "longtake-scene: %s\n", lt_error_last()->text);
    poptFreeContext(popt);
    free(a.size);
    free(a.out);
    free(a.flow);
    free(a.occluded);
    return lt_exit_code(st);
}
