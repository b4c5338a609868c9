/* longtake/place.h -- what a process computes on and with, as its settings say.
 *
 * in    settings, who else is on this node
 * out   a device, its machine, the precision, the kind that a job pins, how much memory may be planned
 * owns  the device */
#ifndef LONGTAKE_PLACE_H
#define LONGTAKE_PLACE_H

#include <longtake/budget.h>
#include <longtake/device.h>
#include <longtake/kernel.h>
#include <longtake/settings.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_PLACE_KIND = 160, LT_PLACE_NOTE = 256 };

typedef struct {
    lt_device *device;               /* NULL: the CPU */
    lt_machine machine;
    lt_isa     isa;
    int        n_threads;
    lt_budget  budget;
    char       kind[LT_PLACE_KIND];    /* equal for devices that give the same bits: "cpu avx2", "cuda sm_90, 132 SMs, ..." */
    char       note[LT_PLACE_NOTE];    /* what the user should hear of the choice; "" */
} lt_place;

/* Opens the device of --device for process `local_rank` of the local_size ones on this node. LT_E_DEVICE with one sentence where it cannot be. On
 * failure *out is zeroed. */
LT_NODISCARD lt_status lt_place_open(const lt_settings *s, int local_rank, int local_size, lt_place *out);

/* Memory that `sharing` ranks on this device may plan, each: out->budget. Called by lt_place_open with 1 on a GPU and with local_size on the CPU. */
LT_NODISCARD lt_status lt_place_budget(lt_place *c, const lt_settings *s, int sharing, int local_size);

/* What --precision means there; sets machine.tf32. LT_E_DEVICE, one sentence, for what it cannot or should not do. */
LT_NODISCARD lt_status lt_place_precision(lt_place *c, const lt_settings *s, lt_dtype *out);

void lt_place_close(lt_place *c);

#ifdef __cplusplus
}
#endif
#endif
