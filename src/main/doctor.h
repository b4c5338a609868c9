/* main/doctor.h -- the chapters of `longtake doctor`.
 *
 * in    this machine, this environment, and the other ranks where a launcher started several
 * out   a JSON value a chapter; sentences about what would make a run fail, and about what is only worth knowing
 * owns  the caller owns what is returned; an lt_doctor what it has opened
 *
 * What a run does first is done here too, by the same calls: MPI is joined, the device is opened, the limits are made, and the planner is asked. Nothing is
 * allocated on a device and nothing is launched on it. */
#ifndef LT_MAIN_DOCTOR_H
#define LT_MAIN_DOCTOR_H

#include <longtake/comm.h>
#include <longtake/gpu.h>
#include <longtake/ladder.h>
#include <longtake/place.h>
#include <longtake/settings.h>

#include <jansson.h>

/* Sentences gathered on the way; JSON arrays of strings. */
typedef struct {
    json_t *problems;            /* a run would not work */
    json_t *notes;
} lt_findings;

typedef struct {
    const lt_settings *s;
    lt_findings found;
    lt_comm    *comm;            /* NULL: there is none, or it broke */
    int         rank, size, local_rank, local_size;
    lt_place    place;           /* what this rank computes on; zero unless `works` */
    bool        works;
    lt_budget   least;           /* of all ranks; of this one where others could not be asked */
    lt_gpu     *gpus;            /* that this process sees */
    int         n_gpus;
    int         full_model;      /* the largest model of depth that fits at full quality, frames of 1280x720; -1: none. Known after lt_doctor_models */
} lt_doctor;

/* ---- the ranks: doctor_ranks.c ---- */

/* [collective] Joins the other ranks, opens the device that a run would get and makes its limits. What fails is a finding, and `d` may be closed all the
 * same. LT_E_MEMORY without memory. */
LT_NODISCARD lt_status lt_doctor_open(lt_doctor *d, const lt_settings *s);

/* How this process was started and what each rank has; [collective], after all other chapters: the first problem of each rank becomes one of rank 0's. */
json_t *lt_doctor_ranks(lt_doctor *d);

/* [collective] Leaves the ranks. Returns the worst exit code of all. */
int lt_doctor_close(lt_doctor *d, int code);

/* ---- the planner: doctor_models.c ---- */

/* A device to plan for. */
typedef struct {
    char       name[160];
    lt_machine machine;
    lt_dtype   precision;        /* of --precision auto, or what was asked for */
    lt_budget  budget;
    int64_t    overhead;
    int        n_threads, n_ranks;
} lt_doctor_target;

/* What this rank computes on, as one of all of them. `d->works`. */
lt_doctor_target lt_doctor_here(const lt_doctor *d);

/* The ladder that `plan` and `run` walk for frames of this size. LT_E_MEMORY where nothing fits. `model` counts for depth. */
LT_NODISCARD lt_status lt_doctor_plan(const lt_settings *s, const lt_doctor_target *t, lt_task_kind task, int model, int width, int height, lt_ladder *out);

/* What fits, for each kind of device here. A finding where nothing does. */
json_t *lt_doctor_models(lt_doctor *d);

/* ---- the other chapters; keys that end in _bytes are numbers of bytes ---- */

json_t *lt_doctor_cpu(lt_doctor *d);
json_t *lt_doctor_gpu(lt_doctor *d);
json_t *lt_doctor_memory(lt_doctor *d);
json_t *lt_doctor_limits(lt_doctor *d);
json_t *lt_doctor_disk(lt_doctor *d);
json_t *lt_doctor_launcher(lt_doctor *d);
json_t *lt_doctor_codecs(lt_doctor *d);

/* Command lines that work here: for one process, for all GPUs or cores, for a Slurm array; null where there is none to give. */
json_t *lt_doctor_advice(lt_doctor *d);

/* Lists the GPUs that this process sees, before it is on any of them: what is free then is nobody's. */
void lt_doctor_look(lt_doctor *d);

/* Of what this process sees, how many GPUs a run would compute on. */
int lt_doctor_usable(const lt_doctor *d);

/* The path of a program in $PATH, or "". */
void lt_which(const char *name, char *out, size_t n);

/* A number, or null for one that is not known (below 0). */
json_t *lt_known(int64_t v);

/* Appends a sentence to one of the lists. */
void lt_finding(json_t *list, const char *format, ...) LT_PRINTF(2, 3);

/* The same with the sentence of this thread's failure, which is cleared. */
void lt_finding_failed(json_t *list);

/* The processor's name, or "unknown"; `bench` names its machine by it as well. */
void lt_processor_name(char *out, size_t n);

/* ---- doctor --profile: doctor_profile.c ---- */

enum { LT_PROFILE_GPUS = 64 };

/* Measures the device that a process started like this one computes on, and writes its profile. */
LT_NODISCARD lt_status lt_doctor_profile(const lt_settings *s);

#endif
