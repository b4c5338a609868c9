/* cuda_fake/cudnn_fake.h -- what of cuDNN's graph interface longtake calls for convolutions, on a machine without a GPU.
 *
 * in    calls of cudnn.h, which is NVIDIA's own header
 * out   convolutions, computed in the plainest way when the stream comes to them; a log of what was asked, a line each
 * owns  the log, until it is forgotten
 *
 * As strict as the documentation: an attribute of another descriptor, type or count, one that is set after finalising or read before it, one that is
 * missing, sizes that do not agree, a descriptor that is gone: the call fails, and the log says why. */
#ifndef LT_TESTS_CUDNN_FAKE_H
#define LT_TESTS_CUDNN_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An engine of the device, in the order in which the heuristic names them. Notes: bits by number of CUDNN_NUMERICAL_NOTE_..., CUDNN_BEHAVIOR_NOTE_... */
typedef struct {
    int64_t  index;
    unsigned numerical, behavior;
    int      n_knobs;
    int      knob[4];            /* CUDNN_KNOB_TYPE_... */
    int64_t  value[4];
    int64_t  workspace;          /* beside that for tensors with gaps, which it moves there whole */
    int64_t  most_frames;        /* its plans refuse more; 0: any number */
    bool     padded_only;        /* its plans refuse maps without padding above */
    bool     fallback;           /* named by the heuristic's fallback alone */
} lt_cudnn_engine;

/* The engines from now on; n 0: one that uses tensor cores and has two knobs, then a plain one. */
void lt_cudnn_engines(const lt_cudnn_engine *engines, int n);

/* Since the last lt_cudnn_forget(). */
const char *lt_cudnn_log(void);
void        lt_cudnn_forget(void);

/* Descriptors that were made and not destroyed. */
int lt_cudnn_descriptors(void);

#ifdef __cplusplus
}
#endif
#endif
