/* kernels/isa_pick.h -- run-time choice among the compiled ISA levels of an operator.
 *
 * in    an lt_isa and the name of an operator whose fast version is LT_ISA_FN(name)(const args *, int, int)
 * out   a function lt_<name>(isa, args, y0, y1)
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_ISA_PICK_H
#define LONGTAKE_KERNELS_ISA_PICK_H

#include <longtake/cpu.h>

#ifdef LT_ISA_X86
#define LT_ISA_DISPATCH(name, args)                                     \
    void name##_base(const args *a, int y0, int y1);                    \
    void name##_avx2(const args *a, int y0, int y1);                    \
    void name##_avx512(const args *a, int y0, int y1);                  \
    void name(lt_isa isa, const args *a, int y0, int y1)                \
    {                                                                   \
        if (isa == LT_ISA_AVX512) name##_avx512(a, y0, y1);             \
        else if (isa == LT_ISA_AVX2) name##_avx2(a, y0, y1);            \
        else name##_base(a, y0, y1);                                    \
    }
#else
#define LT_ISA_DISPATCH(name, args)                                     \
    void name##_base(const args *a, int y0, int y1);                    \
    void name(lt_isa isa, const args *a, int y0, int y1)                \
    {                                                                   \
        (void)isa;                                                      \
        name##_base(a, y0, y1);                                         \
    }
#endif

#endif
