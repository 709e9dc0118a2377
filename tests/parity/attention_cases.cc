// SPDX-License-Identifier: Apache-2.0
// attend_paged and attend_packed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cases.h"
#include "kv_pages.h"

namespace monocle::parity {
namespace {

constexpr float kMildOutlier = 4.0F;  // heads are normalised before attention

struct Sequence {
  std::int32_t context = 0;
  std::int32_t queries = 0;
};

struct PagedSetup {
  std::string name;
  std::vector<Sequence> sequences;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  DType kv = DType::kF32;
  DType q = DType::kF32;
  DType y = DType::kF32;
  std::int32_t window = 0;
  std::int32_t sinks = 0;
  std::int32_t block_tokens = 16;
  std::int64_t padding = 3;  // elements between rows of q
};

struct Pages {
  std::vector<std::int32_t> table;  // [sequences, max_blocks]
  std::int32_t max_blocks = 0;
  std::int32_t blocks = 0;
  HostTensor k;
  HostTensor v;
};

bool block_seen(const PagedSetup& setup, const Sequence& sequence, std::int32_t block) {
  const std::int32_t first =
      setup.window == 0 ? 0 : sequence.context - sequence.queries - setup.window + 1;
  return sequence.queries > 0 &&
         ((block + 1) * setup.block_tokens > first || block * setup.block_tokens < setup.sinks);
}

// Blocks in shuffled order. Those that no query sees are -1; blocks of nobody hold NaN; slots
// behind the end of a sequence hold large numbers, as stale data would.
Pages make_pages(const PagedSetup& setup, Random& random) {
  Pages pages;
  for (const Sequence& sequence : setup.sequences) {
    const std::int32_t needed = (sequence.context + setup.block_tokens - 1) / setup.block_tokens;
    pages.max_blocks = std::max(pages.max_blocks, needed + 1);
    pages.blocks += needed;
  }
  pages.blocks += 3;
  std::vector<std::int32_t> order;
  for (std::int32_t block = 0; block < pages.blocks; ++block) {
    order.push_back(block);
  }
  random.shuffle(order);
  pages.k = HostTensor(std::int64_t{pages.blocks} * setup.kv_heads * setup.block_tokens,
                       setup.head_dim, host_type(setup.kv));
  pages.v = pages.k;
  pages.table.assign(setup.sequences.size() * static_cast<std::size_t>(pages.max_blocks), -1);
  for (std::size_t b = 0; b < setup.sequences.size(); ++b) {
    const Sequence& sequence = setup.sequences[b];
    for (std::int32_t j = 0; j * setup.block_tokens < sequence.context; ++j) {
      if (!block_seen(setup, sequence, j)) {
        continue;
      }
      const std::int32_t block = order.back();
      order.pop_back();
      pages.table[b * static_cast<std::size_t>(pages.max_blocks) + static_cast<std::size_t>(j)] =
          block;
      for (std::int32_t i = 0; i < setup.kv_heads * setup.block_tokens; ++i) {
        const bool stale = j * setup.block_tokens + i % setup.block_tokens >= sequence.context;
        const std::int64_t row = std::int64_t{block} * setup.kv_heads * setup.block_tokens + i;
        for (std::int64_t c = 0; c < setup.head_dim; ++c) {
          pages.k.set(
              row, c,
              stale ? 1e4F : random.normal() * (random.below(100) == 0 ? kMildOutlier : 1.0F));
          pages.v.set(
              row, c,
              stale ? 1e4F : random.normal() * (random.below(100) == 0 ? kMildOutlier : 1.0F));
        }
      }
    }
  }
  return pages;
}

std::vector<HostTensor> run_paged(Backend& backend, const PagedSetup& setup,
                                  const Movement& movement) {
  Random random(setup.name);
  const Pages pages = make_pages(setup, random);
  std::vector<std::int32_t> query_start{0};
  std::vector<std::int32_t> context;
  for (const Sequence& sequence : setup.sequences) {
    query_start.push_back(query_start.back() + sequence.queries);
    context.push_back(sequence.context);
  }
  const std::int64_t cols = std::int64_t{setup.heads} * setup.head_dim;
  const HostTensor q =
      random.tensor(query_start.back(), cols, setup.q, setup.padding, kMildOutlier);
  HostTensor y(query_start.back(), cols, setup.y, 5);
  Rig rig(backend);
  AttendPagedArgs args;
  args.q = rig.put(moved(q, movement, 1));
  const PlacedPages k = put_pages(rig, pages.k, setup.kv, movement, 2);
  const PlacedPages v = put_pages(rig, pages.v, setup.kv, movement, 3);
  args.kv = {k.data,         v.data,         k.dtype, pages.blocks, setup.block_tokens,
             setup.kv_heads, setup.head_dim, k.scale, v.scale};
  args.heads = setup.heads;
  args.scale = 1.0F / std::sqrt(static_cast<float>(setup.head_dim));
  args.query_start = {rig.put(query_start), query_start.size()};
  args.context = {rig.put(context), context.size()};
  args.block_table = rig.put(pages.table);
  args.max_blocks = pages.max_blocks;
  args.window = setup.window;
  args.sinks = setup.sinks;
  args.y = rig.put(y);
  backend.attend_paged(args);
  rig.get(args.y, y);
  return {y};
}

struct PackedSetup {
  std::string name;
  std::vector<std::int32_t> sizes;  // patches of each segment
  std::int32_t heads = 0;
  std::int32_t head_dim = 0;
  DType y = DType::kF32;
};

std::vector<HostTensor> run_packed(Backend& backend, const PackedSetup& setup,
                                   const Movement& movement) {
  Random random(setup.name);
  std::vector<std::int32_t> segments{0};
  std::vector<std::int32_t> row;
  std::vector<std::int32_t> col;
  for (const std::int32_t size : setup.sizes) {
    segments.push_back(segments.back() + size);
    const std::int32_t width =
        std::max(1, static_cast<std::int32_t>(std::sqrt(static_cast<double>(size))));
    for (std::int32_t i = 0; i < size; ++i) {
      row.push_back(i / width);
      col.push_back(i % width);
    }
  }
  const std::int64_t cols = std::int64_t{setup.heads} * setup.head_dim;
  const HostTensor qkv = random.tensor(segments.back(), 3 * cols, DType::kF32, 4, kMildOutlier);
  std::vector<float> inv_freq;
  for (std::int32_t c = 0; c < setup.head_dim / 4; ++c) {
    inv_freq.push_back(static_cast<float>(std::pow(1e4, -4.0 * c / setup.head_dim)));
  }
  HostTensor y(segments.back(), cols, setup.y, 6);
  Rig rig(backend);
  AttendPackedArgs args;
  args.qkv = rig.put(moved(qkv, movement, 1));
  args.heads = setup.heads;
  args.head_dim = setup.head_dim;
  args.row = {rig.put(row), row.size()};
  args.col = {rig.put(col), col.size()};
  args.inv_freq = rig.put(inv_freq);
  args.segments = {rig.put(segments), segments.size()};
  args.scale = 1.0F / std::sqrt(static_cast<float>(setup.head_dim));
  args.y = rig.put(y);
  backend.attend_packed(args);
  rig.get(args.y, y);
  return {y};
}

void add_paged(std::vector<Case>& cases, PagedSetup setup, const std::string& what) {
  std::int32_t longest = 0;
  for (const Sequence& sequence : setup.sequences) {
    longest = std::max(longest, sequence.context);
  }
  setup.name =
      fmt::format("attend_paged_{}_h{}_kv{}_d{}_q{}_kv{}_y{}", what, setup.heads, setup.kv_heads,
                  setup.head_dim, dtype_name(setup.q), dtype_name(setup.kv), dtype_name(setup.y));
  const bool narrow = setup.q == DType::kBF16 || setup.kv != DType::kF32 || setup.y == DType::kBF16;
  const double rounding =
      narrow ? kUnitBF16 : sum_rounding(std::max<std::int64_t>(setup.head_dim, longest));
  const auto run = [setup](Backend& backend, const Movement& movement) {
    return setup.kv == DType::kI8 && !backend.capabilities().int8_kv
               ? std::vector<HostTensor>()
               : run_paged(backend, setup, movement);
  };
  cases.push_back({setup.name, run, matches_within(run, rounding, setup.head_dim)});
}

}  // namespace

std::vector<Case> paged_cases() {
  const std::vector<std::pair<std::string, std::vector<Sequence>>> batches = {
      {"decode", {{1, 1}, {15, 1}, {16, 1}, {17, 1}, {300, 1}}},
      {"prefill", {{1, 1}, {17, 17}, {64, 64}}},
      {"mixed", {{300, 1}, {33, 5}, {16, 16}, {0, 0}, {131, 67}, {15, 1}}},
      {"one", {{1, 1}}},
      {"none", {}},
  };
  struct Types {
    DType q, kv, y;
  };
  const Types types[] = {{DType::kF32, DType::kF32, DType::kF32},
                         {DType::kBF16, DType::kBF16, DType::kBF16},
                         {DType::kF32, DType::kBF16, DType::kF32},
                         {DType::kBF16, DType::kI8, DType::kBF16},
                         {DType::kF32, DType::kI8, DType::kF32}};
  const std::pair<std::int32_t, std::int32_t> head_counts[] = {
      {2, 2}, {4, 2}, {4, 1}, {5, 1}, {16, 2}};
  std::vector<Case> cases;
  for (const Types& type : types) {
    for (const std::int32_t head_dim : {64, 128}) {
      for (const auto& [heads, kv_heads] : head_counts) {
        for (const auto& [name, batch] : batches) {
          PagedSetup setup{"", batch, heads, kv_heads, head_dim, type.kv, type.q, type.y, 0, 0, 16};
          add_paged(cases, setup, name);
        }
      }
      PagedSetup windowed{"", batches[2].second, 4, 2, head_dim, type.kv, type.q, type.y, 40, 0,
                          16};
      add_paged(cases, windowed, "window");
      windowed.sinks = 18;
      add_paged(cases, windowed, "window_sinks");
      windowed.window = 1;
      add_paged(cases, windowed, "window_of_one");
      // Rows at multiples of 16 bytes, and chunks of several tiles.
      PagedSetup aligned{"",       {{64, 64}, {301, 1}, {300, 300}, {0, 0}, {513, 130}, {40, 33}},
                         4,        2,
                         head_dim, type.kv,
                         type.q,   type.y,
                         0,        0,
                         16};
      aligned.padding = 8;
      add_paged(cases, aligned, "aligned");
      aligned.block_tokens = 64;
      aligned.heads = 3;
      aligned.kv_heads = 1;
      add_paged(cases, aligned, "aligned_blocks_of_64");
      PagedSetup large_blocks{"", batches[2].second, 4, 2, head_dim, type.kv, type.q, type.y, 0, 0,
                              32};
      add_paged(cases, large_blocks, "blocks_of_32");
    }
  }
  return cases;
}

std::vector<Case> packed_cases() {
  const std::vector<std::vector<std::int32_t>> packs = {
      {1}, {4, 1, 37}, {64}, {300, 4}, {65, 64, 63, 2}, {}, {261, 130}};
  std::vector<Case> cases;
  for (const std::int32_t head_dim : {64, 72, 80}) {
    for (const DType y : {DType::kF32, DType::kBF16}) {
      for (std::size_t i = 0; i < packs.size(); ++i) {
        PackedSetup setup{"", packs[i], i % 2 == 0 ? 2 : 3, head_dim, y};
        setup.name =
            fmt::format("attend_packed_{}_h{}_d{}_y{}", i, setup.heads, head_dim, dtype_name(y));
        const double rounding = y == DType::kBF16 ? kUnitBF16 : sum_rounding(300);
        const auto run = [setup](Backend& backend, const Movement& movement) {
          return run_packed(backend, setup, movement);
        };
        cases.push_back({setup.name, run, matches_within(run, rounding, head_dim)});
      }
    }
  }
  return cases;
}

}  // namespace monocle::parity
