/* longtake/cpu.h -- what this processor can do.
 *
 * in    the processor, or a name from --cpu-isa
 * out   an ISA level
 * owns  nothing
 *
 * Levels are ordered: a processor of one level runs the code of every lower one. */
#ifndef LONGTAKE_CPU_H
#define LONGTAKE_CPU_H

#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_ISA_BASE, LT_ISA_AVX2, LT_ISA_AVX512 } lt_isa;

/* The highest level that processor and operating system support. BASE is SSE2 on x86-64, plain C elsewhere;
 * AVX2 includes FMA and F16C; AVX512 means F, BW, DQ and VL. */
lt_isa lt_cpu_isa(void);

/* "base", "avx2", "avx512". */
const char *lt_isa_name(lt_isa isa);

/* The level of a name, or the highest for "auto". LT_E_USAGE for an unknown name, LT_E_DEVICE for a level that
 * this processor lacks. */
LT_NODISCARD lt_status lt_isa_parse(const char *name, lt_isa *out);

#ifdef __cplusplus
}
#endif
#endif
