// SPDX-License-Identifier: Apache-2.0
// The vector vocabulary of one target region: the same names for every instruction set.
//
//   kLanes                       floats in a vector
//   kRegisters                   vector registers, which bound a block of sums
//   kBF16Products                whether bdot is one instruction
//   VF                           vector of kLanes floats; + - * / and unary - work on it
//   VB                           vector of 2 kLanes bf16 bit patterns
//   vzero() vset(x)
//   vload(p) vstore(p, v)        any alignment; vload_n(p, n) zero-fills, vstore_n(p, v, n),
//                                0 <= n <= kLanes
//   vload_bf16(p) ...            bf16 in memory, float in the register; _n and store likewise
//                                (nearest even)
//   vload_i8(p)                  kLanes int8 in memory, float in the register
//   vfma(a, b, c)                a b + c, one rounding except on portable
//   vmax(a, b) vmin(a, b)        b when either is NaN
//   vsum(v) vmax_lanes(v)        across lanes, in a fixed order
//   vround(v) vpow2(v)           nearest even, |v| < 2^22; 2^v, v integral in [-126, 127]
//   vscale2(p, n)                p 2^n for 0.5 < p < 2, n in [-200, 127]; what is no normal number
//                                may be 0
//   vless_select(a, b, x, y)     a < b ? x : y
//   vabs(v) vcopysign(size, sign)
//   bload(p) bload_n(p, n)       VB; n <= 2 kLanes, zero-filled
//   bdot(acc, a, b)              acc[i] + a[2i] b[2i] + a[2i+1] b[2i+1]; rounding differs per tier
//   vstore_sums(p, a, b, c, d)   four sums at once, each as vsum; istore_sums the same for VI
//
//   kIntStep, IntX, kIntOffset   products per idot; element of a quantised activation; what was
//                                added to it
//   VI VX                        int32 accumulators; one step of either factor
//   xload(p) wload_i8(p) wload_i8_n(p, n) idot(acc, x, w) isum(acc)    exact
//   vstore_int8(p, v)            kLanes integral-valued floats in [-127, 127] as IntX, nearest even
//   vstore_signed(p, v)          the same as int8
//   iset(x) iadd isub imul istore(p, v)                                VI lane by lane
//
//   VN                           4 kLanes bytes: four of each output of a line of int4_group.h
//   nload(p) nstore(p, v) nlow(v) nhigh(v)     the bytes; their low and high halves, the codes
//   nquad(p)                     four int8 of x for every output
//   ndot(acc, codes, x)          acc[i] + Σ of four products, exact; codes in [0, 127], x signed
//   nquads(rows, quads)          four rows of bytes side by side: lane 4g + i of quads[j] holds
//                                element 16g + 4j + i of each row; like ifloat(VI), only where ndot
//                                is one instruction: avx512 and neon
//   nbits(v, shift)              four bits of every 32-bit lane
//   nscale(codes, step, zero)    (code - zero) step modulo 256, step and zero per output
//
// Included inside a namespace of foreach_isa-inl.h, once per region.
#if MONOCLE_ISA_AVX512
#include "cpu/simd_avx512-inl.h"
#elif MONOCLE_ISA_AVX2
#include "cpu/simd_avx2-inl.h"
#ifdef MONOCLE_ISA_AVX2VNNI
#include "cpu/simd_avx2vnni_dot-inl.h"
#else
#include "cpu/simd_avx2_dot-inl.h"
#endif
#elif defined(MONOCLE_ISA_NEON)
#include "cpu/simd_neon-inl.h"
#else
#include "cpu/simd_portable-inl.h"
#endif
#include "cpu/simd_math-inl.h"
