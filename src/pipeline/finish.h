/* pipeline/finish.h -- raw segments of a video become final ones.
 *
 * in    committed raw segments, the carry and the halo record of the piece before
 * out   committed segments; the carry and the halo record for the piece after
 * owns  a lt_finishing its buffers and open files; the writer, the pool and the box are borrowed
 *
 * One thread makes all calls on a lt_finishing. HDF5 is used on the writer's store thread. */
#ifndef LT_PIPELINE_FINISH_H
#define LT_PIPELINE_FINISH_H

#include "halo_box.h"

#include <longtake/log.h>
#include <longtake/store.h>
#include <longtake/task.h>

typedef struct {
    const lt_finish   *steps;
    const lt_job      *job;
    const char        *id;               /* of the video; copied */
    lt_finish_config   config;
    const lt_field    *fields;
    int                n_fields;
    lt_writer         *writer;
    lt_pool           *pool;
    lt_isa             isa;
    lt_log            *log;
    const atomic_int  *stop;
    lt_segment_row     row;              /* rank, device, bytes: what every row has */
} lt_finishing_opts;

typedef struct lt_finishing lt_finishing;

/* Bytes of a halo record of these videos at most. */
size_t lt_finishing_record_bytes(const lt_finish_config *c);

/* Host memory of a lt_finishing. */
size_t lt_finishing_bytes(const lt_finish *steps, const lt_finish_config *c);

LT_NODISCARD lt_status lt_finishing_create(const lt_finishing_opts *opts, lt_finishing **out);

/* One piece. */
typedef struct {
    lt_range        piece, before;       /* before: the piece that it follows; first > last: none */
    const lt_carry *carry;               /* of `before`; NULL or not known: read from its committed segment */
    const void     *record;              /* halo record of `before`, checked; NULL: its raw segment is read instead */
    void           *keep;                /* room for the record of this piece, of lt_finishing_record_bytes; NULL: not wanted */
    int64_t         tag;                 /* for the writer's on_commit */
    void           *ctx;
    /* The carry of this piece, as soon as it is known; n_bytes: of the record in `keep`. May be NULL. */
    void (*linked)(void *ctx, const lt_carry *carry, size_t n_bytes);
    /* Frame t has no value: one sentence. May be NULL. */
    void (*bad)(void *ctx, int64_t t, const char *why);
} lt_finish_order;

/* Makes the final segment of a piece and hands it to the writer. *state: an lt_segment_state, FAILED where a frame has no value, set before the segment is
 * handed over. On failure the segment is abandoned. LT_E_ABSENT: its
 * raw segments, or the carry before it, are not there. */
LT_NODISCARD lt_status lt_finishing_run(lt_finishing *f, const lt_finish_order *order, uint8_t *state);

/* Seconds that its calls waited for the writer so far: for room, and for what it reads. */
double lt_finishing_store_seconds(const lt_finishing *f);

/* Finishes, in order, those of the n pieces of the video whose segments are not there and whose raw segments are; stops at the first
 * that cannot be, which is no failure. */
LT_NODISCARD lt_status lt_finishing_rest(lt_finishing *f, const lt_range *pieces, int64_t n);

/* *f is NULL afterwards; NULL is accepted. */
void lt_finishing_destroy(lt_finishing **f);

/* The carry as text and back. */
LT_NODISCARD lt_status lt_carry_text(const lt_carry *c, char *text, size_t size);
LT_NODISCARD lt_status lt_carry_parse(const char *text, lt_carry *out);

#endif
