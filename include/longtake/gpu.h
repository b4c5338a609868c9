/* longtake/gpu.h -- the GPUs of this machine, and which of them a rank gets.
 *
 * in    the CUDA driver, where this build knows it
 * out   what each GPU is; the back-end and number for lt_device_open
 * owns  nothing: no context is made and no memory taken on any GPU
 *
 * A build with CUDA starts and answers on a machine without a driver. CUDA applies CUDA_VISIBLE_DEVICES before it counts, and lists the visible instances
 * of a divided GPU (MIG) as GPUs of their own. */
#ifndef LONGTAKE_GPU_H
#define LONGTAKE_GPU_H

#include <longtake/device.h>
#include <longtake/settings.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_GPU_USERS = 8 };

typedef struct {
    char    name[128];
    char    uuid[LT_DEVICE_UUID];    /* "GPU-..." or "MIG-...", as nvidia-smi -L prints it */
    int     major, minor;            /* compute capability: sm_<major><minor> */
    int     multiprocessors;
    int64_t memory;                  /* bytes in all */
    bool    mig;                     /* an instance of a divided GPU */
    int     code;                    /* of this build: 1 made for this GPU, 0 none, -1 at most PTX, which the driver translates when it is opened */
    int     exclusive;               /* its compute mode: 0 shared, 1 one process at a time, 2 none may compute */
    /* By NVML; -1 where it is absent or does not tell. */
    int64_t free, others;            /* bytes now; taken by other processes, by all where this one is not found among them */
    struct {
        int64_t pid, bytes;          /* as the host counts processes; bytes -1: not told */
    } users[LT_GPU_USERS];           /* [n_users] the first processes on it */
    int     n_users;
    int     ecc;                     /* 1: its memory corrects errors */
    int64_t ecc_uncorrected;         /* errors that could not be, since the driver started */
} lt_gpu;

/* Whether this build has CUDA at all (LT_CUDA of CMake). */
bool lt_gpu_built(void);

/* The first `max` GPUs in CUDA's order, CUDA_VISIBLE_DEVICES applied; *n of them. LT_E_DEVICE, with one sentence, where
 * the build has no CUDA, there is no driver, or it is too old. */
LT_NODISCARD lt_status lt_gpu_list(lt_gpu *out, int max, int *n);

/* What this build and this machine have; 0 and "" where there is none. Versions of CUDA as it counts them: 13000; of libraries as they do: 130100. */
typedef struct {
    int         driver;              /* the newest CUDA that the driver knows */
    int         runtime;
    struct {
        int built, found;            /* of the headers; of what is loaded */
    } cublaslt, cudnn;
    char        driver_text[32];     /* "580.65.06", or "" */
    const int  *architectures;       /* 750 for sm_75, ascending; borrowed for good */
    int         n_architectures;
} lt_gpu_system;
void lt_gpu_system_read(lt_gpu_system *out);

/* What a rank computes on: local rank r of local_size on a node with n visible GPUs gets GPU r mod n. Where the launcher shows each rank one GPU of its own,
 * n is 1 for each and that is right. Whether ranks share a GPU, facts.uuid of their devices tells (lt_device_get_facts), never the number.
 *
 * LT_DEVICE_CPU: the CPU. LT_DEVICE_CUDA: a GPU, or LT_E_DEVICE with one sentence. LT_DEVICE_AUTO: a GPU; the CPU only where there is none at all (the
 * build has no CUDA, there is no driver, or it finds no GPU), which `note` then says. A driver that is there but too old or broken is LT_E_DEVICE with
 * either, and a GPU that does not work shows when it is opened: nobody computes on the CPU for a day without having been told.
 *
 * note [size]: one sentence worth logging once a node, or "". */
LT_NODISCARD lt_status lt_gpu_pick(lt_device_choice choice, int local_rank, int local_size, lt_backend *backend, int *ordinal, char *note, size_t size);

#ifdef __cplusplus
}
#endif
#endif
