#include "device_rig.h"

#include "kernels/attention/attention.h"
#include "kernels/cuda/libs.h"
#include "kernels/extent.h"

#include <longtake/arena.h>
#include <longtake/gpu.h>

#include <stdio.h>
#include <string.h>

enum { ROOM = 1 << 27 };

static struct {
    lt_device    *device;
    lt_arena     *arena;
    lt_stream    *stream;
    lt_cuda_libs *libs;
    size_t        used;
} rig;

bool device_rig_open(void)
{
    lt_gpu gpu;
    int n = 0;
    if (lt_gpu_list(&gpu, 1, &n) < 0 || n == 0) {
        printf("no GPU: nothing is tested\n");
        return false;
    }
    if (lt_device_open(LT_BACKEND_CUDA, 0, &rig.device) < 0 || lt_arena_create_on(rig.device, ROOM, &rig.arena) < 0 ||
        lt_stream_create(rig.device, "test", &rig.stream) < 0 || lt_cuda_libs_of(rig.device, &rig.libs) < 0) {
        printf("%s\n", lt_error_last()->text);
        return false;
    }
    return true;
}

void device_rig_close(void)
{
    lt_stream_destroy(&rig.stream);
    lt_arena_destroy(&rig.arena);
    lt_device_close(&rig.device);
}

lt_machine device_rig_machine(void)
{
    return lt_machine_with(rig.device, LT_ISA_BASE, 1);
}

const char *device_rig_refuse(const lt_kernel *k, const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = device_rig_machine();
    if (m->isa != LT_ISA_BASE || m->n_threads == 2) return "one level of the CPU and one pool stand for all";
    return k->refuse ? k->refuse(a, &gpu) : NULL;
}

lt_status device_rig_open_state(const lt_kernel *k, const lt_args *a, void **state)
{
    const lt_machine gpu = device_rig_machine();
    const lt_launch on = { .stream = lt_stream_handle(rig.stream), .libs = rig.libs };
    return k->open(&on, a, &gpu, state);
}

/* Room for n_bytes that lie in the GPU's memory as `like` does in the host's. */
static lt_status take(const void *like, size_t n_bytes, char **out)
{
    lt_status st = LT_OK;
    const size_t at = (rig.used + LT_ARENA_ALIGN - 1) / LT_ARENA_ALIGN * LT_ARENA_ALIGN + (uintptr_t)like % LT_ARENA_ALIGN;
    rig.used = at + n_bytes;
    if (rig.used > ROOM) LT_FAIL(LT_E_MEMORY, "the rows of the test do not fit");
    *out = lt_arena_at(rig.arena, at);
done:
    return st;
}

static lt_status put(const void *host, size_t n_bytes, char **out)
{
    lt_status st = LT_OK;
    LT_TRY(take(host, n_bytes, out));
    LT_TRY(lt_copy_to_device(rig.stream, *out, host, n_bytes));
done:
    return st;
}

static lt_status move(lt_tensor *t, char **device, char **host, size_t *n_bytes)
{
    lt_status st = LT_OK;
    char *index = NULL;
    *n_bytes = extent(t, host);
    LT_TRY(put(*host, *n_bytes, device));
    if (t->index) LT_TRY(put(t->index, (size_t)t->dim[0] * sizeof *t->index, &index));
    t->data = *device + ((char *)t->data - *host);
    t->index = (const int32_t *)(void *)index;
done:
    return st;
}

lt_status device_rig_launch(const lt_kernel *k, const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_machine gpu = device_rig_machine();
    lt_args on = *a, bare = *a;
    lt_attention_attr attention;
    lt_launch launch = { .stop = l->stop, .stream = lt_stream_handle(rig.stream), .libs = rig.libs };
    char *host, *device, *out_host, *out_device, *place = NULL;
    size_t n_bytes, n_out;
    rig.used = 0;
    LT_TRY(move(&on.out, &out_device, &out_host, &n_out));
    for (int i = 0; i < LT_MAX_IN; i++) {
        if (!on.in[i].n_dims) continue;
        /* In place: the same memory there as well. */
        if (a->in[i].data == a->out.data && a->in[i].index == a->out.index) on.in[i].data = on.out.data, on.in[i].index = on.out.index;
        else LT_TRY(move(&on.in[i], &device, &host, &n_bytes));
    }
    for (int i = 0; i < LT_MAX_IN; i++) bare.in[i].data = NULL;
    bare.out.data = NULL;
    bare.packed = NULL;
    if (a->packed && k->packed_bytes) {
        LT_TRY(put(a->packed, k->packed_bytes(&bare, &gpu), &place));
        on.packed = place;
    }
    if (strncmp(k->name, "attention", 9) == 0 && ((const lt_attention_attr *)a->attr)->n_keys) {
        attention = *(const lt_attention_attr *)a->attr;
        LT_TRY(put(attention.n_keys, sizeof *attention.n_keys, &place));
        attention.n_keys = (const int32_t *)(void *)place;
        on.attr = &attention;
    }
    if (k->workspace_bytes) {
        LT_TRY(take(NULL, k->workspace_bytes(&bare, &gpu), &place));
        launch.workspace = place;
    }
    LT_TRY(lt_stream_finish(rig.stream));
    if (k->prepare) LT_TRY(k->prepare(&launch, &bare, a->state));
    LT_TRY(k->launch(&launch, &on));
    LT_TRY(lt_copy_to_host(rig.stream, out_host, out_device, n_out));
    LT_TRY(lt_stream_finish(rig.stream));
done:
    return st;
}
