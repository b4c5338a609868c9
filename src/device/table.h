/* device/table.h -- what a back-end does for longtake/device.h. Private to src/device.
 *
 * Objects begin with their device; the rest is the back-end's own. Where longtake/device.h says what a call means, nothing is said here. */
#ifndef LONGTAKE_DEVICE_TABLE_H
#define LONGTAKE_DEVICE_TABLE_H

#include <longtake/device.h>

typedef struct {
    lt_status (*open)(lt_device *d, int ordinal);
    void      (*close)(lt_device *d);
    lt_status (*use)(lt_device *d);
    bool      (*lost)(const lt_device *d);
    lt_status (*memory)(const lt_device *d, lt_device_memory *out);
    lt_status (*stream_create)(lt_stream *s);
    void      (*stream_destroy)(lt_stream *s);
    lt_status (*stream_wait)(lt_stream *s, lt_event *e);
    lt_status (*stream_finish)(lt_stream *s);
    lt_status (*event_create)(lt_event *e, bool timed);
    void      (*event_destroy)(lt_event *e);
    lt_status (*event_record)(lt_event *e, lt_stream *s);
    lt_status (*event_past)(lt_event *e, bool *past);
    lt_status (*event_seconds)(lt_event *from, lt_event *to, double *seconds);
    lt_status (*pinned)(lt_device *d, size_t n_bytes, void **out);
    void      (*unpin)(lt_device *d, void *memory);
    lt_status (*allocate)(lt_device *d, size_t n_bytes, void **out);     /* the one block */
    void      (*release)(lt_device *d, void *memory);
    lt_status (*copy)(lt_stream *s, void *to, size_t to_stride, const void *from, size_t from_stride, size_t row_bytes, size_t n_rows);
    lt_status (*fill)(lt_stream *s, void *to, int byte, size_t n_bytes);
    lt_status (*recording_begin)(lt_stream *s);
    lt_status (*recording_end)(lt_stream *s, lt_recording *r);
    lt_status (*recording_run)(lt_recording *r, lt_stream *s);
    void      (*recording_destroy)(lt_recording *r);
} lt_device_table;

struct lt_device {
    const lt_device_table *table;
    lt_device_facts        facts;
    void                  *kept;
    void                 (*kept_close)(void *kept);
    void                  *own;          /* the back-end's */
};

struct lt_stream {
    lt_device  *device;
    const char *name;
    void       *own;                     /* cudaStream_t */
    bool        recording;
    lt_error    failure;                 /* the first one while recording; status 0: none */
};

struct lt_event {
    lt_device *device;
    void      *own;                      /* cudaEvent_t */
    bool       recorded;
    double     seconds;                  /* CPU: when it was recorded */
};

struct lt_recording {
    lt_device *device;
    void      *own;                      /* cudaGraphExec_t */
};

extern const lt_device_table lt_device_cpu;
#ifdef LT_HAVE_CUDA
extern const lt_device_table lt_device_cuda;
#endif

/* One block of device memory and its end, for the arena; on the CPU the arena maps its own. */
LT_NODISCARD lt_status lt_device_allocate(lt_device *d, size_t n_bytes, void **out);
void lt_device_release(lt_device *d, void *memory);

#endif
