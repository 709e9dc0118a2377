// SPDX-License-Identifier: Apache-2.0
// The decoder layers of a step of single tokens, as one launch runs them (kernels/layers_sm90.cu):
// recognised in a list of recorded verbs by a pure host function, so that a test without a GPU can
// read it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "cuda/batch_plan.h"
#include "ops/args.h"

namespace monocle::cuda {

using RecordedVerb = std::variant<NormArgs, LinearArgs, RopeAppendArgs, AttendPagedArgs>;

inline constexpr int kLayerRows = 8;    // tokens of a step, at most
inline constexpr int kMaxLayers = 40;   // all of them are the kernel's arguments
inline constexpr int kLayerHead = 128;  // channels of a head
inline constexpr int kLayerHeads = 8;   // query heads of a kv head, at most

// Tensor maps of a layer's weights, in this order.
enum LayerMap : int { kProjectMap = 0, kOutMap = 3, kGateUpMap = 4, kDownMap = 6, kLayerMaps = 7 };

// What one layer does not share with the others. W is bf16, or int8, fp8 or int4 with a
// scale per row.
struct LayerWeights {
  std::array<const std::uint8_t*, 3> qkv;
  std::array<const float*, 3> qkv_scale;
  std::array<const std::uint8_t*, 2> gate_up;
  std::array<const float*, 2> gate_up_scale;
  const std::uint8_t* out;
  const float* out_scale;
  const std::uint8_t* down;
  const float* down_scale;
  const float* input_norm;
  const float* post_norm;
  const float* q_norm;
  const float* k_norm;
  void* k;
  void* v;
  float* k_scale;  // of a cache of int8
  float* v_scale;
};

// A norm and one matrix behind the layers.
struct StepHead {
  int rows = 0;  // of W, 0: there is none
  const std::uint8_t* w = nullptr;
  const float* scale = nullptr;
  const float* norm = nullptr;
  float* y = nullptr;  // [rows of the step, rows of W]
};

struct StepProgram {
  std::size_t verbs = 0;  // of the list, from its beginning
  int rows = 0;
  int layers = 0;
  QuantFormat format = QuantFormat::kBF16;  // of all weights; beside int4 the head is int8
  int hidden = 0;
  int q_dim = 0;
  int kv_dim = 0;
  int inner = 0;
  float eps = 0.0F;
  float* x = nullptr;               // [rows, hidden], the sum that all layers add to
  std::uint16_t* inside = nullptr;  // [rows, inner] bf16
  RopeAppendArgs rope;              // of the first layer
  AttendPagedArgs attend;           // of the first layer
  StepHead head;
  std::array<LayerWeights, kMaxLayers> layer;
};

// The verbs as whole layers: norm, q k v, rope, attention, output, norm, gate and up, down; and the
// norm and linear of the head behind them, where its format fits the layers'. Nothing when they are
// anything else, or of a shape or format that the kernel does not know.
std::optional<StepProgram> recognise_layers(std::span<const RecordedVerb> verbs);

// Whether the verbs begin with a linear, the norm of its result and the only linear that reads
// that, and linear_batch may split the norm between the two.
bool splits_norm(std::span<const RecordedVerb> verbs, const BatchDevice& device);

// Into how many parts at most the keys of each of so many rows of q times kv heads are divided.
inline constexpr int kMostItemParts = 16;
int item_parts(int items, int blocks);

}  // namespace monocle::cuda
