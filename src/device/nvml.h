/* device/nvml.h -- what the driver's management library tells. Private to src/device.
 *
 * in    libnvidia-ml.so.1, where it is there
 * out   figures, or -1 and ""
 * owns  the library, from open to close
 *
 * Any thread. Nothing here makes a context or changes a GPU. */
#ifndef LONGTAKE_DEVICE_NVML_H
#define LONGTAKE_DEVICE_NVML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lt_nvml lt_nvml;

/* NULL where there is no such library or it finds no driver; all calls take that. */
lt_nvml *lt_nvml_open(void);
void lt_nvml_close(lt_nvml **n);

/* "580.65.06", or "". */
void lt_nvml_driver(lt_nvml *n, char *out, size_t size);

enum { LT_NVML_USERS = 8 };

typedef struct {
    bool    found;                   /* the library knows the GPU; else all below is false and -1 */
    bool    mig;                     /* it is an instance of a divided GPU */
    int64_t total, free;             /* bytes, without a context; -1: not told */
    int64_t process;                 /* bytes that this process takes on it; -1: not told (in a container process numbers differ) */
    int64_t all;                     /* bytes that all processes take; -1: not told */
    int64_t others;                  /* bytes that other processes take; -1: not told, or this one is not to be found */
    struct {
        int64_t pid, bytes;          /* bytes -1: not told */
    } users[LT_NVML_USERS];          /* [n_users] the first processes that compute or draw on it; numbers are the host's */
    int     n_users;
    int     ecc;                     /* 1: its memory corrects errors, 0: it does not, -1: not told */
    int64_t ecc_uncorrected;         /* errors since the driver started; -1: not told */
} lt_nvml_facts;

/* The GPU or instance of this identity: "GPU-..." or "MIG-...", as CUDA and nvidia-smi print it. */
void lt_nvml_read(lt_nvml *n, const char *uuid, lt_nvml_facts *out);

#endif
