#include <longtake/fault.h>

#ifdef LT_FAULTS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 16, NAME = 16 };

/* What shall fail and what has been called. Only builds made for tests have this state. */
static struct {
    pthread_mutex_t lock;
    int             loaded, n;
    struct {
        char name[NAME];
        long at, calls;             /* at 0: only counted */
    } kind[KINDS];
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

static long my_rank(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = getenv("PMIX_RANK");
    return rank ? strtol(rank, NULL, 10) : 0;
}

static int find(const char *kind)
{
    for (int i = 0; i < faults.n; i++)
        if (strcmp(faults.kind[i].name, kind) == 0) return i;
    if (faults.n == KINDS) return -1;
    snprintf(faults.kind[faults.n].name, NAME, "%s", kind);
    faults.kind[faults.n].at = faults.kind[faults.n].calls = 0;
    return faults.n++;
}

static void load(const char *spec)
{
    faults.n = 0;
    faults.loaded = 1;
    while (spec && *spec) {
        char name[NAME];
        long at, rank = -1;
        int used = 0;
        size_t item = strcspn(spec, ",");
        if (sscanf(spec, "%15[a-z0-9]:%ld%n@%ld%n", name, &at, &used, &rank, &used) >= 2 && (rank < 0 || rank == my_rank())) {
            int i = find(name);
            if (i >= 0) faults.kind[i].at = at;
        }
        spec += item + (spec[item] == ',');
    }
}

int lt_fault(const char *kind)
{
    pthread_mutex_lock(&faults.lock);
    if (!faults.loaded) load(getenv("LT_FAULT"));
    int i = find(kind), hit = 0;
    if (i >= 0) hit = ++faults.kind[i].calls == faults.kind[i].at;
    pthread_mutex_unlock(&faults.lock);
    return hit;
}

lt_status lt_fault_status(const char *kind, lt_status code)
{
    return lt_raise(code, __FILE__, __LINE__, __func__, "injected fault: %s:%ld", kind, lt_fault_count(kind));
}

void lt_fault_set(const char *spec)
{
    pthread_mutex_lock(&faults.lock);
    load(spec);
    pthread_mutex_unlock(&faults.lock);
}

long lt_fault_count(const char *kind)
{
    pthread_mutex_lock(&faults.lock);
    int i = find(kind);
    long calls = i < 0 ? 0 : faults.kind[i].calls;
    pthread_mutex_unlock(&faults.lock);
    return calls;
}
#else
/* ISO C forbids an empty translation unit. */
typedef int lt_fault_is_compiled_out;
#endif
