/* Writes a small result through the API, for test_read.py, which knows its formula. Usage: make_result DIR f16|f32 */
#include <longtake/result.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { T = 6, H = 5, W = 7 };
static const char *const xy[] = { "x", "y" };
static lt_field fields[] = {
    { "flow", LT_F32, 2, xy, "pixel", "forward flow", NAN },
    { "depth", LT_F32, 0, NULL, "1", "relative depth", NAN },
    { "occluded", LT_U8, 0, NULL, "1", "occlusion", 255 },
};

static lt_status write_frames(lt_writer *w)
{
    lt_status st = LT_OK;
    static float flow[H * W * 2], depth[H * W];
    static uint8_t occluded[H * W];
    for (int t = 0; t < T; t++) {
        for (int i = 0; i < H * W; i++) {
            flow[2 * i] = (float)(t * 1000 + i) * 0.25f;
            flow[2 * i + 1] = -flow[2 * i];
            depth[i] = (float)(t + 1) / (float)(i + 3);
            occluded[i] = (uint8_t)((t + i) % 2);
        }
        const void *data[] = { flow, depth, occluded }, *last[] = { NULL, depth, NULL };
        if (t == 2) LT_TRY(lt_writer_put_fill(w, t, "a corrupt packet"));
        else LT_TRY(lt_writer_put(w, t, t == T - 1 ? last : data));
    }
done:
    return st;
}

static lt_status run(const char *dir)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    lt_writer *w = NULL;
    lt_segment_row row;
    lt_writer_opts wo = { .n_threads = 1, .max_frame_bytes = H * W * 13, .n_buffers = 2 };
    lt_segment_desc d = { 0, T - 1, W, H, fields, 3, "a plan", 0, false };
    lt_merge_opts mo = { .n_threads = 1, .software = "longtake test" };
    json_t *settings = json_pack("{s:s}", "task", "flow");
    json_t *video = json_pack("{s:s, s:s, s:i, s:i, s:i, s:[f,f,f,f,f,f], s:[i,i,i,i,i,i]}", "name", "film.mp4", "input_hash", "00",
                              "n_frames", T, "width", W, "height", H, "time", 0.0, 0.04, 0.08, 0.125, 0.16, 0.2, "frame", 0, 2, 4, 6, 8, 10);
    LT_TRY(lt_job_open(dir, settings, &job));
    LT_TRY(lt_job_put_video(job, "film", video));
    LT_TRY(lt_writer_create(&wo, &w));
    LT_TRY(lt_writer_begin(w, job, "film", &d));
    LT_TRY(write_frames(w));
    lt_segment_row_init(&row);
    row.rank = 3;
    snprintf(row.device, sizeof row.device, "cpu avx2");
    LT_TRY(lt_writer_commit(w, &row));
    LT_TRY(lt_writer_flush(w));
    LT_TRY(lt_merge(job, "film", &mo));
done:
    lt_writer_destroy(&w);
    lt_job_close(&job);
    json_decref(settings);
    json_decref(video);
    return st;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 64;
    if (strcmp(argv[2], "f16") == 0) fields[1].dtype = LT_F16;
    lt_status st = run(argv[1]);
    if (st < 0) fprintf(stderr, "%s\n", lt_error_last()->text);
    return st < 0;
}
