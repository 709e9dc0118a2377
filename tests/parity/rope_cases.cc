// SPDX-License-Identifier: Apache-2.0
// rope_append.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cases.h"
#include "kv_pages.h"
#include "ops/reference/reference_backend.h"

namespace monocle::parity {
namespace {

struct RopeSetup {
  std::string name;
  std::int64_t tokens = 0;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  DType kv = DType::kF32;
  DType q = DType::kF32;
  float scale = 1.0F;
};

// [tokens, kv_heads D] of the slots that were written; everything else must still be poison.
HostTensor written_rows(const HostTensor& pages, const std::vector<std::int64_t>& slots,
                        const KvView& kv) {
  std::vector<std::int64_t> stored;
  std::copy_if(slots.begin(), slots.end(), std::back_inserter(stored),
               [](std::int64_t slot) { return slot >= 0; });
  const std::int64_t cols = pages.cols();  // head_dim, or 1 of scales
  HostTensor out(static_cast<std::int64_t>(stored.size()), kv.kv_heads * cols, pages.dtype());
  HostTensor rest = pages;
  const HostTensor poison(pages.rows(), cols, pages.dtype());
  const std::size_t row_bytes = static_cast<std::size_t>(cols) * dtype_size(pages.dtype());
  for (std::size_t i = 0; i < stored.size(); ++i) {
    for (std::int32_t head = 0; head < kv.kv_heads; ++head) {
      const std::int64_t row =
          (stored[i] / kv.block_tokens * kv.kv_heads + head) * kv.block_tokens +
          stored[i] % kv.block_tokens;
      for (std::int64_t c = 0; c < cols; ++c) {
        out.set(static_cast<std::int64_t>(i), head * cols + c, pages.at(row, c));
      }
      std::memcpy(rest.bytes().data() + static_cast<std::size_t>(row) * row_bytes,
                  poison.bytes().data(), row_bytes);
    }
  }
  SCOPED_TRACE("cache slots that no token was to be stored in");
  expect_equal_bytes(rest, poison);
  return out;
}

// Keys, values, their scales.
std::vector<HostTensor> append_int8(Backend& backend, Rig& rig, RopeAppendArgs args,
                                    std::int64_t rows, const std::vector<std::int64_t>& slots) {
  Int8Target k(rig, rows, args.kv.head_dim);
  Int8Target v(rig, rows, args.kv.head_dim);
  args.kv.dtype = DType::kI8;
  args.kv.k = k.placed().data;
  args.kv.v = v.placed().data;
  args.kv.k_scale = k.placed().scale;
  args.kv.v_scale = v.placed().scale;
  backend.rope_append(args);
  k.read(backend);
  v.read(backend);
  return {written_rows(k.codes, slots, args.kv), written_rows(v.codes, slots, args.kv),
          written_rows(k.scales, slots, args.kv), written_rows(v.scales, slots, args.kv)};
}

std::vector<HostTensor> run_rope(Backend& backend, const RopeSetup& setup,
                                 const Movement& movement) {
  Random random(setup.name);
  const std::int64_t d = setup.head_dim;
  const HostTensor qkv =
      random.tensor(setup.tokens, (setup.heads + 2 * setup.kv_heads) * d, DType::kF32, 4, 8.0F);
  std::vector<std::int32_t> positions;
  for (std::int64_t i = 0; i < 3 * setup.tokens; ++i) {
    positions.push_back(i % 5 == 0 ? random.below(1000000) : random.below(4000));
  }
  std::vector<float> inv_freq;
  std::vector<std::uint8_t> axis;
  for (std::int64_t c = 0; c < d / 2; ++c) {
    inv_freq.push_back(
        static_cast<float>(std::pow(5e6, -2.0 * static_cast<double>(c) / static_cast<double>(d))));
    axis.push_back(c < 60 ? static_cast<std::uint8_t>(c % 3) : std::uint8_t{0});
  }
  const auto blocks = static_cast<std::int32_t>(setup.tokens / 16 + 3);
  std::vector<std::int64_t> free_slots;
  for (std::int64_t slot = 0; slot < blocks * 16; ++slot) {
    free_slots.push_back(slot);
  }
  random.shuffle(free_slots);
  std::vector<std::int64_t> slots(free_slots.begin(), free_slots.begin() + setup.tokens);
  for (std::size_t t = 2; t < slots.size(); t += 5) {
    slots[t] = -1;
  }
  const std::int64_t rows = std::int64_t{blocks} * setup.kv_heads * 16;
  HostTensor q(setup.tokens, setup.heads * d, setup.q, 2);

  Rig rig(backend);
  RopeAppendArgs args;
  args.qkv = rig.put(moved(qkv, movement, 1));
  args.q_norm = rig.put(random.vector(d, 1.0F, 0.2F));
  args.k_norm = rig.put(random.vector(d, 1.0F, 0.2F));
  args.positions = rig.put(positions);
  args.rope = {rig.put(inv_freq), rig.put(axis), setup.scale};
  args.slots = {rig.put(slots), slots.size()};
  args.kv = {.blocks = blocks, .kv_heads = setup.kv_heads, .head_dim = setup.head_dim};
  args.q = rig.put(q);
  std::vector<HostTensor> out;
  if (setup.kv == DType::kI8) {
    out = append_int8(backend, rig, args, rows, slots);
  } else {
    HostTensor k(rows, d, setup.kv);
    HostTensor v = k;
    const TensorView k_view = rig.put(k);
    const TensorView v_view = rig.put(v);
    args.kv.k = k_view.data;
    args.kv.v = v_view.data;
    args.kv.dtype = setup.kv;
    backend.rope_append(args);
    rig.get(k_view, k);
    rig.get(v_view, v);
    out = {written_rows(k, slots, args.kv), written_rows(v, slots, args.kv)};
  }
  rig.get(args.q, q);
  out.insert(out.begin(), q);
  return out;
}

// An int8 cache: q as ever. The scales follow from one element each and hold but its rounding. The
// bytes of a key may be one off where the reference stood next to a tie; values are only divided.
CheckFunction int8_matches(const RunFunction& run, std::int64_t head_dim) {
  const RunFunction only_q = [run](Backend& backend, const Movement& movement) {
    std::vector<HostTensor> out = run(backend, movement);
    out.resize(1);
    return out;
  };
  const CheckFunction q_matches = matches_within(only_q, sum_rounding(head_dim), head_dim);
  return [run, q_matches](const std::vector<HostTensor>& outputs) {
    if (outputs.empty()) {
      GTEST_SKIP() << "no cache of int8";
    }
    q_matches({outputs[0]});
    ReferenceBackend reference;
    const std::vector<HostTensor> expected = run(reference, Movement());
    ASSERT_EQ(outputs.size(), expected.size());
    std::int64_t off = 0;
    for (std::int64_t r = 0; r < expected[1].rows(); ++r) {
      for (std::int64_t c = 0; c < expected[1].cols(); ++c) {
        const float difference = std::fabs(outputs[1].at(r, c) - expected[1].at(r, c));
        ASSERT_LE(difference, 1.0F) << "key row " << r << " col " << c;
        off += difference > 0.0F ? 1 : 0;
      }
      for (std::int64_t c = 0; c < expected[3].cols(); ++c) {
        ASSERT_NEAR(outputs[3].at(r, c) / expected[3].at(r, c), 1.0F, 1e-5F) << "scale " << r;
      }
    }
    EXPECT_LE(off * 200, expected[1].rows() * expected[1].cols()) << "too many for ties";
    expect_equal_bytes(outputs[2], expected[2]);
    expect_equal_bytes(outputs[4], expected[4]);
  };
}

void add_int8(std::vector<Case>& cases, const RopeSetup& setup) {
  const auto run = [setup](Backend& backend, const Movement& movement) {
    return backend.capabilities().int8_kv ? run_rope(backend, setup, movement)
                                          : std::vector<HostTensor>();
  };
  cases.push_back({setup.name, run, int8_matches(run, setup.head_dim)});
}

}  // namespace

std::vector<Case> rope_cases() {
  std::vector<Case> cases;
  const std::pair<std::int32_t, std::int32_t> head_counts[] = {{1, 1}, {4, 2}, {5, 1}, {16, 8}};
  for (const std::int32_t head_dim : {64, 128}) {
    for (const auto& [heads, kv_heads] : head_counts) {
      for (const std::int64_t tokens : {0, 1, 3, 17, 67}) {
        RopeSetup setup;
        setup.tokens = tokens;
        setup.heads = heads;
        setup.kv_heads = kv_heads;
        setup.head_dim = head_dim;
        setup.kv = (tokens + heads) % 2 == 0 ? DType::kBF16 : DType::kF32;
        setup.q = heads > 1 && tokens % 4 == 3 ? DType::kBF16 : DType::kF32;
        setup.scale = tokens == 17 ? 1.1098612F : 1.0F;
        setup.name = fmt::format("rope_append_t{}_h{}_kv{}_d{}_kv{}_q{}", tokens, heads, kv_heads,
                                 head_dim, dtype_name(setup.kv), dtype_name(setup.q));
        const auto run = [setup](Backend& backend, const Movement& movement) {
          return run_rope(backend, setup, movement);
        };
        cases.push_back({setup.name, run, matches_within(run, sum_rounding(head_dim), head_dim)});
        setup.kv = DType::kI8;
        setup.name = fmt::format("rope_append_t{}_h{}_kv{}_d{}_kvi8_q{}", tokens, heads, kv_heads,
                                 head_dim, dtype_name(setup.q));
        add_int8(cases, setup);
      }
    }
  }
  return cases;
}

}  // namespace monocle::parity
