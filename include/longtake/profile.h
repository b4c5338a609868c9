/* longtake/profile.h -- devices that need not be here.
 *
 * in    a name of configs/devices, or a YAML file of that form
 * out   the figures that a plan needs of a device, and where each comes from; such a file
 * owns  its strings, until lt_profile_free */
#ifndef LONGTAKE_PROFILE_H
#define LONGTAKE_PROFILE_H

#include <longtake/device.h>
#include <longtake/dtype.h>
#include <longtake/kernel.h>
#include <longtake/option.h>
#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char    *name;                   /* of the product */
    int      device;                 /* lt_backend */
    double   capability;             /* CUDA: 8.9 */
    int64_t  multiprocessors;
    uint64_t memory, usable;         /* bytes in all, and of them what a process may take; 0: those of this machine */
    uint64_t overhead;               /* *theirs* for one process */
    double   f32, tf32, f16, bf16;   /* products of dense matrices, TFLOP/s; 0: it has none, or nobody says */
    double   bandwidth;              /* of its memory, GB/s; 0: nobody says */
    char    *chip_source, *memory_source, *usable_source, *overhead_source, *rates_source, *bandwidth_source;
    uint8_t  given[32];
} lt_profile;

/* A name, or a path (with a '/' or ending in .yaml). Names are looked for in configs/devices beside the program's folder, those above it and their
 * share/longtake. LT_E_USAGE with the names there are and the nearest for one that is unknown, with file and line for a file that makes no sense. On
 * failure *out may be freed. */
LT_NODISCARD lt_status lt_profile_read(const char *name, lt_profile *out);

/* The YAML that lt_profile_read reads as this profile, every figure exact and always in the same form; *out is the caller's to free. Strings may be NULL or empty:
 * they are left out. LT_E_MEMORY. */
LT_NODISCARD lt_status lt_profile_text(const lt_profile *p, char **out);

/* Writes it to a file, whole or not at all: an older one is replaced, and kept on failure (LT_E_STORE). */
LT_NODISCARD lt_status lt_profile_write(const lt_profile *p, const char *path);

/* All names, sorted; *out is the caller's. */
LT_NODISCARD lt_status lt_profile_names(lt_strings *out);

/* The machine of such a device, whose CPU is this one's. */
lt_machine lt_profile_machine(const lt_profile *p, lt_isa isa, int n_threads);

/* Rate of products of this type, TFLOP/s; 0: not known. `tf32`: of f32 with rounded operands. */
double lt_profile_rate(const lt_profile *p, lt_dtype type, bool tf32);

/* Every pointer is NULL afterwards. */
void lt_profile_free(lt_profile *p);

#ifdef __cplusplus
}
#endif
#endif
