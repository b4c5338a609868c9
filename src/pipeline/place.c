#include <longtake/place.h>

#include <longtake/gpu.h>
#include <longtake/pool.h>

#ifdef LT_HAVE_CUDA
#include "kernels/cuda/libs.h"
#endif

#include <stdio.h>
#include <string.h>

/* What decides the bits of a GPU beside our own code: its instructions, how many parts a product is cut into, and the libraries. */
static void name_kind(lt_place *c)
{
    if (!c->device) {
        snprintf(c->kind, sizeof c->kind, "cpu %s", lt_isa_name(c->isa));
        return;
    }
#ifdef LT_HAVE_CUDA
    const lt_cuda_libs_versions v = lt_cuda_libs_version();
    snprintf(c->kind, sizeof c->kind, "cuda sm_%d, %d SMs, cuBLASLt %lld, cuDNN %lld", c->machine.sm, c->machine.multiprocessors, (long long)v.cublaslt,
             (long long)v.cudnn);
#endif
}

lt_status lt_place_budget(lt_place *c, const lt_settings *s, int sharing, int local_size)
{
    lt_status st = LT_OK;
    const lt_budget_opts o = { (int64_t)s->memory_limit, s->memory_fraction, (int64_t)s->host_memory_limit, local_size };
    lt_device_memory m;
    if (!c->device) return lt_budget_cpu(&o, &c->budget);
    LT_TRY(lt_device_memory_read(c->device, &m));
    LT_TRY(lt_budget_gpu(&o, m.total, m.free, sharing, lt_device_overhead(lt_device_get_facts(c->device)), &c->budget));
done:
    return st;
}

lt_status lt_place_open(const lt_settings *s, int local_rank, int local_size, lt_place *out)
{
    lt_status st = LT_OK;
    lt_backend backend = LT_BACKEND_CPU;
    int ordinal = 0;
    memset(out, 0, sizeof *out);
    LT_TRY(lt_isa_parse(s->cpu_isa ? s->cpu_isa : "auto", &out->isa));
    LT_TRY(lt_gpu_pick((lt_device_choice)s->device, local_rank, local_size, &backend, &ordinal, out->note, sizeof out->note));
    LT_TRY(lt_host_limits_check(backend != LT_BACKEND_CPU));
    if (backend != LT_BACKEND_CPU) LT_TRY(lt_device_open(backend, ordinal, &out->device));
    const int cpus = lt_cpus_allowed();
    out->n_threads = s->threads > 0 ? (int)s->threads : cpus > local_size ? cpus / local_size : 1;
    out->machine = lt_machine_with(out->device, out->isa, out->n_threads);
    name_kind(out);
    LT_TRY(lt_place_budget(out, s, 1, local_size));
done:
    if (st < 0) lt_place_close(out);
    return st;
}

lt_status lt_place_precision(lt_place *c, const lt_settings *s, lt_dtype *out)
{
    lt_status st = LT_OK;
    const bool gpu = c->machine.backend == LT_BACKEND_CUDA;
    *out = LT_F32;
    switch ((lt_precision_choice)s->precision) {
    case LT_PRECISION_AUTO: *out = gpu ? LT_F16 : LT_F32; break;
    case LT_PRECISION_F32: break;
    case LT_PRECISION_TF32:
        if (!gpu || c->machine.sm < 80) LT_FAIL(LT_E_DEVICE, "--precision tf32: only GPUs from sm_80 on have it, and this is %s: give f32", c->kind);
        c->machine.tf32 = true;
        break;
    case LT_PRECISION_BF16:
        if (gpu && !c->machine.bf16_units) LT_FAIL(LT_E_DEVICE, "--precision bf16: GPUs have it from sm_80 on, and this one is sm_%d: give f16", c->machine.sm);
        if (!c->machine.bf16_units)
            LT_FAIL(LT_E_DEVICE, "--precision bf16: this processor has no units for bf16, so it would be slower and less exact than f32: leave it out");
        *out = LT_BF16;
        break;
    case LT_PRECISION_F16:
        if (!gpu) LT_FAIL(LT_E_DEVICE, "--precision f16: the CPU computes in f32 or bf16: leave it out, or give --device cuda");
        *out = LT_F16;
        break;
    }
done:
    return st;
}

void lt_place_close(lt_place *c)
{
    lt_device_close(&c->device);
    memset(c, 0, sizeof *c);
}
