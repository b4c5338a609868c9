/* NVML by dlopen. Its header comes with the driver's development files, which are not needed to build: what is used of it is declared here, from the
 * NVML API Reference Guide (docs.nvidia.com/deploy/nvml-api), chapters "Device Queries" and "System Queries"; types and names keep their values. */
#include "nvml.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *nvml_device;                     /* nvmlDevice_t */
typedef struct {
    unsigned long long total, free, used;
} nvml_memory;                                 /* nvmlMemory_t */
typedef struct {
    unsigned           pid;
    unsigned long long used;                   /* all ones: not available */
    unsigned           gpu_instance, compute_instance;
} nvml_process;                                /* nvmlProcessInfo_t of ..._v3 */

enum { SUCCESS = 0, UNCORRECTED = 1, VOLATILE = 0, MOST_PROCESSES = 256 };

struct lt_nvml {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*driver)(char *text, unsigned n);
    int (*by_uuid)(const char *uuid, nvml_device *out);
    int (*memory)(nvml_device d, nvml_memory *out);
    int (*processes)(nvml_device d, unsigned *n, nvml_process *out);
    int (*drawing)(nvml_device d, unsigned *n, nvml_process *out);
    int (*is_mig)(nvml_device d, unsigned *out);
    int (*ecc_mode)(nvml_device d, unsigned *now, unsigned *pending);
    int (*ecc_errors)(nvml_device d, int type, int counter, unsigned long long *out);
};

/* POSIX wants dlsym()'s answer to be usable as a function; ISO C has no cast for it. */
static void find(const lt_nvml *n, const char *name, void *function)
{
    void *p = dlsym(n->library, name);
    memcpy(function, &p, sizeof p);
}

lt_nvml *lt_nvml_open(void)
{
    lt_nvml *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    n->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!n->library) {
        free(n);
        return NULL;
    }
    find(n, "nvmlInit_v2", &n->init);
    find(n, "nvmlShutdown", &n->shutdown);
    find(n, "nvmlSystemGetDriverVersion", &n->driver);
    find(n, "nvmlDeviceGetHandleByUUID", &n->by_uuid);
    find(n, "nvmlDeviceGetMemoryInfo", &n->memory);
    find(n, "nvmlDeviceGetComputeRunningProcesses_v3", &n->processes);
    find(n, "nvmlDeviceGetGraphicsRunningProcesses_v3", &n->drawing);
    find(n, "nvmlDeviceIsMigDeviceHandle", &n->is_mig);
    find(n, "nvmlDeviceGetEccMode", &n->ecc_mode);
    find(n, "nvmlDeviceGetTotalEccErrors", &n->ecc_errors);
    if (!n->init || !n->shutdown || n->init() != SUCCESS) {
        dlclose(n->library);
        free(n);
        return NULL;
    }
    return n;
}

void lt_nvml_close(lt_nvml **nvml)
{
    lt_nvml *n = *nvml;
    if (!n) return;
    (void)n->shutdown();
    dlclose(n->library);
    free(n);
    *nvml = NULL;
}

void lt_nvml_driver(lt_nvml *n, char *out, size_t size)
{
    *out = 0;
    if (!n || !n->driver || n->driver(out, (unsigned)size) != SUCCESS) *out = 0;
}

/* A process may both compute and draw. */
static void add_users(const nvml_process *list, unsigned count, lt_nvml_facts *out)
{
    for (unsigned i = 0; i < count && out->n_users < LT_NVML_USERS; i++) {
        bool known = false;
        for (int k = 0; k < out->n_users && !known; k++) known = out->users[k].pid == (int64_t)list[i].pid;
        if (known) continue;
        out->users[out->n_users].pid = (int64_t)list[i].pid;
        out->users[out->n_users++].bytes = list[i].used == ~0ull ? -1 : (int64_t)list[i].used;
    }
}

static void read_users(const lt_nvml *n, nvml_device d, lt_nvml_facts *out)
{
    int (*const kinds[])(nvml_device d, unsigned *n, nvml_process *out) = { n->processes, n->drawing };
    nvml_process list[MOST_PROCESSES];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        unsigned count = MOST_PROCESSES;
        if (kinds[k] && kinds[k](d, &count, list) == SUCCESS) add_users(list, count < MOST_PROCESSES ? count : MOST_PROCESSES, out);
    }
}

/* Sums over the processes on the GPU. Where this process is not among them, its number is another one outside of its container: then it is not
 * known which are the others either. */
static void read_processes(const lt_nvml *n, nvml_device d, lt_nvml_facts *out)
{
    nvml_process list[MOST_PROCESSES];
    unsigned count = MOST_PROCESSES;
    int64_t mine = -1, others = 0;
    if (!n->processes || n->processes(d, &count, list) != SUCCESS) return;
    for (unsigned i = 0; i < count && i < MOST_PROCESSES; i++) {
        if (list[i].used == ~0ull) return;
        if (list[i].pid == (unsigned)getpid()) mine = (mine < 0 ? 0 : mine) + (int64_t)list[i].used;
        else others += (int64_t)list[i].used;
    }
    out->process = mine;
    out->all = others + (mine < 0 ? 0 : mine);
    if (mine >= 0 || count == 0) out->others = others;
}

void lt_nvml_read(lt_nvml *n, const char *uuid, lt_nvml_facts *out)
{
    nvml_device d = NULL;
    nvml_memory m = { 0, 0, 0 };
    unsigned mig = 0, now = 0, pending = 0;
    unsigned long long errors = 0;
    *out = (lt_nvml_facts){ .total = -1, .free = -1, .process = -1, .all = -1, .others = -1, .ecc = -1, .ecc_uncorrected = -1 };
    if (!n || !n->by_uuid || n->by_uuid(uuid, &d) != SUCCESS) return;
    out->found = true;
    if (n->is_mig && n->is_mig(d, &mig) == SUCCESS) out->mig = mig != 0;
    if (n->memory && n->memory(d, &m) == SUCCESS) {
        out->total = (int64_t)m.total;
        out->free = (int64_t)m.free;
    }
    read_processes(n, d, out);
    read_users(n, d, out);
    if (n->ecc_mode && n->ecc_mode(d, &now, &pending) == SUCCESS) out->ecc = now != 0;
    if (n->ecc_errors && n->ecc_errors(d, UNCORRECTED, VOLATILE, &errors) == SUCCESS) out->ecc_uncorrected = (int64_t)errors;
}
