// SPDX-License-Identifier: Apache-2.0
// Descriptions of matrices for the tensor copy engine (compute capability 9.0), made on the host
// for each launch and passed by value. The driver's function is found at run time, so nothing links
// against the driver. Any thread.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace monocle::cuda {

struct MatrixMap {
  const void* data = nullptr;  // 16-byte aligned
  int element_bytes = 2;       // 2: bf16; 1: int8; 8: bytes of any kind
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_bytes = 0;  // from one row to the next, a multiple of 16
  int box_rows = 0;            // one copy: this many rows, up to 256,
  int box_bytes = 128;         // of so many bytes, at most 256 elements
};

// Whether the driver knows tensor maps.
bool has_tensor_maps();
// Boxes of 128 bytes are permuted within each 1024, as the tensor cores read them without bank
// conflicts; others lie as they are.
CUtensorMap make_tensor_map(const MatrixMap& matrix);

}  // namespace monocle::cuda
