// SPDX-License-Identifier: Apache-2.0
// Item 69 of the conformance list: /v1/embeddings, as far as text goes in and comes out.
#include <cmath>
#include <cstring>
#include <limits>

#include "api/base64.h"
#include "api/embedding_format.h"
#include "api/embedding_parse.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

EmbeddingRequest good(const std::string& body) {
  auto request = parse_embedding(body, test::limits());
  EXPECT_TRUE(request) << body << "\n" << (request ? "" : request.error().message);
  return request.value_or(EmbeddingRequest{});
}
std::string bad_param(const std::string& body) {
  const auto request = parse_embedding(body, test::limits());
  EXPECT_FALSE(request) << body;
  return request ? "" : request.error().param;
}

TEST(Item69, InputIsATextTokensOrABatchOfEither) {
  EXPECT_EQ(good(R"({"input":"a b"})").inputs.front().text, "a b");
  EXPECT_EQ(good(R"({"input":[1,2]})").inputs.front().token_ids, (std::vector<std::int32_t>{1, 2}));
  const EmbeddingRequest batch = good(R"({"input":["a",[3,4],"b"],"model":"m","user":"u"})");
  ASSERT_EQ(batch.inputs.size(), 3U);
  EXPECT_EQ(batch.inputs[1].token_ids, (std::vector<std::int32_t>{3, 4}));
  EXPECT_EQ(batch.inputs[2].text, "b");
  EXPECT_EQ(batch.model, "m");
  EXPECT_FALSE(batch.base64);
  EXPECT_FALSE(batch.dimensions);
  EXPECT_FALSE(batch.chat);
}

TEST(Item69, MessagesAreAConversationWithPictures) {
  const EmbeddingRequest request = good(test::chat_with(R"("encoding_format":"base64")"));
  ASSERT_TRUE(request.chat);
  EXPECT_EQ(request.chat->messages.size(), 1U);
  EXPECT_TRUE(request.base64);
}

TEST(Item69, WhatCannotBeIsRefusedByName) {
  EXPECT_EQ(bad_param("{}"), "input");
  EXPECT_EQ(bad_param(R"({"input":""})"), "input");
  EXPECT_EQ(bad_param(R"({"input":[]})"), "input");
  EXPECT_EQ(bad_param(R"({"input":["a",""]})"), "input[1]");
  EXPECT_EQ(bad_param(R"({"input":[1,1000]})"), "input[1]");
  EXPECT_EQ(bad_param(R"({"input":7})"), "input");
  EXPECT_EQ(bad_param(R"({"input":"a","dimensions":0})"), "dimensions");
  EXPECT_EQ(bad_param(R"({"input":"a","encoding_format":"int8"})"), "encoding_format");
  EXPECT_EQ(bad_param(test::chat_with(R"("input":"a")")), "input");
  std::string many = R"({"input":["a")";
  for (std::size_t i = 0; i < test::limits().max_inputs; ++i) {
    many += R"(,"a")";
  }
  EXPECT_EQ(bad_param(many + "]}"), "input");
}

TEST(Item69, AnEmbeddingHasLengthOneWhateverItsDimensions) {
  const std::vector<float> state{3.0F, -4.0F, 12.0F};
  const auto all = unit_embedding(state, std::nullopt);
  ASSERT_TRUE(all);
  EXPECT_NEAR((*all)[2], 12.0 / 13.0, 1e-7);
  const auto two = unit_embedding(state, 2);
  ASSERT_TRUE(two);
  EXPECT_EQ(*two, (std::vector<float>{0.6F, -0.8F}));
  EXPECT_FALSE(unit_embedding(std::vector<float>{0.0F, 0.0F}, std::nullopt));
  EXPECT_FALSE(unit_embedding(std::vector<float>{std::numeric_limits<float>::quiet_NaN()}, 1));
}

TEST(Item69, FloatAndBase64SayTheSame) {
  const std::vector<std::vector<float>> embeddings{{0.6F, -0.8F}, {1.0F, 0.0F}};
  const Usage usage{.prompt_tokens = 7, .image_tokens = 2};
  const auto plain = test::json_of(format_embeddings({"m", {}, false}, embeddings, usage));
  EXPECT_EQ(plain["object"], "list");
  EXPECT_EQ(plain["model"], "m");
  EXPECT_EQ(plain["usage"]["prompt_tokens"], 7);
  EXPECT_EQ(plain["usage"]["total_tokens"], 7);
  EXPECT_EQ(plain["usage"]["prompt_tokens_details"]["image_tokens"], 2);
  const auto coded = test::json_of(format_embeddings({"m", {}, true}, embeddings, usage));
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    EXPECT_EQ(plain["data"][i]["object"], "embedding");
    EXPECT_EQ(plain["data"][i]["index"], i);
    EXPECT_EQ(plain["data"][i]["embedding"].get<std::vector<float>>(), embeddings[i]);
    const auto bytes = decode_base64(coded["data"][i]["embedding"].get<std::string>());
    ASSERT_TRUE(bytes && bytes->size() == 2 * sizeof(float));
    std::vector<float> back(2);
    std::memcpy(back.data(), bytes->data(), bytes->size());
    EXPECT_EQ(back, embeddings[i]);
  }
}

}  // namespace
}  // namespace monocle::api
