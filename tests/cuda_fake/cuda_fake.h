/* cuda_fake.h -- a CUDA runtime for machines without a GPU: the product's own calls run against it, in tests (LT_CUDA=FAKE).
 *
 * in    the calls of cuda_runtime_api.h that the product makes; launches of tests/cuda_shim; the environment variable LT_FAKE_CUDA
 * out   what a GPU would have computed, late and in an order that CUDA allows; reports of what would be undefined; counters
 * owns  memory, streams, events and graphs of its devices, for the process
 *
 * Streams are queues. Nothing on them runs before something waits for it (or asks: cudaEventQuery runs a little), and then streams advance in an order
 * that a seed picks, held back by stream order and events alone: where an event is missing, values are wrong. Pinned memory is read and written when the
 * copy runs. Device memory is host memory that is out of reach (PROT_NONE) while no operation runs, filled with 0xA5 by cudaMalloc, and followed by a page
 * that stays out of reach: whoever touches it elsewhere dies of SIGSEGV, with a sentence on stderr. Reported on stderr, and the process ends with
 * LT_FAKE_EXIT: writes between an allocation's end and its page's, double frees, handles that are destroyed or of no such thing, copies that leave their
 * allocation, memory freed while work that may use it waits, host functions that call CUDA, what the shim finds in a kernel.
 *
 * Refused, though CUDA has it: captures of more than one stream, pageable memory in a capture, managed memory, memory pools, peer access.
 *
 * LT_FAKE_CUDA is a list of words with commas between them. Sizes end in KiB, MiB or GiB.
 *   gpus=N            devices (1). CUDA_VISIBLE_DEVICES picks among them: numbers and UUIDs
 *   sm=90  sms=4  memory=8GiB  name=Fake
 *   context=256MiB    what a context takes of memory            others=0     what other processes take
 *   driver=13000      below 13000 every call fails with cudaErrorInsufficientDriver; nodriver the same, and the driver has version 0
 *   nodevice          cudaErrorNoDevice
 *   uuid=same         every device has the same UUID (ranks share a GPU); else they differ by number
 *   seed=1            of the order; blocks and warps of a launch take theirs from it too. eager: everything runs when it is put on a stream
 *   idle=100          milliseconds without a call after which waiting work runs by itself, as it does on a GPU; 0: never
 *   fail=F:N[:ERROR]  the N-th call of function F fails, with cudaErrorUnknown or ERROR. `launch` stands for launches of kernels. May come often
 *   sticky=N          the N-th kernel that runs loses the device: from then on every call returns cudaErrorIllegalAddress
 *   busy  ecc         making a context fails: cudaErrorDevicesUnavailable, cudaErrorECCUncorrectable
 *   noimage           launches fail with cudaErrorNoKernelImageForDevice, as they do below sm=75
 *
 * Thread: all calls from any thread. */
#ifndef LT_TESTS_CUDA_FAKE_H
#define LT_TESTS_CUDA_FAKE_H

#include <cuda_runtime_api.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_FAKE_EXIT = 99 };

/* Since the start or lt_fake_forget; the bytes are those of now. */
typedef struct {
    uint64_t mallocs, frees, pinned_mallocs;         /* that succeeded */
    uint64_t launches, copies, fills, host_functions;     /* put on a stream or into a capture */
    uint64_t ran;                                    /* operations of all kinds */
    uint64_t captures, graph_launches;
    uint64_t stream_waits, device_waits;             /* calls that wait for a whole stream; for a whole device */
    size_t   bytes, peak_bytes, pinned_bytes;        /* as asked for */
    int      streams, events, graphs;                /* that are not destroyed */
} lt_fake_counters;
void lt_fake_count(lt_fake_counters *out);

/* Reports since the last lt_fake_forget, in words; 64 are kept. Those that are forgotten do not end the process. Counters begin anew. */
int         lt_fake_reports(void);
const char *lt_fake_report(int i);
void        lt_fake_forget(void);

/* As if the process began anew with LT_FAKE_CUDA=text: devices, memory, streams, events and graphs of before are gone, errors too. NULL: the
 * environment's. No other thread is in a call. */
void lt_fake_restart(const char *text);

/* Operations that were put on streams and have not run. */
int lt_fake_waiting(void);

/* Between the two calls of one thread the host may read and write device memory. May be nested. */
void lt_fake_open(void);
void lt_fake_close(void);

/* ---- for fakes of libraries that put work on streams ---- */

/* Puts run(args) on a stream, with a copy of the n_bytes at args (aligned for any type); in a capture, into the graph, and each replay has a fresh copy.
 * `run` may touch device memory. It returns 1 when it is done, 0 to be called again later (it waits for another process), -1 when it failed, which loses
 * the device. `name` is for reports and is copied. */
cudaError_t lt_fake_enqueue(void *stream, const char *name, int (*run)(void *args), const void *args, size_t n_bytes);

/* Counts a call of a library's function: NULL, or the ERROR of LT_FAKE_CUDA with which it shall fail ("" where none is named). */
const char *lt_fake_fault(const char *function);

/* For a library that finds a call wrong. */
void lt_fake_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether n_bytes from p on lie in one allocation of device memory. */
int lt_fake_is_device(const void *p, size_t n_bytes);

/* Whether the stream is being captured. */
int lt_fake_capturing(void *stream);

/* What libnvidia-ml.so.1 of build/fakegpu/tests/nvml says; -1 and 0 where there is no such device. */
int    lt_fake_nvml_devices(void);                   /* by number of the machine, whatever CUDA_VISIBLE_DEVICES says */
int    lt_fake_nvml_driver(void);                    /* 13000 */
void   lt_fake_nvml_uuid(int device, char out[64]);
void   lt_fake_nvml_name(int device, char out[64]);
unsigned long long lt_fake_nvml_ecc_errors(void);    /* that were not corrected: 1 with ecc */
size_t lt_fake_nvml_memory(int device, size_t *process, size_t *others);     /* in all; taken by this process; by others */

#ifdef __cplusplus
}
#endif
#endif
