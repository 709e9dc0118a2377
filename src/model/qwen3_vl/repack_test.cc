// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/repack.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "store/json_text.h"
#include "store/safetensors_write.h"

namespace monocle::qwen3_vl {
namespace {

// The smallest model that has every kind of tensor.
constexpr std::string_view kConfigText =
    R"({"model_type":"qwen3_vl","image_token_id":1,"video_token_id":2,
  "vision_start_token_id":3,"vision_end_token_id":4,"tie_word_embeddings":false,
  "text_config":{"model_type":"qwen3_vl_text","vocab_size":40,"hidden_size":24,"num_hidden_layers":2,
    "num_attention_heads":2,"num_key_value_heads":1,"head_dim":16,"intermediate_size":32,"hidden_act":"silu",
    "rms_norm_eps":1e-06,"rope_theta":5000000,"rope_scaling":{"mrope_interleaved":true,"mrope_section":[4,2,2],
    "rope_type":"default"},"max_position_embeddings":1024},
  "vision_config":{"model_type":"qwen3_vl","depth":2,"hidden_size":16,"num_heads":2,"intermediate_size":20,
    "hidden_act":"gelu_pytorch_tanh","patch_size":4,"temporal_patch_size":2,"spatial_merge_size":2,"in_channels":3,
    "out_hidden_size":24,"num_position_embeddings":9,"deepstack_visual_indexes":[0]}})";

class RepackTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "monocle-repack-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    std::ofstream(folder / "config.json") << kConfigText;
    std::ofstream(folder / "tokenizer.json") << "{}";
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    for (const TensorSpec& spec : tensor_list(*parse_config(kConfigText))) {
      auto& values = data.emplace_back(static_cast<std::size_t>(spec.elements()));
      for (float& value : values) {
        value = normal(random);
      }
      tensors.push_back({spec.name, DType::kF32, spec.shape, std::as_bytes(std::span(values))});
      kinds.push_back(spec.kind);
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<RepackSummary> run(const RepackOptions& options) {
    EXPECT_TRUE(write_safetensors((folder / "model.safetensors").string(), tensors, {}));
    auto in = Checkpoint::open(folder.string(), MapAdvice::kSequential);
    EXPECT_TRUE(in);
    ThreadPool pool(2);
    done = 0;
    return repack(*in, target(), options, pool, [this](const RepackProgress& progress) {
      ++calls;
      EXPECT_GT(progress.done_bytes, done);
      done = progress.done_bytes;
      total = progress.total_bytes;
    });
  }
  [[nodiscard]] std::string target() const { return (folder / "m.monocle").string(); }

  std::filesystem::path folder;
  std::vector<std::vector<float>> data;
  std::vector<TensorInfo> tensors;
  std::vector<TensorKind> kinds;
  std::size_t calls = 0;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

class RepackFormat : public RepackTest, public testing::WithParamInterface<QuantFormat> {};

TEST_P(RepackFormat, IsWithinItsErrorBound) {
  const RepackOptions options{.text = GetParam(), .head = {}};
  const auto summary = run(options);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->tensors, tensors.size());
  EXPECT_EQ(calls, tensors.size());
  EXPECT_EQ(done, total);
  const auto packed = Checkpoint::open(target(), MapAdvice::kNormal);
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_EQ(packed->file_bytes(), summary->output_bytes);
  EXPECT_TRUE(packed->verify());
  EXPECT_EQ(as_text(*packed->document(Document::kConfig)), kConfigText);
  EXPECT_EQ(as_text(*packed->document(Document::kTokenizer)), "{}");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto loaded = packed->load(tensors[i].name);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->shape, tensors[i].shape);
    const QuantFormat expected = packed_format(kinds[i], QuantFormat::kF32, options);
    EXPECT_EQ(loaded->view.format, expected) << tensors[i].name;
    std::vector<float> row(static_cast<std::size_t>(loaded->view.cols));
    for (std::int64_t r = 0; r < loaded->view.rows; ++r) {
      format_info(expected).unpack_row(loaded->view, r, row.data());
      const float* original = data[i].data() + r * loaded->view.cols;
      float amax = 0.0F;
      for (std::size_t c = 0; c < row.size(); ++c) {
        amax = std::max(amax, std::fabs(original[c]));
      }
      for (std::size_t c = 0; c < row.size(); ++c) {
        ASSERT_LE(std::fabs(row[c] - original[c]), format_info(expected).error_bound(amax))
            << tensors[i].name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bytes, RepackFormat,
                         testing::Values(QuantFormat::kInt8Channel, QuantFormat::kFp8Channel),
                         [](const auto& param) {
                           return std::string(format_info(param.param).name);
                         });

TEST_F(RepackTest, FormatsByKind) {
  const RepackOptions int8;
  EXPECT_EQ(packed_format(TensorKind::kEmbedding, QuantFormat::kBF16, int8),
            QuantFormat::kInt8Channel);
  EXPECT_EQ(packed_format(TensorKind::kHead, QuantFormat::kBF16, int8), QuantFormat::kInt8Channel);
  EXPECT_EQ(packed_format(TensorKind::kTextLinear, QuantFormat::kF16, int8),
            QuantFormat::kInt8Channel);
  EXPECT_EQ(packed_format(TensorKind::kTextNorm, QuantFormat::kF32, int8), QuantFormat::kF32);
  EXPECT_EQ(packed_format(TensorKind::kVisionLinear, QuantFormat::kF32, int8), QuantFormat::kBF16);
  EXPECT_EQ(packed_format(TensorKind::kVisionTable, QuantFormat::kBF16, int8), QuantFormat::kBF16);
  EXPECT_EQ(packed_format(TensorKind::kVisionVector, QuantFormat::kF16, int8), QuantFormat::kF16);
  RepackOptions int4;
  int4.text = QuantFormat::kInt4Group;
  int4.head = QuantFormat::kInt8Channel;
  EXPECT_EQ(packed_format(TensorKind::kTextLinear, QuantFormat::kBF16, int4),
            QuantFormat::kInt4Group);
  EXPECT_EQ(packed_format(TensorKind::kEmbedding, QuantFormat::kBF16, int4),
            QuantFormat::kInt8Channel);
  EXPECT_EQ(packed_format(TensorKind::kHead, QuantFormat::kBF16, int4), QuantFormat::kInt8Channel);
}

TEST_F(RepackTest, Int8TwiceIsRefused) {
  ASSERT_TRUE(run({}));
  const auto packed = Checkpoint::open(target(), MapAdvice::kNormal);
  ASSERT_TRUE(packed);
  ThreadPool pool(1);
  const auto again =
      repack(*packed, (folder / "again").string(), {}, pool, [](const RepackProgress&) {});
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("quantise from the published checkpoint"),
            std::string::npos);
}

