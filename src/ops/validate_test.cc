// SPDX-License-Identifier: Apache-2.0
#include "ops/validate.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace monocle {
namespace {

// Each test takes arguments that pass, breaks one thing, and expects the check to name it.
class ValidateDeathTest : public testing::Test {
 protected:
  ValidateDeathTest() {
    GTEST_FLAG_SET(death_test_style, "fast");
    linear_.x = {memory_.data(), DType::kF32, 2, 8};
    linear_.w.parts = 1;
    linear_.w.part[0] = {memory_.data(), nullptr, QuantFormat::kF32, 4, 8};
    linear_.y = {memory_.data() + 100, DType::kF32, 2, 4};

    paged_.q = {memory_.data(), DType::kF32, 2, 8};
    paged_.y = {memory_.data() + 100, DType::kF32, 2, 8};
    paged_.kv = {memory_.data() + 200, memory_.data() + 300, DType::kF32, 2, 4, 1, 8};
    paged_.heads = 1;
    paged_.query_start = query_start_;
    paged_.context = context_;
    paged_.block_table = table_.data();
    paged_.max_blocks = 2;
  }

  std::vector<float> memory_ = std::vector<float>(1000);
  std::vector<std::int32_t> query_start_{0, 2};
  std::vector<std::int32_t> context_{6};
  std::vector<std::int32_t> table_{0, 1};
  LinearArgs linear_;
  AttendPagedArgs paged_;
};

TEST_F(ValidateDeathTest, LinearShapes) {
  validate(linear_);
  LinearArgs wrong = linear_;
  wrong.x.cols = 7;
  EXPECT_DEATH(validate(wrong), "cols");
  wrong = linear_;
  wrong.y.cols = 3;
  EXPECT_DEATH(validate(wrong), "y.cols");
  wrong = linear_;
  wrong.w.parts = 0;
  EXPECT_DEATH(validate(wrong), "parts");
  wrong = linear_;
  wrong.y.dtype = DType::kF16;
  EXPECT_DEATH(validate(wrong), "dtype");
}

TEST_F(ValidateDeathTest, LinearWeights) {
  LinearArgs wrong = linear_;
  wrong.w.part[0].format = QuantFormat::kInt8Channel;  // without scales
  EXPECT_DEATH(validate(wrong), "aux");
  wrong = linear_;
  wrong.w.parts = 2;
  wrong.w.part[1] = wrong.w.part[0];
  wrong.w.part[1].format = QuantFormat::kBF16;
  EXPECT_DEATH(validate(wrong), "format");
}

TEST_F(ValidateDeathTest, SwiGluHasTwoEqualPartsAndNoBias) {
  LinearArgs swiglu = linear_;
  swiglu.epilogue = Epilogue::kSwiGlu;
  EXPECT_DEATH(validate(swiglu), "parts == 2");
  swiglu.w.parts = 2;
  swiglu.w.part[1] = swiglu.w.part[0];
  validate(swiglu);
  swiglu.bias = memory_.data();
  EXPECT_DEATH(validate(swiglu), "bias");
}

TEST_F(ValidateDeathTest, OnlyTheResidualMayBeTheOutput) {
  LinearArgs args = linear_;
  args.residual = args.y;
  validate(args);
  args.residual.data = memory_.data() + 101;
  EXPECT_DEATH(validate(args), "is_y");
  args = linear_;
  args.x.data = memory_.data() + 99;
  EXPECT_DEATH(validate(args), "overlap");
}

TEST_F(ValidateDeathTest, PagedContents) {
  validate(paged_);
  validate_contents(paged_);
  table_[1] = 2;  // only blocks 0 and 1 exist
  EXPECT_DEATH(validate_contents(paged_), "kv.blocks");
  table_[1] = 1;
  table_[0] = -1;  // freed
  EXPECT_DEATH(validate_contents(paged_), "kv.blocks");
  paged_.window = 1;  // queries at 4 and 5 see blocks from 4 on
  validate_contents(paged_);
  paged_.window = 2;
  EXPECT_DEATH(validate_contents(paged_), "kv.blocks");
  paged_.window = 1;
  paged_.sinks = 1;
  EXPECT_DEATH(validate_contents(paged_), "kv.blocks");
}

TEST_F(ValidateDeathTest, PagedCounts) {
  context_[0] = 1;  // fewer keys than queries
  EXPECT_DEATH(validate_contents(paged_), "queries <=");
  context_[0] = 9;  // more than the table holds
  EXPECT_DEATH(validate_contents(paged_), "max_blocks");
  AttendPagedArgs wrong = paged_;
  wrong.heads = 3;
  EXPECT_DEATH(validate(wrong), "heads");
}

TEST_F(ValidateDeathTest, IndicesStayInside) {
  const std::vector<std::int32_t> ids{3, 4};
  EmbedArgs embed;
  embed.ids = ids;
  embed.table = linear_.w.part[0];
  embed.y = {memory_.data() + 100, DType::kF32, 2, 8};
  validate(embed);
  EXPECT_DEATH(validate_contents(embed), "table.rows");

  const std::vector<std::int32_t> rows{-1, 2};
  const ConstTensorView source(memory_.data(), DType::kF32, 2, 8);
  EXPECT_DEATH(validate_contents(AddRowsArgs{rows, source, embed.y}), "source.rows");
  EXPECT_DEATH(validate_contents(GatherRowsArgs{rows, source, embed.y}), "x.rows");

  const std::vector<std::int32_t> segments{0, 3};
  AttendPackedArgs packed;
  packed.segments = segments;
  packed.y = embed.y;
  EXPECT_DEATH(validate_contents(packed), "segments.back");
}

TEST_F(ValidateDeathTest, SampleRowRanges) {
  std::vector<SampleRow> rows(2);
  std::vector<SampledToken> out(2);
  const SampleArgs args{linear_.x, 8, rows, out};
  validate(args);
  for (const std::function<void(SampleRow&)>& spoil :
       std::initializer_list<std::function<void(SampleRow&)>>{
           [](SampleRow& row) { row.temperature = -1.0F; }, [](SampleRow& row) { row.top_k = -1; },
           [](SampleRow& row) { row.min_p = 1.5F; },
           [](SampleRow& row) { row.repetition_penalty = 0.0F; },
           [](SampleRow& row) { row.top_logprobs = kMaxTopLogprobs + 1; }}) {
    rows[1] = SampleRow();
    spoil(rows[1]);
    EXPECT_DEATH(validate(args), "row\\.");
  }
  rows[1] = SampleRow();
  SampleArgs wide = args;
  wide.vocab = 9;
  EXPECT_DEATH(validate(wide), "vocab");
}

TEST(Overlap, ColumnSlicesOfTheSameRowsDoNot) {
  std::vector<float> memory(64);
  const ConstTensorView wide(memory.data(), DType::kF32, 4, 16);
  EXPECT_FALSE(overlap(wide.slice_cols(0, 8), wide.slice_cols(8, 8)));
  EXPECT_FALSE(overlap(wide.slice_cols(8, 8), wide.slice_cols(0, 8)));
  EXPECT_TRUE(overlap(wide.slice_cols(0, 9), wide.slice_cols(8, 8)));
  EXPECT_TRUE(overlap(wide.slice_cols(8, 8), wide.slice_rows(3, 1)));
  EXPECT_FALSE(overlap(wide.slice_rows(0, 2), wide.slice_rows(2, 2)));
  EXPECT_FALSE(overlap(wide.slice_rows(0, 0), wide));
  EXPECT_TRUE(overlap(wide, wide));
}

}  // namespace
}  // namespace monocle
