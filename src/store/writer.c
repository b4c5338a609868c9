#include "store/job.h"
#include "store/layout.h"
#include "store/seal.h"

#include <longtake/clock.h>
#include <longtake/fault.h>
#include <longtake/pool.h>

#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Control messages beside the frames; a producer that is further ahead waits. */
enum { CONTROLS = 8, OUTPUTS_PER_THREAD = 2 };

/* A segment on its way. The producer's half ends with commit or abandon, then the store thread frees it. */
typedef struct {
    lt_layout  layout;
    lt_range   frames;
    char       folder[LT_PATH_MAX], path[LT_PATH_MAX];
    lt_hash    settings;
    char      *plan;
    int64_t    tag;
    int64_t    n_put, n_kept;                /* n_kept < T: only so many are committed */
    uint8_t   *put;                          /* [T] by the producer */
    uint64_t  *frame_hash[LT_FIELDS_MAX];    /* [T,2] */
    uint64_t  *chunk_hash[LT_FIELDS_MAX];    /* [T,n] */
    lt_tables  tables;
    lt_segment_row row;
    bool       raw;
    lt_segment_part *parts;                  /* [n_parts]; none: `row` alone */
    int        n_parts;
    char      *carry;
    /* store thread */
    double     range[LT_FIELDS_MAX][2];      /* of fields of one float a pixel; lo > hi: no value so far */
    lt_tmp     tmp;
    lt_h5_file file;
    hid_t      h5;
    lt_layout_ids ids;
    /* under the writer's lock */
    lt_status  failed;
    lt_error   error;
} segment;

typedef struct {
    uint8_t *bytes;
    int64_t  frame;                          /* within the segment */
    bool     present[LT_FIELDS_MAX];         /* else fill */
} slot;

typedef enum { M_BEGIN, M_FRAME, M_COMMIT, M_ABANDON, M_CALL, M_QUIT } message_kind;

typedef struct {
    lt_status (*fn)(void *ctx);
    void      *ctx;
    bool       done;                         /* under the writer's lock, as what follows */
    lt_status  status;
    lt_error   error;
} call;

typedef struct {
    message_kind kind;
    segment     *seg;
    slot        *frame;
    call        *call;
} message;

typedef struct {
    size_t   n_bytes;
    uint64_t hash;
    uint8_t *bytes;                          /* [lt_chunk_bound()] */
} output;

struct lt_writer {
    lt_writer_opts  opts;
    lt_pool        *pool;
    lt_codecs      *codecs;
    pthread_t       thread;
    bool            started;
    pthread_mutex_t lock;
    pthread_cond_t  arrived, freed;
    message        *queue;                   /* ring [n_queue] */
    int             n_queue, head, count;
    bool            busy;                    /* the store thread holds a message */
    double          seconds;                 /* it spent on messages */
    slot           *slots, **free_slots;
    int             n_free;
    output         *outputs;
    int             n_outputs;
    lt_status       first_failed;            /* since the last flush */
    lt_error        first_error;
    segment        *current;                 /* the producer's */
    /* work of the pool */
    segment        *seg;
    slot           *frame;
    int             from;                    /* the first chunk of the batch */
};

static int n_outputs(const lt_writer_opts *o)
{
    return OUTPUTS_PER_THREAD * (o->n_threads < 1 ? 1 : o->n_threads);
}

static int n_buffers(const lt_writer_opts *o)
{
    return o->n_buffers < 1 ? 1 : o->n_buffers;
}

size_t lt_writer_bytes(const lt_writer_opts *o)
{
    size_t buffers = (size_t)n_buffers(o), outputs = (size_t)n_outputs(o);
    return sizeof(lt_writer) + lt_codecs_bytes(o->n_threads < 1 ? 1 : o->n_threads) + (buffers + CONTROLS) * sizeof(message) +
           buffers * (sizeof(slot) + sizeof(slot *) + o->max_frame_bytes) + outputs * (sizeof(output) + lt_chunk_bound());
}

