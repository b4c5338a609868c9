#include <longtake/kernel.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux arch_prctl(2): a process asks once before it uses tile data (Documentation/x86/xstate.rst). */
enum { ARCH_REQUEST_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* Whether processor and kernel give AMX with bf16 (leaf 7: EDX bits 22 AMX-BF16, 24 AMX-TILE). */
static bool has_amx(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1u) || !(d >> 24 & 1u)) return false;
    return syscall(SYS_arch_prctl, ARCH_REQUEST_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static bool has_bf16_units(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") || has_amx();
}
#else
static bool has_bf16_units(void)
{
    return false;
}
#endif

lt_machine lt_machine_here(lt_isa isa, int n_threads)
{
    return (lt_machine){
        .isa = isa, .n_threads = n_threads < 1 ? 1 : n_threads, .bf16_units = isa == LT_ISA_AVX512 && has_bf16_units(),
    };
}

lt_machine lt_machine_with(const lt_device *device, lt_isa isa, int n_threads)
{
    lt_machine m = lt_machine_here(isa, n_threads);
    const lt_device_facts *f = device ? lt_device_get_facts(device) : NULL;
    if (!f || f->backend == LT_BACKEND_CPU) return m;
    m.backend = f->backend;
    m.sm = f->major * 10 + f->minor;
    m.multiprocessors = f->multiprocessors;
    m.bf16_units = m.sm >= 80;
    return m;
}

const char *lt_machine_precision(const lt_machine *m, lt_dtype compute)
{
    return compute == LT_F32 && m->tf32 ? "tf32" : lt_dtype_name(compute);
}
