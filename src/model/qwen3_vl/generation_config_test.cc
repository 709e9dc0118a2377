// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/generation_config.h"

#include <gtest/gtest.h>

#include <string>

namespace monocle::qwen3_vl {
namespace {

TEST(GenerationConfig, PublishedFile) {
  const auto config = parse_generation_config(
      R"({"bos_token_id":151643,"pad_token_id":151643,"do_sample":true,"eos_token_id":[151645,151643],"top_k":20,
          "top_p":0.8,"repetition_penalty":1.0,"temperature":0.7,"transformers_version":"4.56.0"})",
      151936);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->do_sample);
  EXPECT_EQ(config->temperature, 0.7F);
  EXPECT_EQ(config->top_k, 20);
  EXPECT_EQ(config->top_p, 0.8F);
  EXPECT_EQ(config->eos_token_ids, (std::vector<std::int32_t>{151645, 151643}));
  EXPECT_EQ(config->pad_token_id, 151643);
}

TEST(GenerationConfig, AbsentKeysSwitchNothingOn) {
  const auto config = parse_generation_config(R"({"eos_token_id":2})", 10);
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->do_sample);
  EXPECT_EQ(config->temperature, 1.0F);
  EXPECT_EQ(config->top_k, 0);
  EXPECT_EQ(config->top_p, 1.0F);
  EXPECT_EQ(config->repetition_penalty, 1.0F);
  EXPECT_EQ(config->eos_token_ids, (std::vector<std::int32_t>{2}));
  EXPECT_FALSE(config->pad_token_id);
}

TEST(GenerationConfig, BadValuesAreRefused) {
  const auto refusal = [](std::string_view text) {
    const auto config = parse_generation_config(text, 10);
    return config ? "" : config.error().message;
  };
  EXPECT_EQ(refusal(R"({"eos_token_id":10})"), "eos_token_id is 10, not an integer from 0 to 9");
  EXPECT_EQ(refusal(R"({"eos_token_id":[1,-1]})"),
            "eos_token_id is [1,-1], not a list of at most 64 integers from 0 to 9");
  EXPECT_EQ(refusal(R"({"eos_token_id":"2"})"),
            R"(eos_token_id is "2", not an integer from 0 to 9)");
  EXPECT_EQ(refusal(R"({"temperature":-1})"), "temperature is -1, not a number from 0 to 100");
  EXPECT_EQ(refusal(R"({"top_p":1.5})"), "top_p is 1.5, not a number from 0 to 1");
  EXPECT_EQ(refusal(R"({"top_k":-1})"), "top_k is -1, not an integer from 0 to 10");
  EXPECT_EQ(refusal(R"({"do_sample":1})"), "do_sample is 1, not true or false");
  EXPECT_EQ(refusal(R"({"repetition_penalty":0})"),
            "repetition_penalty is 0, not a number from 0.01 to 100");
  EXPECT_EQ(refusal(R"({"num_beams":4})"), "num_beams is 4, only 1 is supported");
  EXPECT_EQ(refusal("[]"), "the document is not an object");
  EXPECT_EQ(refusal(""), "not valid JSON at byte 1");
}

}  // namespace
}  // namespace monocle::qwen3_vl
