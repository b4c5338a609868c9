#include <longtake/cpu.h>

#include <string.h>

static const char *const names[] = { "base", "avx2", "avx512" };

lt_isa lt_cpu_isa(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return LT_ISA_AVX512;
    /* Every processor with AVX2 has F16C, which older compilers do not know by name. */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return LT_ISA_AVX2;
#endif
    return LT_ISA_BASE;
}

const char *lt_isa_name(lt_isa isa)
{
    return names[isa];
}

lt_status lt_isa_parse(const char *name, lt_isa *out)
{
    lt_status st = LT_OK;
    lt_isa best = lt_cpu_isa();
    *out = best;
    if (!strcmp(name, "auto")) return LT_OK;
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(name, names[i])) continue;
        if (i > (int)best)
            LT_FAIL(LT_E_DEVICE, "--cpu-isa %s: this processor has %s at most; use --cpu-isa %s", name, names[best],
                    names[best]);
        *out = (lt_isa)i;
        return LT_OK;
    }
    LT_FAIL(LT_E_USAGE, "--cpu-isa %s: use auto, base, avx2 or avx512", name);
done:
    return st;
}
