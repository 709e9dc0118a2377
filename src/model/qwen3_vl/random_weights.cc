// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/random_weights.h"

#include <array>
#include <cmath>

#include "base/hash.h"

namespace monocle::qwen3_vl {
namespace {

struct Preset {
  std::string_view name;
  std::int32_t hidden, layers, heads, kv_heads, intermediate, vocab;
  bool tied;
  std::int32_t vision_depth, vision_hidden, vision_heads, vision_intermediate;
  std::array<std::int32_t, 3> deepstack;
};

constexpr std::array kPresets{
    Preset{"tiny", 64, 5, 4, 2, 160, 151936, true, 6, 128, 2, 256, {1, 2, 4}},
    Preset{"2b", 2048, 28, 16, 8, 6144, 151936, true, 24, 1024, 16, 4096, {5, 11, 17}},
    Preset{"4b", 2560, 36, 32, 8, 9728, 151936, true, 24, 1024, 16, 4096, {5, 11, 17}},
    Preset{"8b", 4096, 36, 32, 8, 12288, 151936, false, 27, 1152, 16, 4304, {8, 16, 24}},
    Preset{"32b", 5120, 64, 64, 8, 25600, 151936, false, 27, 1152, 16, 4304, {8, 16, 24}},
};

// SplitMix64: one multiply-xor chain per value, plenty for numbers nobody looks at.
std::uint64_t mix(std::uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebULL;
  return state ^ (state >> 31);
}

// Uniform in [center - half, center + half] from 16 bits.
std::uint16_t uniform(std::uint64_t bits, float center, float half) {
  const auto unit = static_cast<float>(bits & 0xffffU) * (1.0F / 32768.0F) - 1.0F;
  return float_to_bf16(center + half * unit);
}

struct Range {
  float center;
  float half;
};

Range range_of(std::string_view name, std::span<const std::int64_t> shape) {
  if (shape.size() == 1) {
    return name.ends_with("norm.weight") || name.ends_with("norm1.weight") ||
                   name.ends_with("norm2.weight")
               ? Range{1.0F, 0.1F}
               : Range{0.0F, 0.1F};
  }
  std::int64_t fan_in = 1;
  for (const std::int64_t size : shape.subspan(1)) {
    fan_in *= size;
  }
  // sqrt(3) turns a standard deviation into the half width of a uniform distribution.
  return {0.0F, std::sqrt(3.0F / static_cast<float>(fan_in))};
}

}  // namespace

Result<Config> preset_config(std::string_view name) {
  for (const Preset& p : kPresets) {
    if (p.name != name) {
      continue;
    }
    Config config;
    config.text = {.vocab_size = p.vocab,
                   .hidden_size = p.hidden,
                   .intermediate_size = p.intermediate,
                   .num_hidden_layers = p.layers,
                   .num_attention_heads = p.heads,
                   .num_key_value_heads = p.kv_heads,
                   .head_dim = 128,
                   .rms_norm_eps = 1e-6F,
                   .rope_theta = 5e6,
                   .mrope_section = {24, 20, 20},
                   .yarn = {},
                   .max_position_embeddings = 262144};
    config.vision = {.depth = p.vision_depth,
                     .hidden_size = p.vision_hidden,
                     .intermediate_size = p.vision_intermediate,
                     .num_heads = p.vision_heads,
                     .in_channels = 3,
                     .patch_size = 16,
                     .temporal_patch_size = 2,
                     .spatial_merge_size = 2,
                     .out_hidden_size = p.hidden,
                     .num_position_embeddings = 2304,
                     .deepstack_visual_indexes = {p.deepstack.begin(), p.deepstack.end()}};
    config.tie_word_embeddings = p.tied;
    config.image_token_id = 151655;
    config.video_token_id = 151656;
    config.vision_start_token_id = 151652;
    config.vision_end_token_id = 151653;
    return config;
  }
  return fail(ErrorCode::kNotFound, "no random model named '{}': choose tiny, 2b, 4b, 8b or 32b",
              name);
}

LoadedTensor random_tensor(std::string_view name, std::span<const std::int64_t> shape,
                           ThreadPool& pool) {
  const std::int64_t rows = shape[0];
  std::int64_t cols = 1;
  for (const std::int64_t size : shape.subspan(1)) {
    cols *= size;
  }
  LoadedTensor tensor;
  tensor.owned = Buffer(static_cast<std::size_t>(rows * cols) * sizeof(std::uint16_t));
  auto* out = static_cast<std::uint16_t*>(static_cast<void*>(tensor.owned.data()));
  const std::uint64_t seed = hash64(std::as_bytes(std::span(name)));
  const Range range = range_of(name, shape);
  pool.parallel_for(rows * cols, 1 << 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; i += 4) {
      std::uint64_t bits = mix(seed + static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15ULL);
      for (std::int64_t j = i; j < std::min(i + 4, end); ++j, bits >>= 16) {
        out[j] = uniform(bits, range.center, range.half);
      }
    }
  });
  tensor.view = {out, nullptr, QuantFormat::kBF16, rows, cols};
  tensor.shape.assign(shape.begin(), shape.end());
  return tensor;
}

Patches random_patches(const VisionConfig& vision, const GridThw& grid, std::uint64_t seed) {
  Patches patches;
  patches.grid = grid;
  patches.pixels.resize(static_cast<std::size_t>(grid.patches() * vision.in_channels *
                                                 vision.patch_size * vision.patch_size));
  for (std::size_t i = 0; i < patches.pixels.size(); ++i) {
    patches.pixels[i] = static_cast<std::uint8_t>(mix(seed + i * 0x9e3779b97f4a7c15ULL));
  }
  for (auto& values : patches.values) {
    for (std::size_t byte = 0; byte < values.size(); ++byte) {
      values[byte] = static_cast<float>(byte) / 127.5F - 1.0F;
    }
  }
  return patches;
}

}  // namespace monocle::qwen3_vl
