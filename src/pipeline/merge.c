#include <longtake/merge.h>

#include "finish.h"
#include "job.h"


#include <stdlib.h>

enum { BUFFERS = 3 };

/* The second step of a video, on the threads of this process. */
static lt_status finish_video(const lt_job *job, const char *id, const lt_finish *steps, const lt_range *pieces, int64_t n,
                              const lt_merge_opts *opts, int compression, lt_log *log)
{
    lt_status st = LT_OK;
    lt_field fields[LT_TASK_FIELDS];
    json_t *video = NULL;
    lt_pool *pool = NULL;
    lt_writer *writer = NULL;
    lt_finishing *finishing = NULL;
    const json_t *run = lt_job_settings(job);
    const atomic_int never = 0;
    lt_finishing_opts o = { .steps = steps, .job = job, .id = id, .fields = fields, .isa = lt_cpu_isa(), .log = log, .stop = &never };
    LT_TRY(lt_job_get_video(job, id, &video));
    LT_TRY(steps->config(run, (int)json_integer_value(json_object_get(video, "width")), (int)json_integer_value(json_object_get(video, "height")),
                         json_integer_value(json_object_get(video, "n_frames")), &o.config));
    LT_TRY(steps->fields(run, fields, &o.n_fields));
    const lt_writer_opts w = { .n_threads = opts->n_threads, .level = compression, .n_buffers = BUFFERS,
                               .max_frame_bytes = (size_t)o.config.width * (size_t)o.config.height * sizeof(float) };
    LT_TRY(lt_pool_create(opts->n_threads, &pool));
    LT_TRY(lt_writer_create(&w, &writer));
    lt_segment_row_init(&o.row);
    o.pool = pool;
    o.writer = writer;
    LT_TRY(lt_finishing_create(&o, &finishing));
    LT_TRY(lt_finishing_rest(finishing, pieces, n));
done:
    lt_finishing_destroy(&finishing);
    lt_writer_destroy(&writer);
    lt_pool_destroy(&pool);
    json_decref(video);
    return st;
}

lt_status lt_job_merge(const lt_job *job, const char *id, const lt_merge_opts *opts, int compression, lt_log *log)
{
    lt_status st = LT_OK;
    lt_cut_table *table = NULL;
    lt_range *pieces = NULL;
    lt_segment_state *states = NULL;
    int *shards = NULL;
    int64_t n = 0;
    bool left = false;
    const lt_task *task = NULL;
    const char *name = json_string_value(json_object_get(lt_job_settings(job), "task"));
    if (name) LT_TRY(lt_task_named(name, &task));
    if (task && task->finish) {
        LT_TRY(lt_cut_table_make(job, &table));
        LT_TRY(lt_cut_table_cut(table, id, NULL, &pieces, &n, &shards));
        states = calloc((size_t)n + 1, sizeof *states);
        if (!states) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)n);
        LT_TRY(lt_ledger_scan(job, id, pieces, n, true, states, NULL));
        for (int64_t i = 0; i < n; i++) left = left || states[i] == LT_SEGMENT_MISSING;
        if (left) LT_TRY(finish_video(job, id, task->finish, pieces, n, opts, compression, log));
    }
    LT_TRY(lt_merge(job, id, opts));
done:
    free(states);
    free(pieces);
    free(shards);
    lt_cut_table_destroy(&table);
    return st;
}
