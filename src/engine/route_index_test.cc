// SPDX-License-Identifier: Apache-2.0
#include "engine/route_index.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "engine/test_model.h"

namespace monocle {
namespace {

using test::text;

std::vector<std::int32_t> ids(std::int32_t first, std::int64_t count) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), first);
  return out;
}

// `before` text tokens, a picture of 40 tokens, `after` text tokens.
Request with_picture(std::int64_t before, std::uint64_t content, std::int64_t after) {
  Request request = text(ids(0, before + 40 + after), 1);
  request.prompt.media.push_back({nullptr, content, 1});
  request.prompt.spans.push_back({before, 40, 0, 0});
  return request;
}

std::array<std::int64_t, 2> known(const RouteIndex& index, const Request& request) {
  std::array<std::int64_t, 2> tokens{-1, -1};
  index.known_tokens(route_key(request), tokens);
  return tokens;
}

using Tokens = std::array<std::int64_t, 2>;

TEST(RouteIndex, NothingIsKnownAtFirst) {
  EXPECT_EQ(known(RouteIndex(8), text(ids(0, 100), 1)), (Tokens{0, 0}));
}

TEST(RouteIndex, ALongerPromptKnowsItsPrefixInWholeChunks) {
  RouteIndex index(100);
  index.record(route_key(text(ids(0, 100), 1)), 1);
  EXPECT_EQ(known(index, text(ids(0, 500), 1)), (Tokens{0, 3 * kRouteChunkTokens}));
  EXPECT_EQ(known(index, text(ids(0, 40), 1)), (Tokens{0, kRouteChunkTokens}));
  EXPECT_EQ(known(index, text(ids(1, 500), 1)), (Tokens{0, 0}));
}

TEST(RouteIndex, AChunkCountsOnlyBehindItsOwnHistory) {
  RouteIndex index(100);
  index.record(route_key(text(ids(0, 64), 1)), 0);
  std::vector<std::int32_t> other = ids(500, 32);
  const std::vector<std::int32_t> second_half = ids(32, 32);
  other.insert(other.end(), second_half.begin(), second_half.end());
  EXPECT_EQ(known(index, text(other, 1)), (Tokens{0, 0}));
}

TEST(RouteIndex, SaltsNeverMeetAndNoCacheMeansNoPrefix) {
  RouteIndex index(100);
  Request salted = text(ids(0, 64), 1);
  salted.cache_salt = 7;
  index.record(route_key(salted), 0);
  EXPECT_EQ(known(index, text(ids(0, 64), 1)), (Tokens{0, 0}));
  EXPECT_EQ(known(index, salted), (Tokens{64, 0}));
  salted.use_prefix_cache = false;
  EXPECT_EQ(known(index, salted), (Tokens{0, 0}));
}

TEST(RouteIndex, APictureBehindAnotherTextIsStillEncodedThere) {
  RouteIndex index(100);
  index.record(route_key(with_picture(10, 5, 0)), 1);
  EXPECT_EQ(known(index, with_picture(70, 5, 10)), (Tokens{0, 40 + kRouteChunkTokens}))
      << "the 40 rows, and the first 32 tokens, which are alike";
  EXPECT_EQ(known(index, with_picture(70, 6, 10)), (Tokens{0, kRouteChunkTokens}));
}

TEST(RouteIndex, AnotherPictureAtTheSamePlaceIsAnotherPrefix) {
  RouteIndex index(100);
  index.record(route_key(with_picture(0, 5, 56)), 0);
  EXPECT_EQ(known(index, with_picture(0, 5, 56)), (Tokens{96, 0}))
      << "a picture inside the prefix does not count twice";
  EXPECT_EQ(known(index, with_picture(0, 6, 56)), (Tokens{kRouteChunkTokens, 0}))
      << "up to the chunk in which the picture ends";
}

TEST(RouteIndex, ForgetsAnEngineAndWhatIsOld) {
  RouteIndex index(4);
  index.record(route_key(text(ids(0, 32), 1)), 0);
  index.record(route_key(text(ids(0, 32), 1)), 1);
  EXPECT_EQ(known(index, text(ids(0, 32), 1)), (Tokens{32, 32}));
  index.forget(0);
  EXPECT_EQ(known(index, text(ids(0, 32), 1)), (Tokens{0, 32}));
  for (std::int32_t i = 0; i < 8; ++i) {
    index.record(route_key(text(ids(1000 * i + 7, 32), 1)), 1);
  }
  EXPECT_EQ(known(index, text(ids(0, 32), 1)), (Tokens{0, 0}));
}

}  // namespace
}  // namespace monocle
