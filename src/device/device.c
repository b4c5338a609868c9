#include "table.h"

#include <longtake/clock.h>

#include <stdlib.h>
#include <time.h>

static const lt_device_table *table_of(lt_backend backend)
{
    if (backend == LT_BACKEND_CPU) return &lt_device_cpu;
#ifdef LT_HAVE_CUDA
    return &lt_device_cuda;
#else
    return NULL;
#endif
}

lt_status lt_device_open(lt_backend backend, int ordinal, lt_device **out)
{
    lt_status st = LT_OK;
    lt_device *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d) LT_FAIL(LT_E_MEMORY, "no memory for a device");
    if (!(d->table = table_of(backend))) LT_FAIL(LT_E_DEVICE, "this build has no CUDA: configure with -DLT_CUDA=ON, or use --device cpu");
    d->facts.backend = backend;
    LT_TRY(d->table->open(d, ordinal));
    *out = d;
    d = NULL;
done:
    free(d);
    return st;
}

void lt_device_close(lt_device **device)
{
    lt_device *d = *device;
    if (!d) return;
    if (d->kept) d->kept_close(d->kept);
    d->table->close(d);
    free(d);
    *device = NULL;
}

const lt_device_facts *lt_device_get_facts(const lt_device *d)
{
    return &d->facts;
}

lt_status lt_device_use(lt_device *d)
{
    return d->table->use(d);
}

bool lt_device_lost(const lt_device *d)
{
    return d->table->lost(d);
}

lt_status lt_device_memory_read(const lt_device *d, lt_device_memory *out)
{
    *out = (lt_device_memory){ -1, -1, -1, -1 };
    return d->table->memory(d, out);
}

void lt_device_keep(lt_device *d, void *kept, void (*close)(void *kept))
{
    d->kept = kept;
    d->kept_close = close;
}

void *lt_device_kept(const lt_device *d)
{
    return d->kept;
}

/* ---- order ---- */

lt_status lt_stream_create(lt_device *d, const char *name, lt_stream **out)
{
    lt_status st = LT_OK;
    lt_stream *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a stream");
    s->device = d;
    s->name = name;
    LT_TRY(d->table->stream_create(s));
    *out = s;
    s = NULL;
done:
    free(s);
    return st;
}

void lt_stream_destroy(lt_stream **s)
{
    if (!*s) return;
    (*s)->device->table->stream_destroy(*s);
    free(*s);
    *s = NULL;
}

void *lt_stream_handle(const lt_stream *s)
{
    return s->own;
}

lt_status lt_event_create(lt_device *d, bool timed, lt_event **out)
{
    lt_status st = LT_OK;
    lt_event *e = calloc(1, sizeof *e);
    *out = NULL;
    if (!e) LT_FAIL(LT_E_MEMORY, "no memory for an event");
    e->device = d;
    LT_TRY(d->table->event_create(e, timed));
    *out = e;
    e = NULL;
done:
    free(e);
    return st;
}

void lt_event_destroy(lt_event **e)
{
    if (!*e) return;
    (*e)->device->table->event_destroy(*e);
    free(*e);
    *e = NULL;
}

lt_status lt_event_record(lt_event *e, lt_stream *s)
{
    e->recorded = true;
    return e->device->table->event_record(e, s);
}

lt_status lt_stream_wait(lt_stream *s, lt_event *e)
{
    return e->recorded ? s->device->table->stream_wait(s, e) : LT_OK;
}

lt_status lt_event_past(lt_event *e, bool *past)
{
    *past = true;
    return e->recorded ? e->device->table->event_past(e, past) : LT_OK;
}

lt_status lt_event_wait(lt_event *e, double timeout_s, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    const double before = lt_seconds();
    /* Short naps at first, for what takes a millisecond; longer ones later, for what takes a second. */
    const struct timespec least = { 0, 20000 }, most = { 0, 500000 };
    bool past = false;
    for (int i = 0; !past; i++) {
        LT_TRY(lt_event_past(e, &past));
        if (past) break;
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        if (timeout_s > 0 && lt_seconds() - before > timeout_s) LT_FAIL(LT_E_TIMEOUT, "%s did not answer for %.0f s", e->device->facts.name, timeout_s);
        nanosleep(i < 50 ? &least : &most, NULL);
    }
done:
    return st;
}

lt_status lt_event_seconds(lt_event *from, lt_event *to, double *seconds)
{
    return from->device->table->event_seconds(from, to, seconds);
}

lt_status lt_stream_finish(lt_stream *s)
{
    return s->device->table->stream_finish(s);
}

void lt_stream_settle(lt_stream *s)
{
    const lt_error kept = *lt_error_last();
    if (s && lt_stream_finish(s) < 0) lt_error_set(&kept);
}

/* ---- memory ---- */

lt_status lt_pinned_create(lt_device *d, size_t n_bytes, void **out)
{
    *out = NULL;
    return d->table->pinned(d, n_bytes, out);
}

void lt_pinned_destroy(lt_device *d, void **memory)
{
    if (*memory) d->table->unpin(d, *memory);
    *memory = NULL;
}

lt_status lt_device_allocate(lt_device *d, size_t n_bytes, void **out)
{
    *out = NULL;
    return d->table->allocate(d, n_bytes, out);
}

void lt_device_release(lt_device *d, void *memory)
{
    if (memory) d->table->release(d, memory);
}

lt_status lt_copy_to_device(lt_stream *s, void *device, const void *host, size_t n_bytes)
{
    return s->device->table->copy(s, device, n_bytes, host, n_bytes, n_bytes, 1);
}

lt_status lt_copy_to_host(lt_stream *s, void *host, const void *device, size_t n_bytes)
{
    return s->device->table->copy(s, host, n_bytes, device, n_bytes, n_bytes, 1);
}

lt_status lt_copy_rows_to_device(lt_stream *s, void *device, size_t device_stride, const void *host, size_t host_stride, size_t row_bytes, size_t n_rows)
{
    return s->device->table->copy(s, device, device_stride, host, host_stride, row_bytes, n_rows);
}

lt_status lt_copy_on_device(lt_stream *s, void *to, const void *from, size_t n_bytes)
{
    return s->device->table->copy(s, to, n_bytes, from, n_bytes, n_bytes, 1);
}

lt_status lt_fill_on_device(lt_stream *s, void *to, int byte, size_t n_bytes)
{
    return s->device->table->fill(s, to, byte, n_bytes);
}

/* ---- recordings ---- */

lt_status lt_recording_begin(lt_stream *s)
{
    return s->device->table->recording_begin(s);
}

lt_status lt_recording_end(lt_stream *s, lt_recording **out)
{
    lt_status st = LT_OK;
    lt_recording *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory for a recording");
    r->device = s->device;
    LT_TRY(s->device->table->recording_end(s, r));
    *out = r;
    r = NULL;
done:
    free(r);
    return st;
}

lt_status lt_recording_finish(lt_stream *s, lt_status st, lt_recording **out)
{
    const lt_error first = *lt_error_last();
    const lt_status ended = lt_recording_end(s, out);
    if (st >= 0) return ended;
    lt_recording_destroy(out);
    lt_error_set(&first);
    return st;
}

lt_status lt_recording_run(lt_recording *r, lt_stream *s)
{
    return r->device->table->recording_run(r, s);
}

void lt_recording_destroy(lt_recording **r)
{
    if (!*r) return;
    (*r)->device->table->recording_destroy(*r);
    free(*r);
    *r = NULL;
}
