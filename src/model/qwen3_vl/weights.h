// SPDX-License-Identifier: Apache-2.0
// The model as a struct: every weight by the role it plays, with its shape. Matrices are views into
// the mapped checkpoint (which must outlive Weights) where it already has the wanted format, else
// into memory owned by Weights. Norm weights and biases are small and always float32. H = hidden, D
// = vision hidden.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/qwen3_vl/config.h"
#include "ops/backend.h"
#include "store/checkpoint.h"
#include "tensor/buffer.h"

namespace monocle::qwen3_vl {

struct Affine {
  const float* weight = nullptr;
  const float* bias = nullptr;  // null for RMS norms
};

struct Linear {
  LinearWeight w;
  const float* bias = nullptr;  // null in the decoder
};

struct VisionBlock {
  Affine norm1;  // [D]
  Linear qkv;    // [3D, D]
  Linear proj;   // [D, D]
  Affine norm2;  // [D]
  Linear fc1;    // [intermediate, D]
  Linear fc2;    // [D, intermediate]
};

struct Merger {
  Affine norm;  // [D] before the 2x2 patches are joined, [4D] after (DeepStack)
  Linear fc1;   // [4D, 4D]
  Linear fc2;   // [H, 4D]
};

struct VisionWeights {
  Linear patch_embed;    // [D, channels * temporal * patch * patch]
  WeightView pos_embed;  // [side * side, D]
  std::vector<VisionBlock> blocks;
  Merger merger;
  std::vector<Merger> deepstack;
};

struct DecoderLayer {
  Affine input_norm;     // [H]
  LinearWeight qkv;      // [heads * head_dim | kv_heads * head_dim | kv_heads * head_dim, H]
  Affine q_norm;         // [head_dim]
  Affine k_norm;         // [head_dim]
  LinearWeight o;        // [H, heads * head_dim]
  Affine post_norm;      // [H]
  LinearWeight gate_up;  // [intermediate | intermediate, H]
  LinearWeight down;     // [H, intermediate]
};

struct DecoderWeights {
  WeightView embed;   // [vocab, H]
  LinearWeight head;  // [vocab, H], the embedding itself when tied
  std::vector<DecoderLayer> layers;
  Affine norm;  // [H]
};

// Where tensors come from: a checkpoint, a packed file, or random numbers. `shape` is what the
// config demands; a source of stored tensors may ignore it, the loader checks what it gets.
using TensorSource =
    FunctionRef<Result<LoadedTensor>(std::string_view name, std::span<const std::int64_t> shape)>;

struct WeightOptions {
  // Format of the decoder's matrices. Unset: as stored.
  std::optional<QuantFormat> text;
  // Format of the embedding and the head. Unset: as `text`.
  std::optional<QuantFormat> head;
  // Format of the vision tower's matrices. Unset: as stored. Never narrower than bf16 unless asked
  // for.
  std::optional<QuantFormat> vision;
};

// A whole model in one format, with what is too delicate for a narrow one: the tower stays at least
// bf16, because its error would be on every token of the picture, and with 4-bit layers embedding
// and head stay at int8, because every token passes both.
WeightOptions weights_in(QuantFormat format);

class Weights {
 public:
  // Checks every tensor's name and shape against the config; the first that is missing or
  // mis-shaped is named. `pool` splits conversions; `memory` must outlive the result.
  static Result<std::unique_ptr<Weights>> load(const Config& config, const WeightOptions& options,
                                               TensorSource source, Memory& memory,
                                               ThreadPool& pool);
  ~Weights();
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  VisionWeights vision;
  DecoderWeights decoder;
  std::size_t total_bytes = 0;
  std::size_t decode_bytes = 0;  // what one decode step reads

 private:
  friend class WeightLoader;
  explicit Weights(Memory& memory) : memory_(&memory) {}

  Memory* memory_;
  std::vector<Buffer> owned_;   // matrices that are not used where they are mapped
  std::vector<void*> vectors_;  // norm weights and biases, backend memory
};

}  // namespace monocle::qwen3_vl
