// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_ledger.h"

#include <gtest/gtest.h>

#include "engine/test_model.h"

namespace monocle {
namespace {

using test::picture;
using test::text;

Sequence sequence_of(Request request, const KvLedger& ledger) {
  Sequence out;
  out.tokens = request.prompt.token_ids;
  out.request = std::move(request);
  ledger.describe_prompt(out);
  return out;
}

std::vector<std::int32_t> ids(std::int32_t count, std::int32_t first = 1) {
  std::vector<std::int32_t> out;
  for (std::int32_t i = 0; i < count; ++i) {
    out.push_back((first + i * 5) % test::kVocab);
  }
  return out;
}

// Computes the whole prompt of a request and gives its blocks back.
void run_through(KvLedger& ledger, Request request) {
  Sequence sequence = sequence_of(std::move(request), ledger);
  ledger.adopt(sequence);
  ASSERT_TRUE(ledger.grow(sequence, std::ssize(sequence.tokens)));
  sequence.computed = std::ssize(sequence.tokens);
  ledger.advance(sequence);
  ledger.release(sequence);
}

std::int64_t hit(KvLedger& ledger, Request request) {
  Sequence sequence = sequence_of(std::move(request), ledger);
  ledger.adopt(sequence);
  const std::int64_t tokens = sequence.computed;
  ledger.release(sequence);
  EXPECT_TRUE(ledger.consistent());
  EXPECT_EQ(ledger.blocks().used_count(), 0);
  return tokens;
}

TEST(KvLedger, FullBlocksOfAnEqualPrefixAreFound) {
  KvLedger ledger(16, {.block_tokens = 4});
  run_through(ledger, text(ids(11), 1));
  EXPECT_EQ(ledger.blocks().cached_count(), 2);
  EXPECT_EQ(hit(ledger, text(ids(11), 1)), 8);
  EXPECT_EQ(hit(ledger, text(ids(30), 1)), 8);
  EXPECT_EQ(hit(ledger, text(ids(6), 1)), 4);
  EXPECT_EQ(hit(ledger, text(ids(11, 2), 1)), 0);
}

TEST(KvLedger, TheLastTokenOfAPromptIsAlwaysComputedAndNotAlone) {
  KvLedger ledger(16, {.block_tokens = 4});
  run_through(ledger, text(ids(8), 1));
  EXPECT_EQ(hit(ledger, text(ids(8), 1)), 4);
  EXPECT_EQ(hit(ledger, text(ids(4), 1)), 0);
  EXPECT_EQ(hit(ledger, text(ids(5), 1)), 0);
  EXPECT_EQ(hit(ledger, text(ids(9), 1)), 4);
  EXPECT_EQ(hit(ledger, text(ids(10), 1)), 8);
}

// A sequence of `prompt` tokens with 7 more of its answer, all computed, then given back.
Sequence answered(KvLedger& ledger, std::int32_t prompt) {
  Sequence sequence = sequence_of(text(ids(prompt), 20), ledger);
  sequence.id = 1;
  ledger.adopt(sequence);
  sequence.tokens = ids(prompt + 7);
  EXPECT_TRUE(ledger.grow(sequence, prompt + 7));
  sequence.computed = prompt + 7;
  ledger.advance(sequence);
  ledger.release(sequence);
  return sequence;
}

TEST(KvLedger, AnAnswerIsFoundAgainByItsOwnSequenceOnly) {
  KvLedger ledger(16, {.block_tokens = 4});
  Sequence own = answered(ledger, 6);
  EXPECT_EQ(hit(ledger, text(ids(13), 1)), 4);
  ledger.adopt(own);
  EXPECT_EQ(own.computed, 12);
  ledger.release(own);
  KvLedger sharing(16, {.block_tokens = 4, .share_answers = true});
  answered(sharing, 6);
  EXPECT_EQ(hit(sharing, text(ids(14), 1)), 12);
}

TEST(KvLedger, APreemptedSequenceDoesNotLeaveTheEndOfItsPromptAlone) {
  KvLedger ledger(5, {.block_tokens = 4});
  Sequence own = answered(ledger, 9);  // 4 full blocks; the third holds the prompt's last token
  ledger.adopt(own);
  EXPECT_EQ(own.computed, 12);
  ledger.release(own);
  run_through(ledger, text(ids(9, 60), 1));  // takes the free block and the last two of the chain
  ledger.adopt(own);
  EXPECT_EQ(own.computed, 4) << "8 would leave token 8 alone";
  ledger.release(own);
}

TEST(KvLedger, AnotherPictureSaltOrPositionIsAnotherPrefix) {
  KvLedger ledger(32, {.block_tokens = 4});
  run_through(ledger, picture(7, 1.0F, 1));
  EXPECT_EQ(hit(ledger, picture(7, 1.0F, 1)), 12);
  EXPECT_EQ(hit(ledger, picture(7, 2.0F, 1)), 4) << "the block before the picture's";
  Request salted = picture(7, 1.0F, 1);
  salted.cache_salt = 9;
  EXPECT_EQ(hit(ledger, std::move(salted)), 0);
  Request moved = picture(7, 1.0F, 1);
  moved.prompt.positions[5] += 1;
  EXPECT_EQ(hit(ledger, std::move(moved)), 4);
  Request other_rows = picture(7, 1.0F, 1);
  other_rows.prompt.spans[0].first_row = 1;
  EXPECT_EQ(hit(ledger, std::move(other_rows)), 4);
}

TEST(KvLedger, ARequestMayStayOutOfTheCache) {
  KvLedger ledger(16, {.block_tokens = 4});
  Request private_one = text(ids(9), 1);
  private_one.use_prefix_cache = false;
  run_through(ledger, private_one);
  EXPECT_EQ(ledger.blocks().cached_count(), 0);
  run_through(ledger, text(ids(9), 1));
  EXPECT_EQ(hit(ledger, private_one), 0);
  KvLedger off(16, {.block_tokens = 4, .prefix_cache = false});
  run_through(off, text(ids(9), 1));
  EXPECT_EQ(off.blocks().cached_count(), 0);
}

TEST(KvLedger, TheEndOfAChainGoesBeforeItsBeginning) {
  KvLedger ledger(4, {.block_tokens = 4});
  run_through(ledger, text(ids(16), 1));
  EXPECT_EQ(ledger.blocks().cached_count(), 4);
  run_through(ledger, text(ids(3, 50), 1));  // takes one block, caches none
  EXPECT_EQ(hit(ledger, text(ids(18), 1)), 12);
}

TEST(KvLedger, ASharedBlockOutlivesItsFirstUser) {
  KvLedger ledger(8, {.block_tokens = 4});
  Sequence first = sequence_of(text(ids(10), 1), ledger);
  ledger.adopt(first);
  ASSERT_TRUE(ledger.grow(first, 10));
  first.computed = 10;
  ledger.advance(first);
  Sequence second = sequence_of(text(ids(10), 1), ledger);
  ledger.adopt(second);
  EXPECT_EQ(second.computed, 8);
  EXPECT_EQ(ledger.blocks().used_count(), 3);
  ledger.release(first);
  EXPECT_EQ(ledger.blocks().used_count(), 2);
  EXPECT_TRUE(ledger.grow(second, 10));
  ledger.release(second);
  EXPECT_EQ(ledger.blocks().available(), 8);
}

TEST(KvLedger, TheSameContentComputedTwiceIsEnteredOnce) {
  KvLedger ledger(8, {.block_tokens = 4});
  std::vector<Sequence> twins;
  for (int i = 0; i < 2; ++i) {  // both start before either has finished
    twins.push_back(sequence_of(text(ids(9), 1), ledger));
    ledger.adopt(twins.back());
    ASSERT_TRUE(ledger.grow(twins.back(), 9));
  }
  for (Sequence& twin : twins) {
    twin.computed = 9;
    ledger.advance(twin);
  }
  for (Sequence& twin : twins) {
    ledger.release(twin);
  }
  EXPECT_EQ(ledger.blocks().cached_count(), 2);
  EXPECT_EQ(hit(ledger, text(ids(10), 1)), 8);
}

TEST(KvLedger, GrowTakesAllOrNothing) {
  KvLedger ledger(2, {.block_tokens = 4});
  Sequence sequence = sequence_of(text(ids(9), 1), ledger);
  EXPECT_FALSE(ledger.grow(sequence, 9));
  EXPECT_EQ(ledger.blocks().used_count(), 0);
  EXPECT_TRUE(ledger.grow(sequence, 8));
  EXPECT_TRUE(ledger.grow(sequence, 3)) << "has it already";
  ledger.release(sequence);
}

TEST(KvLedger, BlocksBehindTheWindowGoBackAndSinksStay) {
  constexpr std::int32_t kWindow = 10;
  constexpr std::int32_t kSinks = 5;
  KvLedger ledger(64, {.block_tokens = 4, .window = kWindow, .sinks = kSinks});
  Sequence sequence = sequence_of(text(ids(200), 1), ledger);
  ledger.adopt(sequence);
  for (std::int64_t at = 0; at < 200; ++at) {
    ASSERT_TRUE(ledger.grow(sequence, at + 1));
    EXPECT_LE(ledger.blocks().used_count(), ledger.peak_blocks(200, 1));
    for (std::int64_t p = 0; p <= at; ++p) {  // query `at` runs now
      const bool seen = p > at - kWindow || p < kSinks;
      EXPECT_TRUE(!seen || sequence.kv.table[static_cast<std::size_t>(p / 4)] >= 0) << p;
    }
    sequence.computed = at + 1;
    ledger.advance(sequence);
  }
  EXPECT_LE(ledger.blocks().used_count(), 5);
  ledger.release(sequence);
  EXPECT_EQ(ledger.blocks().used_count(), 0);
  EXPECT_TRUE(ledger.consistent());
  EXPECT_EQ(hit(ledger, text(ids(200), 1)), 196) << "what went back is still cached";
}

}  // namespace
}  // namespace monocle
