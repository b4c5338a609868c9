/* libnvidia-ml.so.1 for the fake: what the product asks of NVML, told by the program's own fake runtime (cuda_fake.h). Names and layouts are those of the
 * NVML API Reference Guide. */
#include "cuda_fake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9 };

typedef struct {
    unsigned long long total, free, used;
} memory;
typedef struct {
    unsigned           pid;
    unsigned long long used;
    unsigned           gpu_instance, compute_instance;
} process;

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlSystemGetDriverVersion(char *out, unsigned n);
int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **out);
int nvmlDeviceGetHandleByUUID(const char *uuid, void **out);
int nvmlDeviceGetUUID(void *device, char *out, unsigned n);
int nvmlDeviceGetName(void *device, char *out, unsigned n);
int nvmlDeviceGetMemoryInfo(void *device, memory *out);
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *n, process *out);
int nvmlDeviceIsMigDeviceHandle(void *device, unsigned *out);
int nvmlDeviceGetEccMode(void *device, unsigned *now, unsigned *pending);
int nvmlDeviceGetTotalEccErrors(void *device, int type, int counter, unsigned long long *out);

/* A handle is the address of its number. */
static int numbers[64];

static int number(void *device)
{
    return *(int *)device;
}

int nvmlInit_v2(void)
{
    for (int i = 0; i < 64; i++) numbers[i] = i;
    return lt_fake_nvml_driver() ? SUCCESS : DRIVER_NOT_LOADED;
}

int nvmlShutdown(void)
{
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *out, unsigned n)
{
    return (unsigned)snprintf(out, n, "%d.00.fake", 580 + (lt_fake_nvml_driver() - 13000) / 10) < n ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = (unsigned)lt_fake_nvml_devices();
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **out)
{
    if ((int)i >= lt_fake_nvml_devices() || i >= 64) return INVALID_ARGUMENT;
    *out = &numbers[i];
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **out)
{
    for (unsigned i = 0; nvmlDeviceGetHandleByIndex_v2(i, out) == SUCCESS; i++) {
        char name[64];
        lt_fake_nvml_uuid((int)i, name);
        if (!strcmp(name, uuid)) return SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetUUID(void *device, char *out, unsigned n)
{
    char name[64];
    lt_fake_nvml_uuid(number(device), name);
    return (unsigned)snprintf(out, n, "%s", name) < n ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetName(void *device, char *out, unsigned n)
{
    char name[64];
    lt_fake_nvml_name(number(device), name);
    return (unsigned)snprintf(out, n, "%s", name) < n ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetMemoryInfo(void *device, memory *out)
{
    size_t mine, others;
    out->total = lt_fake_nvml_memory(number(device), &mine, &others);
    out->used = mine + others;
    out->free = out->total - out->used;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *n, process *out)
{
    size_t mine, others;
    process all[2];
    unsigned count = 0;
    (void)lt_fake_nvml_memory(number(device), &mine, &others);
    if (mine) all[count++] = (process){ (unsigned)getpid(), mine, ~0u, ~0u };
    if (others) all[count++] = (process){ 1, others, ~0u, ~0u };
    const unsigned room = *n;
    *n = count;
    if (count > room) return INSUFFICIENT_SIZE;
    memcpy(out, all, count * sizeof *all);
    return SUCCESS;
}

int nvmlDeviceIsMigDeviceHandle(void *device, unsigned *out)
{
    (void)device;
    *out = 0;
    return SUCCESS;
}

int nvmlDeviceGetEccMode(void *device, unsigned *now, unsigned *pending)
{
    (void)device;
    *now = *pending = 1;
    return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(void *device, int type, int counter, unsigned long long *out)
{
    (void)device;
    (void)counter;
    *out = type == 1 ? lt_fake_nvml_ecc_errors() : 0;
    return SUCCESS;
}
