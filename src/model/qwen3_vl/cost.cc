// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/cost.h"

namespace monocle::qwen3_vl {

double prefill_flops(const TextConfig& c, std::int64_t tokens, std::int64_t past) {
  const auto hidden = static_cast<double>(c.hidden_size);
  const auto q = static_cast<double>(c.q_dim());
  const auto kv = static_cast<double>(c.kv_dim());
  const auto n = static_cast<double>(tokens);
  const double mlp = 3 * hidden * static_cast<double>(c.intermediate_size);
  const double linear = hidden * (2 * q + 2 * kv) + mlp;
  // Query i sees past + i + 1 keys; scores and values are one product each.
  const double keys = n * static_cast<double>(past) + n * (n + 1) / 2;
  const double layer = 2 * linear * n + 2 * 2 * q * keys;
  const double unread = 2 * mlp * (n - 1);  // of the last layer
  return layer * c.num_hidden_layers - unread + 2 * hidden * static_cast<double>(c.vocab_size);
}

double vision_flops(const VisionConfig& c, const GridThw& grid) {
  const auto hidden = static_cast<double>(c.hidden_size);
  const auto n = static_cast<double>(grid.patches());
  const double segment = static_cast<double>(grid.h) * grid.w;
  const double block =
      2 * n * (4 * hidden * hidden + 2 * hidden * static_cast<double>(c.intermediate_size)) +
      2 * 2 * hidden * n * segment;
  const double area = static_cast<double>(c.spatial_merge_size) * c.spatial_merge_size;
  const double joined = hidden * area;
  const double merger = 2 * (n / area) * (joined * joined + joined * c.out_hidden_size);
  const auto mergers = static_cast<double>(1 + c.deepstack_visual_indexes.size());
  return 2 * n * hidden * static_cast<double>(c.patch_dim()) + block * c.depth + merger * mergers;
}

double kv_read_bytes(const TextConfig& c, std::int64_t past, DType kv) {
  const double scales = kv == DType::kI8 ? 4.0 * c.num_key_value_heads : 0.0;
  const double row = static_cast<double>(c.kv_dim()) * static_cast<double>(dtype_size(kv)) + scales;
  return 2.0 * c.num_hidden_layers * row * static_cast<double>(past);
}

}  // namespace monocle::qwen3_vl
