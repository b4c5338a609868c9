/* main/doctor.h -- the chapters of `longtake doctor`.
 *
 * in    this machine and this environment
 * out   a JSON object a chapter; sentences about what would make a run fail, and about what is only worth knowing
 * owns  the caller owns what is returned */
#ifndef LT_MAIN_DOCTOR_H
#define LT_MAIN_DOCTOR_H

#include <longtake/settings.h>

#include <jansson.h>

/* Sentences gathered on the way; JSON arrays of strings. */
typedef struct {
    json_t *problems;            /* a run would not work */
    json_t *notes;
} lt_findings;

/* Keys that end in _bytes are numbers of bytes. */
json_t *lt_doctor_cpu(lt_findings *f);
json_t *lt_doctor_memory(lt_findings *f);
json_t *lt_doctor_limits(lt_findings *f);
/* Opens the GPU that a rank started like this process would get, as a run would. *n_usable: how many a run would compute on; 0: on the
 * CPU; -1: there are some, and this one does not work. */
json_t *lt_doctor_gpu(const lt_settings *s, lt_findings *f, int *n_usable);
json_t *lt_doctor_disk(const char *out, lt_findings *f);
json_t *lt_doctor_launcher(lt_findings *f);
json_t *lt_doctor_codecs(lt_findings *f);


/* A command line that suits the machine, for n_gpus as lt_doctor_gpu counts; to be freed. NULL without memory. */
char *lt_doctor_advice(const lt_settings *s, int n_gpus);

/* Appends a sentence to one of the lists. */
void lt_finding(json_t *list, const char *format, ...) LT_PRINTF(2, 3);

#endif
