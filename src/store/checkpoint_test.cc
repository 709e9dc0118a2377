// SPDX-License-Identifier: Apache-2.0
#include "store/checkpoint.h"

#include <cmath>
#include <random>

#include "store/block_fp8.h"
#include "store/safetensors_write.h"
#include "store/test_files.h"

namespace monocle {
namespace {

std::string float_data(const std::vector<float>& values) {
  return std::string(as_text(std::as_bytes(std::span(values))));
}

TEST(Checkpoint, OneFileWithDocuments) {
  const TemporaryFolder folder;
  folder.write("config.json", "{\"a\":1}");
  folder.write("tokenizer.json", "{}");
  const std::vector<float> norm{1.0F, 2.0F};
  const std::vector<std::uint16_t> half{1, 2, 3, 4, 5, 6, 7, 8};
  ASSERT_TRUE(write_safetensors(
      folder.file("model.safetensors"),
      std::vector{tensor_of("model.language_model.norm.weight", DType::kF32, {2}, norm),
                  tensor_of("model.visual.w", DType::kBF16, {2, 2, 2}, half)},
      {}));
  const auto checkpoint = Checkpoint::open(folder.path(), MapAdvice::kWillNeed);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_FALSE(checkpoint->packed());
  EXPECT_EQ(as_text(*checkpoint->document(Document::kConfig)), "{\"a\":1}");
  EXPECT_FALSE(checkpoint->document(Document::kGenerationConfig));
  ASSERT_EQ(checkpoint->tensors().size(), 2U);
  EXPECT_EQ(checkpoint->find("model.visual.w")->format, "bf16");
  EXPECT_EQ(checkpoint->find("model.visual.w")->bytes, 16U);
  EXPECT_EQ(checkpoint->find("model.visual"), nullptr);

  const auto loaded = checkpoint->load("model.visual.w");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->view.rows, 2);
  EXPECT_EQ(loaded->view.cols, 4);
  EXPECT_EQ(loaded->view.format, QuantFormat::kBF16);
  EXPECT_EQ(loaded->owned.data(), nullptr) << "an aligned tensor is used where it lies";
  EXPECT_EQ(std::memcmp(loaded->view.data, half.data(), 16), 0);
  EXPECT_EQ(checkpoint->load("model.language_model.norm.weight")->view.rows, 1);
  EXPECT_EQ(checkpoint->load("nothing").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(checkpoint->verify());
}

TEST(Checkpoint, OlderPrefixesAreMapped) {
  EXPECT_EQ(canonical_tensor_name("visual.blocks.0.x"), "model.visual.blocks.0.x");
  EXPECT_EQ(canonical_tensor_name("model.visual.blocks.0.x"), "model.visual.blocks.0.x");
  EXPECT_EQ(canonical_tensor_name("language_model.model.norm.weight"),
            "model.language_model.norm.weight");
  EXPECT_EQ(canonical_tensor_name("model.language_model.norm.weight"),
            "model.language_model.norm.weight");
  EXPECT_EQ(canonical_tensor_name("model.norm.weight"), "model.language_model.norm.weight");
  EXPECT_EQ(canonical_tensor_name("language_model.lm_head.weight"), "lm_head.weight");
  EXPECT_EQ(canonical_tensor_name("lm_head.weight"), "lm_head.weight");
  EXPECT_EQ(canonical_tensor_name("other"), "other");
}

TEST(Checkpoint, TwoNamesOfOneTensorAreRefused) {
  const TemporaryFolder folder;
  const std::vector<float> one{1.0F};
  ASSERT_TRUE(write_safetensors(folder.file("model.safetensors"),
                                std::vector{tensor_of("visual.x", DType::kF32, {1}, one),
                                            tensor_of("model.visual.x", DType::kF32, {1}, one)},
                                {}));
  const auto checkpoint = Checkpoint::open(folder.path(), MapAdvice::kNormal);
  ASSERT_FALSE(checkpoint);
  EXPECT_NE(checkpoint.error().message.find("stored twice"), std::string::npos);
}

TEST(Checkpoint, MisalignedTensorsAreCopied) {
  const TemporaryFolder folder;
  const std::vector<float> values{1.5F, -3.0F};
  for (std::size_t pad = 0; pad < 8;
       ++pad) {  // spaces behind the header shift the data byte by byte
    const std::string header =
        R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" + std::string(pad, ' ');
    folder.write("model.safetensors", safetensors_bytes(header, float_data(values)));
    const auto checkpoint = Checkpoint::open(folder.path(), MapAdvice::kNormal);
    ASSERT_TRUE(checkpoint);
    const auto loaded = checkpoint->load("t");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded->view.data) % 4, 0U);
    EXPECT_EQ(std::memcmp(loaded->view.data, values.data(), 8), 0);
  }
}

class ShardedCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<float> one{1.0F};
    const std::vector<float> two{2.0F};
    ASSERT_TRUE(write_safetensors(folder.file("model-1.safetensors"),
                                  std::vector{tensor_of("a", DType::kF32, {1}, one)}, {}));
    ASSERT_TRUE(write_safetensors(folder.file("model-2.safetensors"),
                                  std::vector{tensor_of("b", DType::kF32, {1}, two)}, {}));
  }
  Result<Checkpoint> open(std::string_view index) {
    folder.write("model.safetensors.index.json", index);
    return Checkpoint::open(folder.path(), MapAdvice::kNormal);
  }
  TemporaryFolder folder;
};

TEST_F(ShardedCheckpoint, FindsEachTensorInItsShard) {
  const auto checkpoint = open(
      R"({"metadata":{"total_size":8},"weight_map":{"b":"model-2.safetensors","a":"model-1.safetensors"}})");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*static_cast<const float*>(checkpoint->load("a")->view.data), 1.0F);
  EXPECT_EQ(*static_cast<const float*>(checkpoint->load("b")->view.data), 2.0F);
}

TEST_F(ShardedCheckpoint, BadIndexesAreRefused) {
  for (const char* name :
       {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", ".", "", "passwd",
        ".safetensors", "a\\\\b.safetensors", "a\\u0000.safetensors"}) {
    const auto checkpoint = open(fmt::format(R"({{"weight_map":{{"a":"{}"}}}})", name));
    ASSERT_FALSE(checkpoint) << name;
    EXPECT_NE(checkpoint.error().message.find("not the plain name"), std::string::npos)
        << checkpoint.error().message;
  }
  EXPECT_FALSE(open("{}"));
  EXPECT_FALSE(open(R"({"weight_map":{}})"));
  EXPECT_FALSE(open(R"({"weight_map":[]})"));
  EXPECT_FALSE(open(R"({"weight_map":{"a":1}})"));
  EXPECT_FALSE(open("not json"));
  EXPECT_EQ(open(R"({"weight_map":{"a":"model-9.safetensors"}})").error().code,
            ErrorCode::kNotFound);
  const auto wrong_shard = open(R"({"weight_map":{"a":"model-2.safetensors"}})");
  ASSERT_FALSE(wrong_shard);
  EXPECT_NE(wrong_shard.error().message.find("'a' is not in model-2.safetensors"),
            std::string::npos);
}

TEST(Checkpoint, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_EQ(Checkpoint::open(folder.path(), MapAdvice::kNormal).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Checkpoint::open(folder.file("none"), MapAdvice::kNormal).error().code,
            ErrorCode::kNotFound);
  const auto one = Checkpoint::open(folder.write("model.safetensors", "x"), MapAdvice::kNormal);
  EXPECT_NE(one.error().message.find("give the model's directory"), std::string::npos);
  EXPECT_NE(Checkpoint::open(folder.write("junk", "x"), MapAdvice::kNormal)
                .error()
                .message.find("not a monocle packed"),
            std::string::npos);
}

struct Fp8Fixture {
  std::int64_t rows;
  std::int64_t cols;
  std::vector<std::uint8_t> weight;
  std::vector<float> scale;
  [[nodiscard]] std::int64_t blocks() const { return (cols + 127) / 128; }
  [[nodiscard]] TensorInfo weight_info() const {
    return tensor_of("x.weight", DType::kF8E4M3, {rows, cols}, weight);
  }
  [[nodiscard]] TensorInfo scale_info() const {
    return tensor_of("x.weight_scale_inv", DType::kF32, {(rows + 127) / 128, blocks()}, scale);
  }
};

