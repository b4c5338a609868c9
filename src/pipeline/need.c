#include "need.h"

#include "finish.h"
#include "halo_box.h"

#include <longtake/carrier.h>
#include <longtake/ladder.h>

#include <string.h>

/* Threads of the writer spend their time in deflate; the rest of a rank's share computes. */
enum { WRITER_BUFFERS = 3, HOST_SLACK = 32 << 20 };

/* What is known of each frame of a video at once: index and times, and in HDF5 a chunk of each field. Bounds of what was measured over 100,000 frames
 * (docs/measurements.md). Frames are counted in steps, so that videos of about one length have one plan; a header that claims more than a day is taken for a
 * mistake. */
enum { FRAME_BYTES = 384, CHUNK_BYTES = 384, FRAMES_STEP = 1024, FRAMES_MOST = 1 << 21 };

int64_t lt_need_frames(const lt_media_info *info)
{
    const double n = info->duration > 0 && info->avg_fps > 0 ? info->duration * info->avg_fps : 0;
    const int64_t all = n < FRAMES_MOST ? (int64_t)n : FRAMES_MOST;
    return (all + FRAMES_STEP - 1) / FRAMES_STEP * FRAMES_STEP;
}

bool lt_need_same(const lt_media_info *a, const lt_media_info *b)
{
    return a->width == b->width && a->height == b->height && a->coded_width == b->coded_width && a->coded_height == b->coded_height &&
           a->bit_depth == b->bit_depth && a->rotation == b->rotation && !strcmp(a->codec, b->codec) && lt_need_frames(a) == lt_need_frames(b);
}

size_t lt_need_frame(const lt_field *fields, int n_fields, int width, int height, const lt_finish_config *finish)
{
    size_t n = 0, raw = (size_t)finish->net_width * (size_t)finish->net_height * sizeof(float);
    for (int f = 0; f < n_fields; f++) n += lt_field_values(&fields[f], width, height) * lt_dtype_value_bytes(fields[f].dtype);
    return n > raw ? n : raw;
}

lt_writer_opts lt_need_writer(const lt_settings *s, int n_threads, size_t max_frame_bytes)
{
    lt_writer_opts o = { 0 };
    o.n_threads = n_threads;
    o.level = (int)s->compression;
    o.max_frame_bytes = max_frame_bytes;
    o.n_buffers = WRITER_BUFFERS;
    return o;
}

size_t lt_need_staging(const lt_machine *m, int ranks, size_t record)
{
    return m->backend != LT_BACKEND_CPU && record && ranks > 1 ? lt_carrier_device_bytes(record) : 0;
}

/* Decoder, frames decoded ahead, writer, what is known of each frame, the session, and what the second step and its halo records take. */
static int64_t host_bytes(const lt_ladder_ask *ask, const lt_setting *setting, const lt_need *need, const void *plan)
{
    const lt_task *t = ask->task;
    const size_t frame = lt_need_frame(ask->fields, ask->n_fields, ask->info.width, ask->info.height, &need->finish);
    const lt_writer_opts w = lt_need_writer(ask->env->settings, ask->n_threads, frame);
    size_t n = HOST_SLACK + lt_media_info_host_bytes(&ask->info) + lt_writer_bytes(&w);
    n += (size_t)lt_need_frames(&ask->info) * (FRAME_BYTES + (size_t)ask->n_fields * CHUNK_BYTES);
    if (!ask->env->planes) n += lt_reader_bytes(&ask->info, (int)setting->prefetch);
    if (t->host_bytes) n += t->host_bytes(plan);
    if (t->finish) n += lt_finishing_bytes(t->finish, &need->finish) + lt_halo_box_bytes(lt_finishing_record_bytes(&need->finish));
    if (need->staging) n += lt_carrier_host_bytes(lt_finishing_record_bytes(&need->finish));
    return (int64_t)n;
}

lt_status lt_setting_need(const lt_ladder_ask *ask, const lt_setting *setting, lt_need *out, void **plan)
{
    lt_status st = LT_OK;
    lt_settings room;
    const lt_task_env env = lt_setting_env(ask->env, setting, &room);
    void *made = NULL;
    size_t n_bytes = 0;
    *out = (lt_need){ .decoder = ask->decoder_device };
    if (plan) *plan = NULL;
    st = ask->task->plan(&env, ask->info.width, ask->info.height, &made, &n_bytes);
    /* A size that a task does not take is this video's fault, not the command line's. */
    if (st == LT_E_USAGE) LT_FAIL(LT_E_DATA, "%s: %s", ask->name, lt_error_last()->text);
    LT_TRY(st);
    out->plan = (int64_t)n_bytes;
    if (ask->task->finish) {
        lt_field field;
        out->finish = (lt_finish_config){ .width = ask->info.width, .height = ask->info.height };
        LT_TRY(ask->task->raw(&env, ask->info.width, ask->info.height, &field, &out->finish.net_width, &out->finish.net_height));
        out->staging = (int64_t)lt_need_staging(&env.machine, ask->ranks, lt_finishing_record_bytes(&out->finish));
    }
    if (env.planes) out->reader = (int64_t)lt_reader_device_bytes(&ask->info, (int)setting->prefetch);
    out->device = out->plan + out->staging + out->reader + out->decoder;
    out->host = host_bytes(ask, setting, out, made);
    if (plan) {
        *plan = made;
        made = NULL;
    }
done:
    if (made) ask->task->plan_destroy(&made);
    return st;
}
