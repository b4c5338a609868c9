/* The CPU as a device: everything is done at once. */
#include "table.h"

#include <longtake/arena.h>
#include <longtake/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lt_status open_cpu(lt_device *d, int ordinal)
{
    (void)ordinal;
    snprintf(d->facts.name, sizeof d->facts.name, "cpu");
    return LT_OK;
}

static void close_cpu(lt_device *d)
{
    (void)d;
}

static lt_status use(lt_device *d)
{
    (void)d;
    return LT_OK;
}

static bool lost(const lt_device *d)
{
    (void)d;
    return false;
}

static lt_status memory(const lt_device *d, lt_device_memory *out)
{
    (void)d;
    (void)out;
    return LT_OK;
}

static lt_status stream_create(lt_stream *s)
{
    (void)s;
    return LT_OK;
}

static void stream_destroy(lt_stream *s)
{
    (void)s;
}

static lt_status stream_wait(lt_stream *s, lt_event *e)
{
    (void)s;
    (void)e;
    return LT_OK;
}

static lt_status stream_finish(lt_stream *s)
{
    (void)s;
    return LT_OK;
}

static lt_status event_create(lt_event *e, bool timed)
{
    (void)e;
    (void)timed;
    return LT_OK;
}

static void event_destroy(lt_event *e)
{
    (void)e;
}

static lt_status event_record(lt_event *e, lt_stream *s)
{
    (void)s;
    e->seconds = lt_seconds();
    return LT_OK;
}

static lt_status event_past(lt_event *e, bool *past)
{
    (void)e;
    *past = true;
    return LT_OK;
}

static lt_status event_seconds(lt_event *from, lt_event *to, double *seconds)
{
    *seconds = to->seconds - from->seconds;
    return LT_OK;
}

static lt_status allocate(lt_device *d, size_t n_bytes, void **out)
{
    lt_status st = LT_OK;
    (void)d;
    *out = aligned_alloc(LT_ARENA_ALIGN, lt_arena_padded(n_bytes) + LT_ARENA_ALIGN);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for a buffer of %zu bytes", n_bytes);
done:
    return st;
}

static void release(lt_device *d, void *p)
{
    (void)d;
    free(p);
}

static lt_status copy(lt_stream *s, void *to, size_t to_stride, const void *from, size_t from_stride, size_t row_bytes, size_t n_rows)
{
    (void)s;
    for (size_t i = 0; i < n_rows; i++) memcpy((char *)to + i * to_stride, (const char *)from + i * from_stride, row_bytes);
    return LT_OK;
}

static lt_status fill(lt_stream *s, void *to, int byte, size_t n_bytes)
{
    (void)s;
    memset(to, byte, n_bytes);
    return LT_OK;
}

static lt_status recording_begin(lt_stream *s)
{
    lt_status st = LT_OK;
    (void)s;
    LT_FAIL(LT_E_DEVICE, "on a CPU nothing is recorded");
done:
    return st;
}

static lt_status recording_end(lt_stream *s, lt_recording *r)
{
    (void)r;
    return recording_begin(s);
}

static lt_status recording_run(lt_recording *r, lt_stream *s)
{
    (void)r;
    return recording_begin(s);
}

static void recording_destroy(lt_recording *r)
{
    (void)r;
}

const lt_device_table lt_device_cpu = { open_cpu, close_cpu, use, lost, memory, stream_create, stream_destroy, stream_wait, stream_finish, event_create,
                                        event_destroy, event_record, event_past, event_seconds, allocate, release, allocate, release, copy, fill,
                                        recording_begin, recording_end, recording_run, recording_destroy };