size_t lt_writer_segment_bytes(const lt_segment_desc *d)
{
    size_t n = sizeof(segment), frames = (size_t)(d->last - d->first + 1);
    n += frames + (d->plan ? strlen(d->plan) + 1 : 0);
    for (int i = 0; i < d->n_fields; i++) {
        lt_tiling t;
        lt_tiling_init(&t, d->width, d->height, d->fields[i].channels > 1 ? d->fields[i].channels : 1,
                       lt_dtype_bytes(d->fields[i].dtype));
        n += frames * 8 * (2 + (size_t)t.n);
    }
    return n;
}

/* ---- the store thread ---- */

/* Takes the values of a frame into the range of their field. */
static void widen_range(const float *x, size_t n, double range[2])
{
    float lo = INFINITY, hi = -INFINITY;
    for (size_t k = 0; k < n; k++) {
        lo = x[k] < lo ? x[k] : lo;
        hi = x[k] > hi ? x[k] : hi;
    }
    if (lo > hi) return;
    if (range[0] > range[1]) range[0] = (double)lo, range[1] = (double)hi;
    range[0] = (double)lo < range[0] ? (double)lo : range[0];
    range[1] = (double)hi > range[1] ? (double)hi : range[1];
}

/* One field of a staged frame: values as stored, and their checksum. */
static void prepare_field(void *ctx, int i)
{
    lt_writer *w = ctx;
    segment *s = w->seg;
    const lt_plane *p = &s->layout.plane[i];
    uint8_t *bytes = w->frame->bytes;
    for (int j = 0; j < i; j++) bytes += s->layout.plane[j].n_values * lt_dtype_value_bytes(s->layout.plane[j].field.dtype);
    if (w->frame->present[i] && p->field.dtype != LT_U8 && p->field.channels == 0)
        widen_range((const float *)(const void *)bytes, p->n_values, s->range[i]);
    if (!w->frame->present[i]) {
        for (size_t k = 0; k < p->n_values; k++) memcpy(bytes + k * p->tiling.item, p->fill, p->tiling.item);
    } else if (p->field.dtype == LT_F16) {
        for (size_t k = 0; k < p->n_values; k++) {
            float value;
            memcpy(&value, bytes + 4 * k, sizeof value);
            uint16_t half = lt_half_from_float(value);
            memcpy(bytes + 2 * k, &half, sizeof half);
        }
    }
    lt_hash h = lt_hash_bytes(bytes, p->n_bytes);
    s->frame_hash[i][2 * w->frame->frame] = h.low;
    s->frame_hash[i][2 * w->frame->frame + 1] = h.high;
}

/* Plane and index in it of chunk `c` of a frame; returns where the plane's values lie in a staged frame. */
static const uint8_t *locate(const lt_layout *l, const uint8_t *bytes, int c, int *plane, int *index)
{
    int p = 0;
    while (c >= l->plane[p].tiling.n) {
        c -= l->plane[p].tiling.n;
        bytes += l->plane[p].n_values * lt_dtype_value_bytes(l->plane[p].field.dtype);
        p++;
    }
    *plane = p;
    *index = c;
    return bytes;
}

static void encode_chunk(void *ctx, int item)
{
    lt_writer *w = ctx;
    output *o = &w->outputs[item];
    int p, index;
    const uint8_t *bytes = locate(&w->seg->layout, w->frame->bytes, w->from + item, &p, &index);
    const lt_plane *plane = &w->seg->layout.plane[p];
    lt_codec *codec = lt_codecs_take(w->codecs);
    o->n_bytes = lt_chunk_encode(codec, &plane->tiling, index, bytes, plane->fill, o->bytes);
    lt_codecs_give(w->codecs, codec);
    o->hash = XXH3_64bits(o->bytes, o->n_bytes);
}

