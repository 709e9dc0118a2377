// SPDX-License-Identifier: Apache-2.0
#include "mutate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "memory_meter.h"

namespace monocle::fuzz {
namespace {

constexpr unsigned kHangSeconds =
    120;  // wall clock; ends the process, so far above what a busy machine needs

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) {
    return bound == 0 ? 0 : static_cast<std::size_t>(next() % bound);
  }

 private:
  std::uint64_t state_;
};

using Data = std::vector<std::byte>;

// Parsers break at the ends of integer ranges; headers are where they stand, so half of all edits
// go there.
std::size_t pick_position(const Data& data, Random& random) {
  constexpr std::size_t kHeader = 64;
  const std::size_t range = random.below(2) == 0 ? std::min(kHeader, data.size()) : data.size();
  return random.below(range);
}

void write_integer(Data& data, Random& random) {
  constexpr std::array<std::uint64_t, 12> kValues = {
      0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 16384, ~0ULL};
  const std::uint64_t value = kValues[random.below(kValues.size())] + random.below(3) - 1;
  const std::size_t width = std::size_t{1} << random.below(4);
  const bool big_endian = random.below(2) == 0;
  const std::size_t at = pick_position(data, random);
  for (std::size_t i = 0; i < width && at + i < data.size(); ++i) {
    const std::size_t shift = 8 * (big_endian ? width - 1 - i : i);
    data[at + i] = static_cast<std::byte>(value >> shift);
  }
}

void cut(Data& data, Random& random) {
  const auto from = static_cast<std::ptrdiff_t>(pick_position(data, random));
  const std::size_t most = std::min<std::size_t>(data.size() - static_cast<std::size_t>(from), 256);
  data.erase(data.begin() + from,
             data.begin() + from + static_cast<std::ptrdiff_t>(random.below(most + 1)));
}

void copy_block(Data& data, Random& random) {
  const std::size_t from = random.below(data.size());
  const std::size_t length = random.below(std::min<std::size_t>(data.size() - from, 256) + 1);
  const auto begin = data.begin() + static_cast<std::ptrdiff_t>(from);
  const Data block(begin, begin + static_cast<std::ptrdiff_t>(length));
  data.insert(data.begin() + static_cast<std::ptrdiff_t>(pick_position(data, random)),
              block.begin(), block.end());
}

void splice(Data& data, const Data& other, Random& random) {
  const std::size_t keep = random.below(data.size());
  const std::size_t from = random.below(other.size());
  data.resize(keep);
  data.insert(data.end(), other.begin() + static_cast<std::ptrdiff_t>(std::min(from, other.size())),
              other.end());
}

void edit(Data& data, std::span<const Seed> seeds, Random& random) {
  if (data.empty()) {
    data.push_back(static_cast<std::byte>(random.next()));
    return;
  }
  switch (random.below(10)) {
    case 0:
    case 1:
      data[pick_position(data, random)] ^= static_cast<std::byte>(1U << random.below(8));
      break;
    case 2:
    case 3:
      data[pick_position(data, random)] = static_cast<std::byte>(random.next());
      break;
    case 4:
    case 5:
      write_integer(data, random);
      break;
    case 6:
      cut(data, random);
      break;
    case 7:
      copy_block(data, random);
      break;
    case 8:
      data.resize(random.below(data.size()));
      break;
    default:
      splice(data, seeds[random.below(seeds.size())].bytes, random);
      break;
  }
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::array<char, 128> hang_message{};

// Only async-signal-safe calls: the process may hold any lock.
void on_hang(int) {
  const auto* end = std::find(hang_message.begin(), hang_message.end(), '\0');
  const auto length = static_cast<std::size_t>(end - hang_message.begin());
  static_cast<void>(!write(STDERR_FILENO, hang_message.data(), length));
  _exit(1);
}

void guard_against_hang(std::int64_t index) {
  std::snprintf(hang_message.data(), hang_message.size(),
                "case %lld hangs: MONOCLE_FUZZ_CASE=%lld runs it alone\n",
                static_cast<long long>(index), static_cast<long long>(index));
  alarm(kHangSeconds);
}

void run_case(std::span<const Seed> seeds, const Campaign& campaign, std::int64_t index,
              FunctionRef<void(std::span<const std::byte>)> target) {
  const Data mutated = mutate(seeds, campaign.seed, index);
  const std::unique_ptr<std::byte[]> exact(new std::byte[mutated.size()]);
  std::copy(mutated.begin(), mutated.end(), exact.get());
  guard_against_hang(index);
  const MemoryMeter meter;
  const double start = cpu_seconds();
  target({exact.get(), mutated.size()});
  const double seconds = cpu_seconds() - start;
  const std::size_t bytes = meter.peak_bytes();
  EXPECT_LE(seconds, campaign.max_seconds) << "case " << index << " takes too long";
  EXPECT_LE(bytes, campaign.max_bytes) << "case " << index << " takes too much memory";
}

}  // namespace

std::vector<Seed> load_seeds(const std::string& folder, std::string_view prefix) {
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || !std::string_view(name).starts_with(prefix)) {
      continue;
    }
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto bytes = std::as_bytes(std::span(text));
    seeds.push_back({name, Data(bytes.begin(), bytes.end())});
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

std::vector<std::byte> mutate(std::span<const Seed> seeds, std::uint64_t seed, std::int64_t index) {
  Random random(seed * 0x100000001b3U + static_cast<std::uint64_t>(index));
  // Seeds take turns, so that each gets its share whatever their number.
  Data data = seeds[static_cast<std::size_t>(index) % seeds.size()].bytes;
  // Half of the cases get one edit: those come deepest.
  const std::size_t edits = random.below(2) == 0 ? 1 : 1 + random.below(8);
  for (std::size_t i = 0; i < edits; ++i) {
    edit(data, seeds, random);
  }
  return data;
}

void run_campaign(std::span<const Seed> seeds, const Campaign& campaign,
                  FunctionRef<void(std::span<const std::byte>)> target) {
  ASSERT_FALSE(seeds.empty());
  std::signal(SIGALRM, on_hang);
  const char* only = std::getenv("MONOCLE_FUZZ_CASE");
  const std::int64_t first = only == nullptr ? 0 : std::atoll(only);
  const std::int64_t end = only == nullptr ? campaign.cases : first + 1;
  for (std::int64_t index = first; index < end && !testing::Test::HasFatalFailure(); ++index) {
    run_case(seeds, campaign, index, target);
  }
  alarm(0);
}

}  // namespace monocle::fuzz
