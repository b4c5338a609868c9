#include "fakegpu/libs_rig.h"

#include <stdio.h>
#include <stdlib.h>

static lt_device    *device;
static lt_stream    *stream;
static lt_cuda_libs *libs;
static const lt_kernel *real;
static lt_kernel        candidate;
static bool             tf32;
static int              sm = 90;

void libs_rig_open(void)
{
    if (lt_device_open(LT_BACKEND_CUDA, 0, &device) < 0 || lt_stream_create(device, "libs", &stream) < 0 || lt_cuda_libs_of(device, &libs) < 0) {
        fprintf(stderr, "%s\n", lt_error_last()->text);
        exit(1);
    }
}

void libs_rig_close(void)
{
    lt_stream_destroy(&stream);
    lt_device_close(&device);
    libs = NULL;
}

void libs_rig_machine(bool with_tf32, int with_sm)
{
    tf32 = with_tf32;
    sm = with_sm;
}

lt_machine libs_rig_machine_here(void)
{
    return (lt_machine){ .n_threads = 1, .bf16_units = true, .backend = LT_BACKEND_CUDA, .sm = sm, .multiprocessors = 4, .tf32 = tf32 };
}

lt_launch libs_rig_launch(void)
{
    return (lt_launch){ .stream = lt_stream_handle(stream), .libs = libs };
}

lt_device *libs_rig_device(void)
{
    return device;
}

lt_stream *libs_rig_stream(void)
{
    return stream;
}

lt_status libs_rig_finish(void)
{
    return lt_stream_finish(stream);
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = libs_rig_machine_here();
    if (m->isa != LT_ISA_BASE || m->n_threads == 2) return "one level of the CPU and one pool stand for all";
    return real->refuse(a, &gpu);
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = libs_rig_machine_here();
    (void)m;
    return real->packed_bytes(a, &gpu);
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_machine gpu = libs_rig_machine_here();
    (void)m;
    real->pack(a, &gpu, w, packed);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = libs_rig_machine_here();
    (void)m;
    return real->workspace_bytes(a, &gpu);
}

/* Sizes that the rig cuts from these are made ready when they come: launch() below. */
static lt_status open_state(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)
{
    const lt_machine gpu = libs_rig_machine_here();
    const lt_launch on = libs_rig_launch();
    (void)l;
    (void)m;
    return real->open(&on, a, &gpu, state);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_launch on = libs_rig_launch();
    lt_args bare = *a;
    on.workspace = l->workspace;
    on.stop = l->stop;
    for (int i = 0; i < LT_MAX_IN; i++) bare.in[i].data = NULL;
    bare.out.data = NULL;
    bare.packed = NULL;
    LT_TRY(real->prepare(&on, &bare, a->state));
    LT_TRY(real->launch(&on, a));
    LT_TRY(libs_rig_finish());
done:
    return st;
}

const lt_kernel *libs_rig_candidate(const lt_kernel *k)
{
    real = k;
    candidate = (lt_kernel){ k->name, refuse, packed_bytes, pack, workspace_bytes, open_state, k->close, launch, NULL };
    return &candidate;
}
