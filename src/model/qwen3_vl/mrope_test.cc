// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/mrope.h"

#include <gtest/gtest.h>

namespace monocle::qwen3_vl {
namespace {

TEST(RopePositions, TextCountsUp) {
  const auto positions = rope_positions(4, {}, 2);
  ASSERT_TRUE(positions.has_value());
  EXPECT_EQ(positions->axes, (std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(positions->delta, 0);
}

TEST(RopePositions, PictureSpreadsRowsAndColumnsAndContinuesAfterItsLongerSide) {
  // one text token, a 2x3 merged grid, one text token
  const auto positions = rope_positions(8, std::vector<MediaRun>{{1, 4, 6}}, 2);
  ASSERT_TRUE(positions.has_value());
  EXPECT_EQ(positions->axes, (std::vector<std::int32_t>{0, 1, 1, 1, 1, 1, 1, 4,  //
                                                        0, 1, 1, 1, 2, 2, 2, 4,  //
                                                        0, 1, 2, 3, 1, 2, 3, 4}));
  EXPECT_EQ(positions->delta, -3);
}

// The published example: 84 tokens with one picture of 14x20 patches give delta -60.
TEST(RopePositions, MatchesThePublishedDelta) {
  const auto positions = rope_positions(84, std::vector<MediaRun>{{4, 14, 20}}, 2);
  ASSERT_TRUE(positions.has_value());
  EXPECT_EQ(positions->delta, -60);
}

TEST(RopePositions, PromptThatEndsWithAPictureUsesTheLargestCoordinate) {
  const auto positions = rope_positions(2, std::vector<MediaRun>{{0, 2, 4}}, 2);
  ASSERT_TRUE(positions.has_value());
  EXPECT_EQ(positions->delta, 0);  // columns 0 and 1: largest 1
}

TEST(RopePositions, RefusesRunsThatOverlapOrOverflow) {
  EXPECT_FALSE(rope_positions(3, std::vector<MediaRun>{{1, 4, 4}}, 2).has_value());
  EXPECT_FALSE(rope_positions(9, std::vector<MediaRun>{{0, 4, 4}, {2, 2, 2}}, 2).has_value());
  EXPECT_FALSE(rope_positions(9, std::vector<MediaRun>{{0, 0, 4}}, 2).has_value());
}

}  // namespace
}  // namespace monocle::qwen3_vl