static lt_status write_frame(lt_writer *w, segment *s, slot *frame)
{
    lt_status st = LT_OK;
    int n = (int)lt_layout_chunks(&s->layout);
    w->seg = s;
    w->frame = frame;
    lt_pool_run(w->pool, s->layout.n, prepare_field, w);
    for (w->from = 0; w->from < n; w->from += w->n_outputs) {
        int batch = n - w->from < w->n_outputs ? n - w->from : w->n_outputs;
        lt_pool_run(w->pool, batch, encode_chunk, w);
        for (int i = 0; i < batch; i++) {
            int p, index;
            const output *o = &w->outputs[i];
            (void)locate(&s->layout, frame->bytes, w->from + i, &p, &index);
            if (o->n_bytes == 0) LT_FAIL(LT_E_INTERNAL, "a chunk did not fit its buffer");
            LT_TRY(lt_layout_write_chunk(&s->layout, &s->ids, p, frame->frame, index, o->bytes, o->n_bytes));
            s->chunk_hash[p][frame->frame * s->layout.plane[p].tiling.n + index] = o->hash;
        }
    }
    LT_TRY(lt_h5_file_failure(&s->file));
done:
    return st;
}

static lt_status begin_file(segment *s)
{
    lt_status st = LT_OK;
    char hash[LT_HASH_TEXT];
    if (s->raw && LT_FAULTY("mkdir", ENOSPC, mkdir(s->folder, 0777)) < 0 && errno != EEXIST)
        LT_FAIL(LT_E_STORE, "cannot make the folder %s: %s", s->folder, strerror(errno));
    /* The folder was made with video.json. Where it is gone, so is the job: making it anew would write below a mount point
     * whose disk has vanished. */
    LT_TRY(lt_tmp_open(s->folder, &s->tmp));
    s->file = (lt_h5_file){ s->tmp.fd, 0, -1 };
    LT_TRY(lt_h5_create(&s->file, &s->h5));
    LT_TRY(lt_layout_create(s->h5, &s->layout, "segment", 1, &s->ids));
    LT_TRY(lt_h5_put_int(s->h5, "first", s->frames.first));
    LT_TRY(lt_h5_put_int(s->h5, "last", s->frames.last));
    LT_TRY(lt_h5_put_text(s->h5, "settings_hash", lt_hash_text(s->settings, hash)));
    LT_TRY(lt_h5_file_failure(&s->file));
done:
    return st;
}

static lt_status close_file(segment *s)
{
    lt_status st = LT_OK;
    LT_ALSO(lt_layout_ids_close(&s->ids));
    LT_ALSO(lt_h5_close(&s->file, &s->h5));
    return st;
}

static lt_status commit_file(segment *s)
{
    lt_status st = LT_OK;
    lt_seal seal = { LT_SEAL_SEGMENT, true, s->frames, s->settings, &s->frames, s->row.state == LT_SEGMENT_FAILED };
    if (!s->n_parts) LT_TRY(lt_tables_add_row(&s->tables, s->frames, &s->row, s->plan));
    for (int i = 0; i < s->n_parts; i++) {
        lt_segment_part *part = &s->parts[i];
        for (int64_t k = 0; k < s->tables.n_unreadable; k++)
            if (s->tables.unreadable[k] >= part->frames.first && s->tables.unreadable[k] <= part->frames.last) part->row.state = LT_SEGMENT_FAILED;
        LT_TRY(lt_tables_add_row(&s->tables, part->frames, &part->row, part->plan ? part->plan : s->plan));
    }
    if (s->carry) LT_TRY(lt_h5_put_text(s->h5, "carry", s->carry));
    LT_TRY(lt_tables_write(s->h5, &s->tables));
    for (int i = 0; i < s->layout.n; i++) {
        LT_TRY(lt_h5_write_rows(s->ids.frame_hash[i], H5T_NATIVE_UINT64, 0, s->layout.n_frames, s->frame_hash[i]));
        LT_TRY(lt_h5_write_rows(s->ids.chunk_hash[i], H5T_NATIVE_UINT64, 0, s->layout.n_frames, s->chunk_hash[i]));
    }
    for (int i = 0; i < s->layout.n; i++) LT_TRY(lt_layout_put_range(&s->ids, i, s->range[i]));
    LT_TRY(close_file(s));
    LT_TRY(lt_h5_file_failure(&s->file));
    LT_TRY(lt_seal_append(s->tmp.fd, s->path, &seal));
    LT_TRY(lt_tmp_commit(&s->tmp, s->path));
done:
    return st;
}

