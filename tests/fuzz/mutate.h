// SPDX-License-Identifier: Apache-2.0
// Deterministic mutation tests for parsers: good files in, N damaged ones to a callback, with
// limits on the CPU time and the memory of each call. Works in any build; crashes are found by
// running it under the sanitizers. One thread. A failing case names itself: run it alone with
// MONOCLE_FUZZ_CASE=<number>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"

namespace monocle::fuzz {

struct Seed {
  std::string name;
  std::vector<std::byte> bytes;
};

// The regular files of a folder in order of their names, those whose name starts with `prefix`.
std::vector<Seed> load_seeds(const std::string& folder, std::string_view prefix);

struct Campaign {
  std::uint64_t seed = 1;
  std::int64_t cases = 10'000;
  double max_seconds = 5.0;  // CPU time of one call
  // Memory that one call may hold at its peak. Counted exactly under AddressSanitizer, else as
  // resident pages.
  std::size_t max_bytes = std::size_t{256} << 20;
};

// Calls target(bytes) for every case; gtest failures for calls beyond the limits. The bytes end
// where their allocation ends, so that reading past them is seen.
void run_campaign(std::span<const Seed> seeds, const Campaign& campaign,
                  FunctionRef<void(std::span<const std::byte>)> target);

// Case `index` of a campaign: 1..8 edits (bits, boundary integers, cuts, copies, another seed's
// tail) of one seed.
std::vector<std::byte> mutate(std::span<const Seed> seeds, std::uint64_t seed, std::int64_t index);

}  // namespace monocle::fuzz