Fp8Fixture fp8_fixture(std::int64_t rows, std::int64_t cols) {
  std::mt19937 random(5);
  Fp8Fixture made{rows, cols, std::vector<std::uint8_t>(static_cast<std::size_t>(rows * cols)), {}};
  for (auto& byte : made.weight) {
    byte = static_cast<std::uint8_t>(random());
    byte = (byte & 0x7f) == 0x7f ? 0 : byte;
  }
  made.scale.resize(static_cast<std::size_t>((rows + 127) / 128 * made.blocks()));
  for (auto& scale : made.scale) {
    scale = std::ldexp(1.0F + static_cast<float>(random() % 1000) / 1000.0F, -10);
  }
  return made;
}

TEST(BlockFp8, EqualsTheScalarFormula) {
  for (const auto& [rows, cols] :
       {std::pair<std::int64_t, std::int64_t>{1, 1}, {128, 128}, {129, 257}, {3, 400}}) {
    const Fp8Fixture made = fp8_fixture(rows, cols);
    const auto wide = dequantise_block_fp8(made.weight_info(), made.scale_info());
    ASSERT_TRUE(wide) << wide.error().message;
    const auto* bits = static_cast<const std::uint16_t*>(static_cast<const void*>(wide->data()));
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < cols; ++c) {
        const auto at = static_cast<std::size_t>(r * cols + c);
        const unsigned e4m3 = made.weight[at];
        const int exponent = static_cast<int>(e4m3 >> 3 & 15U);
        const auto mantissa = static_cast<float>(e4m3 & 7U);
        const float magnitude =
            exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8.0F + mantissa, exponent - 10);
        const float expected =
            (e4m3 & 0x80U ? -magnitude : magnitude) *
            made.scale[static_cast<std::size_t>(r / 128 * made.blocks() + c / 128)];
        ASSERT_EQ(bits[at], float_to_bf16(expected)) << r << "," << c;
      }
    }
  }
}

TEST(BlockFp8, BadScalesAndValuesAreRefused) {
  Fp8Fixture made = fp8_fixture(130, 10);
  made.scale[1] = NAN;
  EXPECT_NE(dequantise_block_fp8(made.weight_info(), made.scale_info())
                .error()
                .message.find("not a finite"),
            std::string::npos);
  made.scale[1] = INFINITY;
  EXPECT_FALSE(dequantise_block_fp8(made.weight_info(), made.scale_info()));
  made.scale[1] = 1.0F;
  made.weight[5] = 0xff;
  EXPECT_NE(dequantise_block_fp8(made.weight_info(), made.scale_info())
                .error()
                .message.find("not a number"),
            std::string::npos);
  made.weight[5] = 0;
  TensorInfo scale = made.scale_info();
  scale.shape = {1, 2};
  EXPECT_NE(dequantise_block_fp8(made.weight_info(), scale).error().message.find("need [2, 1]"),
            std::string::npos);
}

TEST(Checkpoint, BlockFp8WeightsAreWidened) {
  const TemporaryFolder folder;
  const Fp8Fixture made = fp8_fixture(130, 10);
  const std::vector<std::uint8_t> lone{1, 2};
  TensorInfo orphan = tensor_of("y.weight", DType::kF8E4M3, {1, 2}, lone);
  ASSERT_TRUE(write_safetensors(folder.file("model.safetensors"),
                                std::vector{made.weight_info(), made.scale_info(), orphan}, {}));
  const auto checkpoint = Checkpoint::open(folder.path(), MapAdvice::kNormal);
  ASSERT_TRUE(checkpoint);
  ASSERT_EQ(checkpoint->tensors().size(), 2U) << "the scales are part of x.weight";
  EXPECT_EQ(checkpoint->find("x.weight")->format, "f8_e4m3");
  EXPECT_EQ(checkpoint->find("x.weight")->bytes, 1308U);
  const auto loaded = checkpoint->load("x.weight");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->view.format, QuantFormat::kBF16);
  EXPECT_EQ(loaded->view.data, loaded->owned.data());
  EXPECT_NE(checkpoint->load("y.weight").error().message.find("without the scales"),
            std::string::npos);
}

}  // namespace
}  // namespace monocle
