// SPDX-License-Identifier: Apache-2.0
// D += A B by the tensor cores of one warpgroup (128 threads), asynchronously: A [64, k], B [n, k],
// both of `matrix` descriptors in shared memory, or A in registers. D: thread t of warp w holds, of
// rows 16 w + t % 32 / 4 + 8 h and columns 8 j + t % 4 * 2 + e, element 4 j + 2 h + e. k is 32
// bytes of a row. `add` 0: D = A B.
#pragma once

#include "cuda/kernels/sm90.cuh"

#if defined(MONOCLE_SM90A)
namespace monocle::cuda::sm90 {

// clang-format off
#define MONOCLE_REGISTERS_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define MONOCLE_REGISTERS_16 MONOCLE_REGISTERS_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define MONOCLE_REGISTERS_32 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define MONOCLE_REGISTERS_64 \
  MONOCLE_REGISTERS_32 ", " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define MONOCLE_REGISTERS_96 \
  MONOCLE_REGISTERS_64 ", " \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define MONOCLE_REGISTERS_128 \
  MONOCLE_REGISTERS_96 ", " \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define MONOCLE_SUMS_8(c, d) \
  c(d[0]), c(d[1]), c(d[2]), c(d[3]), c(d[4]), c(d[5]), c(d[6]), c(d[7])
#define MONOCLE_SUMS_16(c, d) \
  MONOCLE_SUMS_8(c, d), c(d[8]), c(d[9]), c(d[10]), c(d[11]), c(d[12]), c(d[13]), c(d[14]), c(d[15])
#define MONOCLE_SUMS_32(c, d) \
  c(d[0]), c(d[1]), c(d[2]), c(d[3]), c(d[4]), c(d[5]), c(d[6]), c(d[7]), \
  c(d[8]), c(d[9]), c(d[10]), c(d[11]), c(d[12]), c(d[13]), c(d[14]), c(d[15]), \
  c(d[16]), c(d[17]), c(d[18]), c(d[19]), c(d[20]), c(d[21]), c(d[22]), c(d[23]), \
  c(d[24]), c(d[25]), c(d[26]), c(d[27]), c(d[28]), c(d[29]), c(d[30]), c(d[31])
#define MONOCLE_SUMS_64(c, d) \
  MONOCLE_SUMS_32(c, d), \
  c(d[32]), c(d[33]), c(d[34]), c(d[35]), c(d[36]), c(d[37]), c(d[38]), c(d[39]), \
  c(d[40]), c(d[41]), c(d[42]), c(d[43]), c(d[44]), c(d[45]), c(d[46]), c(d[47]), \
  c(d[48]), c(d[49]), c(d[50]), c(d[51]), c(d[52]), c(d[53]), c(d[54]), c(d[55]), \
  c(d[56]), c(d[57]), c(d[58]), c(d[59]), c(d[60]), c(d[61]), c(d[62]), c(d[63])
#define MONOCLE_SUMS_96(c, d) \
  MONOCLE_SUMS_64(c, d), \
  c(d[64]), c(d[65]), c(d[66]), c(d[67]), c(d[68]), c(d[69]), c(d[70]), c(d[71]), \
  c(d[72]), c(d[73]), c(d[74]), c(d[75]), c(d[76]), c(d[77]), c(d[78]), c(d[79]), \
  c(d[80]), c(d[81]), c(d[82]), c(d[83]), c(d[84]), c(d[85]), c(d[86]), c(d[87]), \
  c(d[88]), c(d[89]), c(d[90]), c(d[91]), c(d[92]), c(d[93]), c(d[94]), c(d[95])
#define MONOCLE_SUMS_128(c, d) \
  MONOCLE_SUMS_96(c, d), \
  c(d[96]), c(d[97]), c(d[98]), c(d[99]), c(d[100]), c(d[101]), c(d[102]), c(d[103]), \
  c(d[104]), c(d[105]), c(d[106]), c(d[107]), c(d[108]), c(d[109]), c(d[110]), c(d[111]), \
  c(d[112]), c(d[113]), c(d[114]), c(d[115]), c(d[116]), c(d[117]), c(d[118]), c(d[119]), \
  c(d[120]), c(d[121]), c(d[122]), c(d[123]), c(d[124]), c(d[125]), c(d[126]), c(d[127])

// kind: the instruction's types; scales: the immediates that follow the predicate.
#define MONOCLE_PRODUCT(shape, kind, count, c, d, a, b, add, pa, pb, pp, scales)           \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #pp ", 0;\n"                          \
               "wgmma.mma_async.sync.aligned." shape "." kind " {" MONOCLE_REGISTERS_##count \
               "}, %" #pa ", %" #pb ", p" scales ";\n}"                                    \
               : MONOCLE_SUMS_##count(c, d)                                                \
               : "l"(a), "l"(b), "r"(add))
