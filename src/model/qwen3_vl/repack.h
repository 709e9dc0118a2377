// SPDX-License-Identifier: Apache-2.0
// A published checkpoint written as one packed file: which tensor gets which format, and the loop
// over them. At most one tensor is in memory beside the mapped input. The caller's thread reads and
// writes, the pool packs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/tensor_list.h"
#include "quant/format.h"
#include "store/checkpoint.h"

namespace monocle::qwen3_vl {

struct RepackOptions {
  QuantFormat text = QuantFormat::kInt8Channel;  // matrices of the decoder
  std::optional<QuantFormat> head;               // embedding and head; unset: as `text`
  // Matrices of the tower and the mergers. Activations there span a wide range: narrower than bf16
  // only on request.
  QuantFormat vision = QuantFormat::kBF16;
};

struct RepackProgress {
  std::string_view tensor;       // the one just written
  std::uint64_t done_bytes = 0;  // of the input
  std::uint64_t total_bytes = 0;
};

struct RepackSummary {
  std::size_t tensors = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
};

// Norms, biases and the position table stay as they were published (stored: one of the float
// formats).
QuantFormat packed_format(TensorKind kind, QuantFormat stored, const RepackOptions& options);

// Every tensor the config demands must be there with its shape, and no other may be. A NaN or an
// infinity in a matrix that is quantised is refused. `out` appears only when the whole file is
// written.
Result<RepackSummary> repack(const Checkpoint& in, const std::string& out,
                             const RepackOptions& options, ThreadPool& pool,
                             FunctionRef<void(const RepackProgress&)> progress);

}  // namespace monocle::qwen3_vl
