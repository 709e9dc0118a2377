// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/rope_tables.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace monocle::qwen3_vl {
namespace {

// theta^(2k / dim), the exponent rounded to float32 first as the reference does.
float wavelength(double theta, std::size_t k, std::int32_t dim) {
  const float exponent = static_cast<float>(2 * k) / static_cast<float>(dim);
  return static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
}

// The frequency index at which the trained context holds `rotations` full turns.
double correction_index(double rotations, const TextConfig& config) {
  const auto length = static_cast<double>(config.yarn->original_max_position_embeddings);
  return config.head_dim * std::log(length / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(config.rope_theta));
}

// Channels before `low` turn often enough to keep their frequency, those after `high` are stretched
// by the factor, those between are blended.
void apply_yarn(const TextConfig& config, std::vector<float>& inv_freq) {
  const Yarn& yarn = *config.yarn;
  double low = correction_index(yarn.beta_fast, config);
  double high = correction_index(yarn.beta_slow, config);
  if (yarn.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.head_dim - 1));
  if (low == high) {
    high += 0.001;  // a step instead of a division by zero
  }
  for (std::size_t k = 0; k < inv_freq.size(); ++k) {
    const float ramp =
        (static_cast<float>(k) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1.0F - std::clamp(ramp, 0.0F, 1.0F);
    const float stretched = 1.0F / (static_cast<float>(yarn.factor) *
                                    wavelength(config.rope_theta, k, config.head_dim));
    inv_freq[k] = stretched * (1.0F - keep) + inv_freq[k] * keep;
  }
}

double magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double yarn_scale(const Yarn& yarn) {
  if (yarn.attention_factor) {
    return *yarn.attention_factor;
  }
  const double mscale = yarn.mscale.value_or(0.0);
  const double all_dim = yarn.mscale_all_dim.value_or(0.0);
  // Zero means absent, as in the reference.
  return mscale != 0.0 && all_dim != 0.0
             ? magnitude(yarn.factor, mscale) / magnitude(yarn.factor, all_dim)
             : magnitude(yarn.factor, 1.0);
}

}  // namespace

TextRope text_rope(const TextConfig& config) {
  TextRope rope;
  const auto half = static_cast<std::size_t>(config.head_dim / 2);
  const auto height_end = static_cast<std::size_t>(3 * config.mrope_section[1]);
  const auto width_end = static_cast<std::size_t>(3 * config.mrope_section[2]);
  for (std::size_t k = 0; k < half; ++k) {
    rope.inv_freq.push_back(1.0F / wavelength(config.rope_theta, k, config.head_dim));
    const bool height = k % 3 == 1 && k < height_end;
    const bool width = k % 3 == 2 && k < width_end;
    rope.axis.push_back(static_cast<std::uint8_t>(height ? 1 : width ? 2 : 0));
  }
  if (config.yarn) {
    apply_yarn(config, rope.inv_freq);
    rope.scale = static_cast<float>(yarn_scale(*config.yarn));
  }
  return rope;
}

std::vector<float> vision_inv_freq(const VisionConfig& config) {
  std::vector<float> inv_freq;
  const std::int32_t dim = config.head_dim() / 2;
  for (std::int32_t k = 0; k < dim / 2; ++k) {
    inv_freq.push_back(1.0F / wavelength(config.rope_theta, static_cast<std::size_t>(k), dim));
  }
  return inv_freq;
}

}  // namespace monocle::qwen3_vl