/* Parts that follow each other share the text of one plan. */
static void free_parts(lt_segment_part *parts, int n)
{
    for (int i = 0; parts && i < n; i++)
        if (i == 0 || parts[i].plan != parts[i - 1].plan) free((char *)parts[i].plan);
    free(parts);
}

static void free_segment(segment *s)
{
    if (!s) return;
    for (int i = 0; i < s->layout.n; i++) {
        free(s->frame_hash[i]);
        free(s->chunk_hash[i]);
    }
    lt_tables_free(&s->tables);
    lt_layout_free(&s->layout);
    free_parts(s->parts, s->n_parts);
    free(s->carry);
    free(s->plan);
    free(s->put);
    free(s);
}

/* Closes and removes what there is of the file, and remembers why. */
static void lose(lt_writer *w, segment *s, lt_status st)
{
    lt_error why;
    lt_error_prefix("%s", s->path);
    why = *lt_error_last();
    (void)close_file(s);                     /* the file is thrown away; its first failure is the one to tell */
    lt_tmp_drop(&s->tmp);
    pthread_mutex_lock(&w->lock);
    s->failed = st;
    s->error = why;
    pthread_mutex_unlock(&w->lock);
}

/* A segment of the first n_kept frames of `s`, with the same chunks in a file of its own. */
static lt_status copy_head(lt_writer *w, segment *s, segment *head)
{
    lt_status st = LT_OK;
    lt_field fields[LT_FIELDS_MAX];
    for (int i = 0; i < s->layout.n; i++) fields[i] = s->layout.plane[i].field;
    head->frames = (lt_range){ s->frames.first, s->frames.first + s->n_kept - 1 };
    head->settings = s->settings;
    head->raw = s->raw;
    memcpy(head->folder, s->folder, sizeof head->folder);
    lt_segment_file(s->folder, head->frames, head->path);
    LT_TRY(lt_layout_init(&head->layout, fields, s->layout.n, s->layout.width, s->layout.height, s->n_kept));
    LT_TRY(begin_file(head));
    for (int p = 0; p < s->layout.n; p++)
        for (int64_t t = 0; t < s->n_kept; t++)
            for (int c = 0; c < s->layout.plane[p].tiling.n; c++) {
                size_t n = 0;
                LT_TRY(lt_layout_read_chunk(&s->layout, &s->ids, p, t, c, w->outputs[0].bytes, &n));
                LT_TRY(lt_layout_write_chunk(&head->layout, &head->ids, p, t, c, w->outputs[0].bytes, n));
            }
    /* What was gathered for the whole serves its head. */
    head->tables = s->tables;
    memset(&s->tables, 0, sizeof s->tables);
    head->row = s->row;
    head->plan = s->plan;
    s->plan = NULL;
    head->parts = s->parts;
    head->n_parts = s->n_parts;
    head->carry = s->carry;
    s->parts = NULL;
    s->n_parts = 0;
    s->carry = NULL;
    for (int i = 0; i < s->layout.n; i++) {
        head->range[i][0] = s->range[i][0];
        head->range[i][1] = s->range[i][1];
        head->frame_hash[i] = s->frame_hash[i];
        head->chunk_hash[i] = s->chunk_hash[i];
        s->frame_hash[i] = s->chunk_hash[i] = NULL;
    }
    LT_TRY(commit_file(head));
done:
    return st;
}

