// SPDX-License-Identifier: Apache-2.0
#include "cuda/int4_slices.h"

#include <gtest/gtest.h>

#include <vector>

#include "cuda/int4_tiles.h"

namespace monocle::cuda {
namespace {

// Memory that is never touched: only addresses are compared.
std::byte memory[1 << 16];
std::int8_t room_memory[1 << 16];

LinearArgs linear(std::vector<std::int64_t> parts, std::int64_t cols, bool swiglu) {
  LinearArgs args;
  args.x = {memory, DType::kBF16, 3, cols};
  std::int64_t n = 0;
  for (const std::int64_t rows : parts) {
    args.w.part[static_cast<std::size_t>(args.w.parts++)] = {memory + 4096 * args.w.parts, memory,
                                                             QuantFormat::kInt4Group, rows, cols};
    n += rows;
  }
  args.epilogue = swiglu ? Epilogue::kSwiGlu : Epilogue::kNone;
  args.y = {memory, DType::kF32, 3, swiglu ? n / 2 : n};
  return args;
}

struct Call {
  std::vector<WeightView> expanded;
  LinearArgs args;
};
std::vector<Call> slices(const LinearArgs& args, std::size_t bytes) {
  std::vector<Call> calls;
  std::vector<WeightView> expanded;
  std::vector<std::int8_t*> places;
  for_int8_slices(
      args, {room_memory, bytes},
      [&](const WeightView& w, std::int8_t* to) {
        EXPECT_EQ(w.format, QuantFormat::kInt4Group);
        EXPECT_LE(to + w.rows * w.cols, room_memory + bytes);
        expanded.push_back(w);
        places.push_back(to);
      },
      [&](const LinearArgs& run) {
        EXPECT_EQ(run.w.parts, static_cast<int>(expanded.size()));
        for (int i = 0; i < run.w.parts; ++i) {
          const auto at = static_cast<std::size_t>(i);
          EXPECT_EQ(run.w.part[at].data, places[at]);
          EXPECT_EQ(run.w.part[at].format, QuantFormat::kInt8Channel);
          EXPECT_EQ(run.w.part[at].aux, expanded[at].aux);
        }
        calls.push_back({expanded, run});
        expanded.clear();
        places.clear();
      });
  return calls;
}

TEST(Int4Slices, OneWhereAllPartsFit) {
  const LinearArgs args = linear({128, 64, 64}, 128, false);
  const auto calls = slices(args, 1 << 15);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].args.w.parts, 3);
  EXPECT_EQ(calls[0].args.y.data, args.y.data);
  EXPECT_EQ(calls[0].args.y.cols, 256);
}

TEST(Int4Slices, PartByPartWhereTheyDoNot) {
  const LinearArgs args = linear({200, 64}, 128, false);
  const auto calls = slices(args, 128 * 128);
  ASSERT_EQ(calls.size(), 3U);  // 128 and 72 rows, 64
  std::int64_t column = 0;
  for (const Call& call : calls) {
    EXPECT_EQ(call.args.w.parts, 1);
    EXPECT_EQ(call.args.y.data, static_cast<std::byte*>(args.y.data) + 4 * column);
    EXPECT_EQ(call.args.y.row_stride, args.y.row_stride);
    EXPECT_EQ(call.args.y.cols, call.expanded[0].rows);
    column += call.args.y.cols;
  }
  EXPECT_EQ(column, 264);
  EXPECT_EQ(calls[1].expanded[0].data,
            static_cast<const std::byte*>(args.w.part[0].data) + 16 * int4_tile_pitch(128));
  EXPECT_EQ(calls[1].expanded[0].aux, static_cast<const float*>(args.w.part[0].aux) + 128);
}

TEST(Int4Slices, GateAndUpTogether) {
  const LinearArgs args = linear({200, 200}, 128, true);
  const auto calls = slices(args, 128 * 128);
  ASSERT_EQ(calls.size(), 4U);  // 64 rows of each at a time
  EXPECT_EQ(calls[3].args.w.part[0].rows, 8);
  EXPECT_EQ(calls[3].args.w.part[1].rows, 8);
  EXPECT_EQ(calls[3].args.y.data, static_cast<std::byte*>(args.y.data) + 4 * 192);
  EXPECT_EQ(calls[3].args.y.cols, 8);
}

}  // namespace
}  // namespace monocle::cuda