TEST_F(RepackTest, APackedBf16FileCanBeQuantised) {
  ASSERT_TRUE(run({.text = QuantFormat::kBF16, .head = {}}));
  const auto packed = Checkpoint::open(target(), MapAdvice::kNormal);
  ASSERT_TRUE(packed);
  ThreadPool pool(1);
  EXPECT_TRUE(repack(*packed, (folder / "again").string(), {}, pool, [](const RepackProgress&) {}));
}

TEST_F(RepackTest, WhatDoesNotFitTheConfigIsNamed) {
  const std::vector<TensorInfo> intact = tensors;
  const auto refusal = [&] {
    const auto summary = run({});
    EXPECT_FALSE(summary);
    EXPECT_FALSE(std::filesystem::exists(target()));
    tensors = intact;
    return summary ? "" : summary.error().message;
  };
  tensors.pop_back();
  EXPECT_EQ(refusal(), "tensor 'lm_head.weight' is missing");
  tensors.back().shape = {24, 40};
  EXPECT_EQ(refusal(), "tensor 'lm_head.weight' has shape [24, 40], config.json demands [40, 24]");
  tensors.push_back(tensors.back());
  tensors.back().name = "model.language_model.layers.0.self_attn.q_proj.bias";
  EXPECT_EQ(
      refusal(),
      "tensor 'model.language_model.layers.0.self_attn.q_proj.bias' is not part of the model that "
      "config.json describes");
  tensors.push_back(tensors.back());
  tensors.back().name = "model.language_model.rotary_emb.inv_freq";
  EXPECT_TRUE(run({})) << "rotary tables of old exports are let through";
  std::filesystem::remove(target());
  tensors = intact;
  data.back()[5] = NAN;
  EXPECT_EQ(refusal(), "tensor 'lm_head.weight' holds a value that is not a finite number");
}

}  // namespace
}  // namespace monocle::qwen3_vl