static lt_status commit_head(lt_writer *w, segment *s)
{
    lt_status st = LT_OK;
    segment *head = calloc(1, sizeof *head);
    if (!head) LT_FAIL(LT_E_MEMORY, "no memory for a segment");
    head->h5 = -1;
    head->tmp = (lt_tmp)LT_TMP_NONE;
    lt_layout_ids_init(&head->ids);
    st = copy_head(w, s, head);
    if (st < 0) {
        (void)close_file(head);              /* thrown away; its first failure is the one to tell */
        lt_tmp_drop(&head->tmp);
    }
    LT_TRY(st);
    LT_TRY(close_file(s));
    lt_tmp_drop(&s->tmp);
done:
    free_segment(head);
    return st;
}

static void finish(lt_writer *w, segment *s)
{
    if (s->failed >= 0) {
        lt_status st = s->n_kept < s->layout.n_frames ? commit_head(w, s) : commit_file(s);
        if (st < 0) lose(w, s, st);
    }
    if (s->failed < 0) {
        pthread_mutex_lock(&w->lock);
        if (w->first_failed >= 0) {
            w->first_failed = s->failed;
            w->first_error = s->error;
        }
        pthread_mutex_unlock(&w->lock);
    }
    if (w->opts.on_commit) w->opts.on_commit(w->opts.ctx, s->tag, s->failed, s->failed < 0 ? &s->error : NULL);
    free_segment(s);
}

static void handle(lt_writer *w, const message *m)
{
    lt_status st = LT_OK;
    if (m->kind == M_BEGIN) st = begin_file(m->seg);
    if (m->kind == M_FRAME && m->seg->failed >= 0) st = write_frame(w, m->seg, m->frame);
    if (st < 0) lose(w, m->seg, st);
    if (m->kind == M_CALL) {
        st = m->call->fn(m->call->ctx);
        pthread_mutex_lock(&w->lock);
        m->call->status = st;
        if (st < 0) m->call->error = *lt_error_last();
        m->call->done = true;
        pthread_cond_broadcast(&w->freed);
        pthread_mutex_unlock(&w->lock);
        return;
    }
    if (m->kind == M_COMMIT) finish(w, m->seg);
    if (m->kind == M_ABANDON) {
        (void)close_file(m->seg);
        lt_tmp_drop(&m->seg->tmp);
        free_segment(m->seg);
    }
}