#define MONOCLE_PRODUCT_R(shape, count, d, a, b, add, p0, p1, p2, p3, pb, pp, scales)        \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #pp ", 0;\n"                          \
               "wgmma.mma_async.sync.aligned." shape ".f32.bf16.bf16 {" MONOCLE_REGISTERS_##count \
               "}, {%" #p0 ", %" #p1 ", %" #p2 ", %" #p3 "}, %" #pb ", p" scales ";\n}"       \
               : MONOCLE_SUMS_##count("+f", d)                                               \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add))
__device__ inline void product_bf16(float (&d)[128], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n256k16", "f32.bf16.bf16", 128, "+f", d, a, b, add, 128, 129, 130, ", 1, 1, 0, 0");
}
__device__ inline void product_bf16(float (&d)[96], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n192k16", "f32.bf16.bf16", 96, "+f", d, a, b, add, 96, 97, 98, ", 1, 1, 0, 0");
}
__device__ inline void product_bf16(float (&d)[64], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n128k16", "f32.bf16.bf16", 64, "+f", d, a, b, add, 64, 65, 66, ", 1, 1, 0, 0");
}
__device__ inline void product_bf16(float (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n64k16", "f32.bf16.bf16", 32, "+f", d, a, b, add, 32, 33, 34, ", 1, 1, 0, 0");
}
__device__ inline void product_bf16(float (&d)[16], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n32k16", "f32.bf16.bf16", 16, "+f", d, a, b, add, 16, 17, 18, ", 1, 1, 0, 0");
}
__device__ inline void product_bf16(float (&d)[8], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n16k16", "f32.bf16.bf16", 8, "+f", d, a, b, add, 8, 9, 10, ", 1, 1, 0, 0");
}
__device__ inline void product_int8(int (&d)[128], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n256k32", "s32.s8.s8", 128, "+r", d, a, b, add, 128, 129, 130, "");
}
__device__ inline void product_int8(int (&d)[96], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n192k32", "s32.s8.s8", 96, "+r", d, a, b, add, 96, 97, 98, "");
}
__device__ inline void product_int8(int (&d)[64], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n128k32", "s32.s8.s8", 64, "+r", d, a, b, add, 64, 65, 66, "");
}
__device__ inline void product_int8(int (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n64k32", "s32.s8.s8", 32, "+r", d, a, b, add, 32, 33, 34, "");
}
__device__ inline void product_fp8(float (&d)[128], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n256k32", "f32.e4m3.e4m3", 128, "+f", d, a, b, add, 128, 129, 130, ", 1, 1");
}
__device__ inline void product_fp8(float (&d)[96], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n192k32", "f32.e4m3.e4m3", 96, "+f", d, a, b, add, 96, 97, 98, ", 1, 1");
}
__device__ inline void product_fp8(float (&d)[64], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n128k32", "f32.e4m3.e4m3", 64, "+f", d, a, b, add, 64, 65, 66, ", 1, 1");
}
__device__ inline void product_fp8(float (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  MONOCLE_PRODUCT("m64n64k32", "f32.e4m3.e4m3", 32, "+f", d, a, b, add, 32, 33, 34, ", 1, 1");
}
// A in registers; B across k.
__device__ inline void product_across(float (&d)[64], const std::uint32_t (&a)[4], std::uint64_t b, int add) {
  MONOCLE_PRODUCT_R("m64n128k16", 64, d, a, b, add, 64, 65, 66, 67, 68, 69, ", 1, 1, 1");
}
__device__ inline void product_across(float (&d)[32], const std::uint32_t (&a)[4], std::uint64_t b, int add) {
  MONOCLE_PRODUCT_R("m64n64k16", 32, d, a, b, add, 32, 33, 34, 35, 36, 37, ", 1, 1, 1");
}
// clang-format on

}  // namespace monocle::cuda::sm90
#endif
