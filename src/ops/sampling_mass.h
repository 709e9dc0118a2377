// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a draw, in integers: sums of them do not depend on their order, so that every
// device draws the same token. exp((logit - best) / temperature) becomes a distance below the best
// logit in steps of 2^-24 octaves, and the distance a mass of at most 2^40. Also compiled for GPUs.
#pragma once

#include <cstdint>
#include <limits>

namespace monocle {

inline constexpr int kDistanceBits = 24;  // steps of an octave: as fine as a float
inline constexpr int kMassBits = 40;      // mass of the best token
// From here on a mass is 0: all tokens of a vocabulary together would weigh less than 2^-22 of the
// best one.
inline constexpr std::uint32_t kVanishing = (std::uint32_t{kMassBits} << kDistanceBits) + 1;
inline constexpr std::uint64_t kWhole = std::uint64_t{1} << 53;  // see share()

// Steps per unit of a logit.
constexpr float distance_scale(float temperature) {
  const float scale = 0x1.715476p+24F / temperature;  // log2(e) octaves
  const float largest = std::numeric_limits<float>::max();
  return scale < largest ? scale : largest;
}

// One subtraction, one multiplication and a rounding towards zero: the same everywhere. Rises when
// logit falls; kVanishing or more for -inf.
constexpr std::uint32_t distance_of(float logit, float best, float scale) {
  const float steps = (best - logit) * scale;
  return steps < 0x1p31F ? static_cast<std::uint32_t>(steps) : 0x80000000U;
}

// 2^kMassBits * 2^-(distance / 2^kDistanceBits), 5e-9 of it off at most: a polynomial for the
// fraction, a shift for the rest.
constexpr std::uint64_t mass_of(std::uint32_t distance) {
  if (distance >= kVanishing) {
    return 0;
  }
  const std::uint64_t fraction = distance << (32 - kDistanceBits);
  std::uint32_t sum = 0x00039a36U;
  for (const std::uint32_t coefficient :
       {0x0029dc38U, 0x0139fd70U, 0x071a5f21U, 0x1ebfaeefU, 0x58b90b38U, 0x80000000U}) {
    sum = coefficient - static_cast<std::uint32_t>((sum * fraction) >> 32);
  }
  return (std::uint64_t{sum} << (kMassBits - 31)) >> (distance >> kDistanceBits);
}

// The order of truncation: nearer to the best first, then lower id.
constexpr std::uint64_t rank_of(std::uint32_t distance, std::int32_t id) {
  return (std::uint64_t{distance} << 32) | static_cast<std::uint32_t>(id);
}

// Rounded down: mass * fraction / 2^53, for fractions up to 2^53 and masses below 2^58.
constexpr std::uint64_t share(std::uint64_t fraction, std::uint64_t mass) {
  constexpr std::uint64_t kLow = 0xffffffffU;
  const std::uint64_t high = (fraction >> 32) * (mass >> 32);
  const std::uint64_t middle = (fraction >> 32) * (mass & kLow) + (fraction & kLow) * (mass >> 32) +
                               (((fraction & kLow) * (mass & kLow)) >> 32);
  return (high << 11) + (middle >> 21);
}

// top_p as a fraction for share(), and the least mass that min_p lets pass.
constexpr std::uint64_t fraction_of(float part) {
  return part < 1.0F ? static_cast<std::uint64_t>(static_cast<double>(part) * 0x1p53) : kWhole;
}
constexpr std::uint64_t least_mass(float min_p) {
  const double wanted = static_cast<double>(min_p) * static_cast<double>(mass_of(0));
  const auto whole = static_cast<std::uint64_t>(wanted);
  const std::uint64_t up = whole + (static_cast<double>(whole) < wanted ? 1 : 0);
  return up > 0 ? up : 1;
}

}  // namespace monocle