static void *store_thread(void *arg)
{
    lt_writer *w = arg;
    message m = { .kind = M_ABANDON };
    while (m.kind != M_QUIT) {
        pthread_mutex_lock(&w->lock);
        while (w->count == 0) pthread_cond_wait(&w->arrived, &w->lock);
        m = w->queue[w->head];
        w->head = (w->head + 1) % w->n_queue;
        w->count--;
        w->busy = true;
        pthread_cond_broadcast(&w->freed);
        pthread_mutex_unlock(&w->lock);
        const double before = lt_seconds();
        handle(w, &m);
        pthread_mutex_lock(&w->lock);
        w->seconds += lt_seconds() - before;
        if (m.kind == M_FRAME) w->free_slots[w->n_free++] = m.frame;
        w->busy = false;
        pthread_cond_broadcast(&w->freed);
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

/* ---- the producer ---- */

static void send_message(lt_writer *w, message m)
{
    pthread_mutex_lock(&w->lock);
    while (w->count == w->n_queue) pthread_cond_wait(&w->freed, &w->lock);
    w->queue[(w->head + w->count) % w->n_queue] = m;
    w->count++;
    pthread_cond_signal(&w->arrived);
    pthread_mutex_unlock(&w->lock);
}

static void send(lt_writer *w, message_kind kind, segment *s, slot *frame)
{
    send_message(w, (message){ kind, s, frame, NULL });
}

lt_status lt_writer_call(lt_writer *w, lt_status (*fn)(void *ctx), void *ctx)
{
    call c = { .fn = fn, .ctx = ctx };
    send_message(w, (message){ .kind = M_CALL, .call = &c });
    pthread_mutex_lock(&w->lock);
    while (!c.done) pthread_cond_wait(&w->freed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    if (c.status < 0) lt_error_set(&c.error);
    return c.status;
}

/* What is known of the segment in hand. */
static lt_status so_far(lt_writer *w)
{
    lt_status st;
    pthread_mutex_lock(&w->lock);
    st = w->current->failed;
    if (st < 0) lt_error_set(&w->current->error);
    pthread_mutex_unlock(&w->lock);
    return st;
}

lt_status lt_writer_create(const lt_writer_opts *opts, lt_writer **out)
{
    lt_status st = LT_OK;
    lt_writer *w = calloc(1, sizeof *w);
    int level = opts->level < 1 ? 1 : opts->level > 12 ? 12 : opts->level;
    *out = NULL;
    if (!w) LT_FAIL(LT_E_MEMORY, "no memory for a writer");
    w->opts = *opts;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    pthread_cond_init(&w->freed, NULL);
    if (w->opts.n_threads < 1) w->opts.n_threads = 1;
    w->n_queue = n_buffers(opts) + CONTROLS;
    w->queue = calloc((size_t)w->n_queue, sizeof *w->queue);
    w->slots = calloc((size_t)n_buffers(opts), sizeof *w->slots);
    w->free_slots = calloc((size_t)n_buffers(opts), sizeof *w->free_slots);
    w->outputs = calloc((size_t)n_outputs(opts), sizeof *w->outputs);
    if (!w->queue || !w->slots || !w->free_slots || !w->outputs) LT_FAIL(LT_E_MEMORY, "no memory for a writer");
    for (; w->n_free < n_buffers(opts); w->n_free++) {
        w->free_slots[w->n_free] = &w->slots[w->n_free];
        if (!(w->slots[w->n_free].bytes = malloc(opts->max_frame_bytes + 1)))
            LT_FAIL(LT_E_MEMORY, "no memory for %d staged frames of %zu bytes", n_buffers(opts), opts->max_frame_bytes);
    }
    for (; w->n_outputs < n_outputs(opts); w->n_outputs++)
        if (!(w->outputs[w->n_outputs].bytes = malloc(lt_chunk_bound()))) LT_FAIL(LT_E_MEMORY, "no memory for a writer");
    LT_TRY(lt_codecs_create(w->opts.n_threads, level, &w->codecs));
    LT_TRY(lt_pool_create(w->opts.n_threads, &w->pool));
    if (pthread_create(&w->thread, NULL, store_thread, w)) LT_FAIL(LT_E_MEMORY, "cannot start the store thread");
    w->started = true;
    *out = w;
    w = NULL;
done:
    lt_writer_destroy(&w);
    return st;
}

static lt_status new_segment(const lt_job *job, const char *id, const lt_segment_desc *d, segment **out)
{
    lt_status st = LT_OK;
    segment *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a segment");
    s->h5 = -1;
    s->tmp = (lt_tmp)LT_TMP_NONE;
    lt_layout_ids_init(&s->ids);
    LT_TRY(lt_video_id_check(id));
    if (d->first < 0 || d->last < d->first) LT_FAIL(LT_E_INTERNAL, "a segment of frames %lld to %lld", (long long)d->first, (long long)d->last);
    s->frames = (lt_range){ d->first, d->last };
    s->tag = d->tag;
    for (int i = 0; i < LT_FIELDS_MAX; i++) s->range[i][0] = 1, s->range[i][1] = 0;
    s->settings = lt_job_settings_hash(job);
    s->raw = d->raw;
    if (d->raw) lt_job_raw_folder(job, id, s->folder);
    else lt_job_folder(job, id, s->folder);
    lt_segment_file(s->folder, s->frames, s->path);
    size_t n = (size_t)(d->last - d->first + 1);
    s->n_kept = (int64_t)n;
    LT_TRY(lt_layout_init(&s->layout, d->fields, d->n_fields, d->width, d->height, (int64_t)n));
    s->put = calloc(n, 1);
    bool enough = s->put != NULL;
    if (d->plan) enough = (s->plan = strdup(d->plan)) && enough;
    for (int i = 0; i < s->layout.n; i++) {
        s->frame_hash[i] = calloc(n, 2 * sizeof(uint64_t));
        s->chunk_hash[i] = calloc(n, (size_t)s->layout.plane[i].tiling.n * sizeof(uint64_t));
        enough = enough && s->frame_hash[i] && s->chunk_hash[i];
    }
    if (!enough) LT_FAIL(LT_E_MEMORY, "no memory for a segment of %zu frames", n);
    *out = s;
    s = NULL;
done:
    free_segment(s);
    return st;
}

lt_status lt_writer_begin(lt_writer *w, const lt_job *job, const char *id, const lt_segment_desc *desc)
{
    lt_status st = LT_OK;
    size_t bytes = 0;
    segment *s = NULL;
    lt_writer_abandon(w);
    LT_TRY(new_segment(job, id, desc, &s));
    for (int i = 0; i < s->layout.n; i++)
        bytes += s->layout.plane[i].n_values * lt_dtype_value_bytes(s->layout.plane[i].field.dtype);
    if (bytes > w->opts.max_frame_bytes)
        LT_FAIL(LT_E_INTERNAL, "a frame of %zu bytes is beyond the %zu the writer was planned for", bytes, w->opts.max_frame_bytes);
    w->current = s;
    send(w, M_BEGIN, s, NULL);
    s = NULL;
done:
    free_segment(s);
    return st;
}

static lt_status take_slot(lt_writer *w, int64_t frame, slot **out)
{
    lt_status st = LT_OK;
    segment *s = w->current;
    if (!s) LT_FAIL(LT_E_INTERNAL, "a frame was put outside a segment");
    LT_TRY(so_far(w));
    if (frame < s->frames.first || frame > s->frames.last || s->put[frame - s->frames.first])
        LT_FAIL(LT_E_INTERNAL, "frame %lld was put twice or outside its segment", (long long)frame);
    pthread_mutex_lock(&w->lock);
    while (w->n_free == 0) pthread_cond_wait(&w->freed, &w->lock);
    *out = w->free_slots[--w->n_free];
    pthread_mutex_unlock(&w->lock);
    (*out)->frame = frame - s->frames.first;
    s->put[(*out)->frame] = 1;
    s->n_put++;
done:
    return st;
}

lt_status lt_writer_put(lt_writer *w, int64_t frame, const void *const *data)
{
    lt_status st = LT_OK;
    slot *to = NULL;
    LT_TRY(take_slot(w, frame, &to));
    uint8_t *bytes = to->bytes;
    for (int i = 0; i < w->current->layout.n; i++) {
        const lt_plane *p = &w->current->layout.plane[i];
        size_t n = p->n_values * lt_dtype_value_bytes(p->field.dtype);
        to->present[i] = data && data[i];
        if (to->present[i]) memcpy(bytes, data[i], n);
        bytes += n;
    }
    send(w, M_FRAME, w->current, to);
done:
    return st;
}

lt_status lt_writer_put_fill(lt_writer *w, int64_t frame, const char *reason)
{
    lt_status st = LT_OK;
    LT_TRY(lt_writer_put(w, frame, NULL));
    if (reason) LT_TRY(lt_tables_add_unreadable(&w->current->tables, frame, reason));
done:
    return st;
}

/* Hands over the first n_kept frames of the segment in hand. */
static lt_status hand_over(lt_writer *w, int64_t n_kept, const lt_segment_row *row)
{
    lt_status st = LT_OK;
    segment *s = w->current;
    int64_t n = 0;
    LT_TRY(so_far(w));
    while (n < s->layout.n_frames && s->put[n]) n++;
    if (n_kept < 1 || n != n_kept || s->n_put != n_kept)
        LT_FAIL(LT_E_INTERNAL, "%s: %lld of %lld frames were put", s->path, (long long)s->n_put, (long long)n_kept);
    s->n_kept = n_kept;
    s->row = *row;
    if (s->tables.n_unreadable > 0 || row->state != LT_SEGMENT_DONE) s->row.state = LT_SEGMENT_FAILED;
    w->current = NULL;
    send(w, M_COMMIT, s, NULL);
done:
    return st;
}

lt_status lt_writer_parts(lt_writer *w, const lt_segment_part *parts, int n, const char *carry)
{
    lt_status st = LT_OK;
    segment *s = w->current;
    if (!s || s->parts || n < 1) LT_FAIL(LT_E_INTERNAL, "rows of a segment that is not in hand or has them");
    s->parts = calloc((size_t)n, sizeof *parts);
    if (carry) s->carry = strdup(carry);
    if (!s->parts || (carry && !s->carry)) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
    s->n_parts = n;
    for (int i = 0; i < n; i++) {
        const char *plan = parts[i].plan, *before = i ? s->parts[i - 1].plan : NULL;
        s->parts[i] = parts[i];
        s->parts[i].plan = plan && before && !strcmp(plan, before) ? before : plan ? strdup(plan) : NULL;
        if (plan && !s->parts[i].plan) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
    }
done:
    return st;
}

lt_status lt_writer_commit(lt_writer *w, const lt_segment_row *row)
{
    lt_status st = LT_OK;
    if (!w->current) LT_FAIL(LT_E_INTERNAL, "a commit without a segment");
    LT_TRY(hand_over(w, w->current->layout.n_frames, row));
done:
    return st;
}

lt_status lt_writer_commit_head(lt_writer *w, int64_t last, int64_t tag, const lt_segment_row *row)
{
    lt_status st = LT_OK;
    if (!w->current) LT_FAIL(LT_E_INTERNAL, "a commit without a segment");
    w->current->tag = tag;
    LT_TRY(hand_over(w, last - w->current->frames.first + 1, row));
done:
    return st;
}

void lt_writer_look(lt_writer *w, lt_writer_load *out)
{
    pthread_mutex_lock(&w->lock);
    *out = (lt_writer_load){ n_buffers(&w->opts), n_buffers(&w->opts) - w->n_free, w->seconds };
    pthread_mutex_unlock(&w->lock);
}

void lt_writer_abandon(lt_writer *w)
{
    segment *s = w->current;
    w->current = NULL;
    if (s) send(w, M_ABANDON, s, NULL);
}

lt_status lt_writer_flush(lt_writer *w)
{
    lt_status st;
    pthread_mutex_lock(&w->lock);
    while (w->count > 0 || w->busy) pthread_cond_wait(&w->freed, &w->lock);
    st = w->first_failed;
    if (st < 0) lt_error_set(&w->first_error);
    w->first_failed = LT_OK;
    pthread_mutex_unlock(&w->lock);
    return st;
}

void lt_writer_destroy(lt_writer **writer)
{
    lt_writer *w = *writer;
    if (!w) return;
    if (w->started) {
        lt_writer_abandon(w);
        send(w, M_QUIT, NULL, NULL);
        pthread_join(w->thread, NULL);
    }
    for (int i = 0; w->slots && i < n_buffers(&w->opts); i++) free(w->slots[i].bytes);
    for (int i = 0; w->outputs && i < n_outputs(&w->opts); i++) free(w->outputs[i].bytes);
    lt_codecs_destroy(&w->codecs);
    lt_pool_destroy(&w->pool);
    pthread_cond_destroy(&w->freed);
    pthread_cond_destroy(&w->arrived);
    pthread_mutex_destroy(&w->lock);
    free(w->outputs);
    free(w->free_slots);
    free(w->slots);
    free(w->queue);
    free(w);
    *writer = NULL;
}
