/* longtake/device.h -- where a rank computes: its share of the CPU, or one GPU.
 *
 * in    a back-end and a number
 * out   streams, events, copies and recordings behind one small table; facts and memory figures
 * owns  a device what was made with it: streams, events, recordings and pinned memory are destroyed before it
 *
 * On the CPU everything is done at once: a copy is memcpy, an event is past, a recording cannot be made. On CUDA calls return before the work is
 * done, in the order of their stream, and an error of the device shows at a later call on it.
 *
 * Errors of CUDA calls are LT_E_DEVICE with one sentence that says what to do; after one that is lost for good (lt_device_lost) every call fails so
 * and the process must end: what is committed is the recovery.
 *
 * Thread: a device may be used by several threads, each after its own lt_device_use(); a stream by one at a time. */
#ifndef LONGTAKE_DEVICE_H
#define LONGTAKE_DEVICE_H

#include <longtake/atomic.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_BACKEND_CPU, LT_BACKEND_CUDA } lt_backend;

typedef struct lt_device lt_device;
typedef struct lt_stream lt_stream;
typedef struct lt_event lt_event;
typedef struct lt_recording lt_recording;

enum { LT_DEVICE_UUID = 64 };

typedef struct {
    lt_backend backend;
    int        ordinal;              /* CUDA's, in this process; 0 on the CPU */
    char       name[128];
    char       uuid[LT_DEVICE_UUID]; /* "GPU-..." or "MIG-...": equal for ranks that share it; "" on the CPU */
    int        major, minor;         /* compute capability */
    int        multiprocessors;
    int64_t    memory;               /* bytes in all; 0 on the CPU (longtake/budget.h) */
    int        driver, runtime;      /* versions as CUDA counts them: 13000 */
} lt_device_facts;

/* Makes the context of GPU `ordinal` (LT_BACKEND_CUDA) and binds the calling thread to it. LT_E_DEVICE, one sentence each, where the build has no CUDA,
 * there is no driver, it is too old for this build, no such GPU, none of this program's code runs on it, others hold it exclusively, or it reports
 * errors of its memory. */
LT_NODISCARD lt_status lt_device_open(lt_backend backend, int ordinal, lt_device **out);

/* *d is NULL afterwards; NULL is accepted. A GPU's context stays until the process ends: other parts of it may share it. */
void lt_device_close(lt_device **d);

/* Borrowed. */
const lt_device_facts *lt_device_get_facts(const lt_device *d);

/* Binds the calling thread. */
LT_NODISCARD lt_status lt_device_use(lt_device *d);

/* Whether the device is gone for this process (an error after which CUDA answers nothing else). */
bool lt_device_lost(const lt_device *d);

/* Memory of a GPU now, by its driver. On the CPU all -1. */
typedef struct {
    int64_t total, free;             /* bytes */
    int64_t process;                 /* taken by this process in all, -1: the driver does not say */
    int64_t others;                  /* by other processes, -1: not known */
} lt_device_memory;
LT_NODISCARD lt_status lt_device_memory_read(const lt_device *d, lt_device_memory *out);

/* One thing that the floor above keeps with a device (handles of libraries); closed before the device is. */
void  lt_device_keep(lt_device *d, void *kept, void (*close)(void *kept));
void *lt_device_kept(const lt_device *d);

/* ---- order ---- */

/* A line of work. `name` is borrowed and must outlive it (traces show it). */
LT_NODISCARD lt_status lt_stream_create(lt_device *d, const char *name, lt_stream **out);
void lt_stream_destroy(lt_stream **s);

/* cudaStream_t; NULL on the CPU. */
void *lt_stream_handle(const lt_stream *s);

/* `timed`: lt_event_seconds may be asked. */
LT_NODISCARD lt_status lt_event_create(lt_device *d, bool timed, lt_event **out);
void lt_event_destroy(lt_event **e);

/* The event is past when the stream has come so far. Waiting for one that was never recorded waits for nothing. */
LT_NODISCARD lt_status lt_event_record(lt_event *e, lt_stream *s);

/* What is put on the stream from now on begins after the event. */
LT_NODISCARD lt_status lt_stream_wait(lt_stream *s, lt_event *e);

/* Whether the event is past, without waiting. */
LT_NODISCARD lt_status lt_event_past(lt_event *e, bool *past);

/* Waits for it, sleeping in between, so that the cores are others'. After timeout_s seconds (0: never) LT_E_TIMEOUT, soon after *stop is not 0
 * LT_E_STOPPED; stop may be NULL. */
LT_NODISCARD lt_status lt_event_wait(lt_event *e, double timeout_s, const lt_atomic_int *stop);

/* Seconds from one past timed event to another of the same device. */
LT_NODISCARD lt_status lt_event_seconds(lt_event *from, lt_event *to, double *seconds);

/* Waits for all that is on the stream. */
LT_NODISCARD lt_status lt_stream_finish(lt_stream *s);

/* ---- memory ---- */

/* Host memory that copies run beside work from; ordinary aligned memory on the CPU. Made while planning only. */
LT_NODISCARD lt_status lt_pinned_create(lt_device *d, size_t n_bytes, void **out);
void lt_pinned_destroy(lt_device *d, void **memory);

/* Copies on a stream; host memory is pinned, or the call waits for what was put on the stream before. It stays in place until the copy is done. */
LT_NODISCARD lt_status lt_copy_to_device(lt_stream *s, void *device, const void *host, size_t n_bytes);
LT_NODISCARD lt_status lt_copy_to_host(lt_stream *s, void *host, const void *device, size_t n_bytes);

/* n_rows of row_bytes, rows so many bytes apart on either side. */
LT_NODISCARD lt_status lt_copy_rows_to_device(lt_stream *s, void *device, size_t device_stride, const void *host, size_t host_stride, size_t row_bytes,
                                              size_t n_rows);

/* Within the device. */
LT_NODISCARD lt_status lt_copy_on_device(lt_stream *s, void *to, const void *from, size_t n_bytes);
LT_NODISCARD lt_status lt_fill_on_device(lt_stream *s, void *to, int byte, size_t n_bytes);

/* ---- recordings: CUDA graphs ---- */

/* What is put on the stream between the two calls is recorded and not run. On the CPU LT_E_DEVICE. After a failure in between,
 * lt_recording_end() ends the recording, gives none and returns the failure. */
LT_NODISCARD lt_status lt_recording_begin(lt_stream *s);
LT_NODISCARD lt_status lt_recording_end(lt_stream *s, lt_recording **out);

/* Puts all of it on the stream at once. Addresses are those of the recording; what lies there is read anew. */
LT_NODISCARD lt_status lt_recording_run(lt_recording *r, lt_stream *s);
void lt_recording_destroy(lt_recording **r);

#ifdef __cplusplus
}
#endif
#endif
