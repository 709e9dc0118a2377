// SPDX-License-Identifier: Apache-2.0
// Where the rows of a LinearWeight lie, and what happens to a finished sum. Shared by the linear()
// kernels.
#pragma once

#include "cuda/kernels/common.cuh"

namespace monocle::cuda {

// Row `row` of the matrix that the parts form one after the other; part -1 past the end.
struct WeightRow {
  int part;
  std::int64_t row;
};
__device__ inline WeightRow find_row(const LinearWeight& w, std::int64_t row) {
  for (int part = 0; part < w.parts; ++part) {
    if (row < w.part.data()[part].rows) {
      return {part, row};
    }
    row -= w.part.data()[part].rows;
  }
  return {-1, 0};
}

// Gate and up alternate: column 2 j is gate j, column 2 j + 1 is up j, so that both meet in one
// thread.
__device__ inline WeightRow find_pair_row(const LinearWeight& w, std::int64_t column) {
  if (column >= 2 * w.part.data()[0].rows) {
    return {-1, 0};
  }
  return {static_cast<int>(column & 1), column >> 1};
}

// y[row][col] = value + residual
__device__ inline void finish(const LinearArgs& a, std::int64_t row, std::int64_t col,
                              float value) {
  if (a.residual.data != nullptr) {
    value += __ldcg(static_cast<const float*>(a.residual.data) + row * a.residual.row_stride + col);
  }
  store(a.y.data, a.y.dtype, row * a.y.row_stride + col, value);
}

__device__ inline void finish_sum(const LinearArgs& a, std::int64_t row, std::int64_t col,
                                  float sum) {
  finish(a, row, col, activate(a.epilogue, a.bias != nullptr ? sum + a.bias[col] : sum));
}

// D += A B on the tensor cores: A [16, 16] bf16 row-major, B [16, 8] bf16 column-major, D [16, 8]
// f32.
__device__ inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4],
                                const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline uint4 load_shared16(std::uint32_t address) {
  uint4 out;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(out.x), "=r"(out.y), "=r"(out.z), "=r"(out.w)
               : "r"(address)
               : "memory");
  return out;
}

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}
// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
__device__ inline void load_matrices(std::uint32_t (&out)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}
__device__ inline void load_matrices_transposed(std::uint32_t (&out)[4], std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}
// 16 bytes to shared memory, asynchronously; zeros when `valid` is false (`from` is then not read).
__device__ inline void copy16(std::uint32_t to, const void* from, bool valid) {
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes)
               : "memory");
}
__device__ inline void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
__device__ inline void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace monocle::cuda
