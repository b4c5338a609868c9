/* longtake/compute.h -- what a process computes on and with, as its settings say.
 *
 * in    settings, who else is on this node
 * out   a device, its machine, the precision, the kind that a job pins, how much memory may be planned
 * owns  the device */
#ifndef LONGTAKE_COMPUTE_H
#define LONGTAKE_COMPUTE_H

#include <longtake/budget.h>
#include <longtake/device.h>
#include <longtake/kernel.h>
#include <longtake/settings.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_COMPUTE_KIND = 160, LT_COMPUTE_NOTE = 256 };

typedef struct {
    lt_device *device;               /* NULL: the CPU */
    lt_machine machine;
    lt_isa     isa;
    int        n_threads;
    lt_budget  budget;
    char       kind[LT_COMPUTE_KIND];    /* equal for devices that give the same bits: "cpu avx2", "cuda sm_90, 132 SMs, ..." */
    char       note[LT_COMPUTE_NOTE];    /* what the user should hear of the choice; "" */
} lt_compute;

/* Opens the device of --device for process `local_rank` of the local_size ones on this node. LT_E_DEVICE with one sentence where it cannot be. On
 * failure *out is zeroed. */
LT_NODISCARD lt_status lt_compute_open(const lt_settings *s, int local_rank, int local_size, lt_compute *out);

/* Memory that `sharing` ranks on this device may plan, each: out->budget. Called by lt_compute_open with 1 on a GPU and with local_size on the CPU. */
LT_NODISCARD lt_status lt_compute_budget(lt_compute *c, const lt_settings *s, int sharing, int local_size);

/* What --precision means there; sets machine.tf32. LT_E_DEVICE, one sentence, for what it cannot or should not do. */
LT_NODISCARD lt_status lt_compute_precision(lt_compute *c, const lt_settings *s, lt_dtype *out);

void lt_compute_close(lt_compute *c);

#ifdef __cplusplus
}
#endif
#endif
