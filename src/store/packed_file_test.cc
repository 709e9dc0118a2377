// SPDX-License-Identifier: Apache-2.0
#include "store/packed_file.h"

#include <cmath>

#include "base/hash.h"
#include "quant/int8_channel.h"
#include "store/checkpoint.h"
#include "store/packed_writer.h"
#include "store/test_files.h"

namespace monocle {
namespace {

constexpr std::string_view kConfigText = "{\"model_type\":\"test\"}";

class PackedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<PackedTensorPlan> plan{{"b.int8", QuantFormat::kInt8Channel, {3, 5}},
                                             {"a.bf16", QuantFormat::kBF16, {4, 3, 2}},
                                             {"c.norm", QuantFormat::kF32, {7}},
                                             {"d.empty", QuantFormat::kF32, {0, 7}}};
    const std::vector<PackedDocument> documents{{Document::kConfig, as_bytes(kConfigText)},
                                                {Document::kTokenizer, as_bytes("{}")}};
    auto writer = PackedWriter::create(path, plan, documents);
    ASSERT_TRUE(writer) << writer.error().message;
    const FormatInfo& int8 = format_info(QuantFormat::kInt8Channel);
    std::vector<std::byte> data(int8.data_bytes(3, 5));
    std::vector<float> aux(int8.aux_bytes(3, 5) / 4);
    for (std::int64_t r = 0; r < 3; ++r) {
      const std::vector<float> row{1.0F, -2.0F, 0.0F, 0.5F, static_cast<float>(r)};
      int8.pack_row(row.data(), r, 3, 5, data.data(), aux.data());
    }
    ASSERT_TRUE(writer->write(2, std::as_bytes(std::span(norm)), {}));
    ASSERT_TRUE(writer->write(0, data, std::as_bytes(std::span(aux))));
    ASSERT_TRUE(writer->write(1, std::as_bytes(std::span(half)), {}));
    ASSERT_TRUE(writer->write(3, {}, {}));
    EXPECT_FALSE(std::filesystem::exists(path)) << "the target appears only when it is complete";
    ASSERT_TRUE(writer->finish());
    content = folder.read("m.monocle");
  }

  [[nodiscard]] std::uint64_t header_bytes() const {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, content.data() + 24, sizeof(bytes));
    return bytes;
  }
  // Puts `value` at `offset` and a right checksum over it: what a hostile file would do.
  template <class T>
  [[nodiscard]] std::string forged(std::size_t offset, T value) const {
    std::string file = content;
    std::memcpy(file.data() + offset, &value, sizeof(value));
    std::memset(file.data() + 32, 0, 8);
    std::uint64_t length = 0;
    std::memcpy(&length, file.data() + 24, sizeof(length));
    const std::uint64_t hash = hash64(as_bytes(std::string_view(file).substr(0, length)));
    std::memcpy(file.data() + 32, &hash, sizeof(hash));
    return file;
  }
  [[nodiscard]] std::string refusal(std::string_view file) const {
    const auto decoded = decode_header(as_bytes(file));
    return decoded ? "" : decoded.error().message;
  }
  [[nodiscard]] std::size_t offset_of(std::string_view text) const { return content.find(text); }

  TemporaryFolder folder;
  std::string path = folder.file("m.monocle");
  std::vector<float> norm{1, 2, 3, 4, 5, 6, 7};
  std::vector<std::uint16_t> half = std::vector<std::uint16_t>(24, 0x3f80);
  std::string content;
};

TEST_F(PackedFileTest, RoundTrip) {
  const auto file = PackedFile::open(path, MapAdvice::kWillNeed);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->verify());
  EXPECT_EQ(as_text(*file->document(Document::kConfig)), kConfigText);
  EXPECT_FALSE(file->document(Document::kPreprocessor));
  ASSERT_EQ(file->tensors().size(), 4U);
  for (const PackedTensorEntry& tensor : file->tensors()) {
    EXPECT_EQ(tensor.data.offset % 4096, 0U);
    EXPECT_EQ(tensor.aux.offset % 4096, 0U);
  }
  const auto int8 = file->view(file->tensors()[0]);
  ASSERT_TRUE(int8) << int8.error().message;
  EXPECT_EQ(int8->rows, 3);
  EXPECT_EQ(int8_scales(*int8)[2], 2.0F / 127.0F);
  EXPECT_EQ(int8_row_sums(*int8)[0], 64 - 127 + 32);
}

TEST_F(PackedFileTest, IsACheckpoint) {
  const auto checkpoint = Checkpoint::open(path, MapAdvice::kNormal);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE(checkpoint->packed());
  EXPECT_EQ(checkpoint->tensors()[0].name, "a.bf16") << "sorted by name";
  EXPECT_EQ(checkpoint->find("b.int8")->format, "int8");
  EXPECT_EQ(checkpoint->find("b.int8")->bytes, 15U + 24U);
  const auto loaded = checkpoint->load("a.bf16");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->view.rows, 4);
  EXPECT_EQ(loaded->view.cols, 6);
  EXPECT_EQ(as_text(*checkpoint->document(Document::kTokenizer)), "{}");
  EXPECT_TRUE(checkpoint->verify());
}

TEST_F(PackedFileTest, EveryDamagedHeaderByteIsRefused) {
  for (std::size_t i = 0; i < header_bytes(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = content;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      ASSERT_FALSE(decode_header(as_bytes(damaged))) << "byte " << i;
    }
  }
}

TEST_F(PackedFileTest, EveryShorterFileIsRefused) {
  for (std::size_t size = 0; size < content.size();
       size += size < header_bytes() + 64 ? 1U : 509U) {
    ASSERT_NE(refusal(content.substr(0, size)), "") << size;
  }
  EXPECT_NE(refusal(content + "x"), "");
}

TEST_F(PackedFileTest, DamagedSectionsAreFoundByVerify) {
  const auto intact = decode_header(as_bytes(content));
  ASSERT_TRUE(intact);
  for (const std::size_t offset :
       {intact->documents[0].section.offset, intact->tensors[0].data.offset,
        intact->tensors[0].aux.offset, intact->tensors[2].data.offset}) {
    std::string damaged = content;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 1);
    const auto file = PackedFile::open(folder.write("damaged", damaged), MapAdvice::kNormal);
    ASSERT_TRUE(file) << "sections are not read at open";
    EXPECT_NE(file->verify().error().message.find("does not match its checksum"),
              std::string::npos);
  }
}

TEST_F(PackedFileTest, ScalesThatAreNotNumbersAreRefused) {
  const auto intact = decode_header(as_bytes(content));
  ASSERT_TRUE(intact);
  for (const float bad : {NAN, INFINITY, -1.0F}) {
    std::string damaged = content;
    std::memcpy(damaged.data() + intact->tensors[0].aux.offset, &bad, sizeof(bad));
    const auto file = PackedFile::open(folder.write("damaged", damaged), MapAdvice::kNormal);
    ASSERT_TRUE(file);
    EXPECT_NE(file->view(file->tensors()[0]).error().message.find("has a scale"),
              std::string::npos);
  }
}

TEST_F(PackedFileTest, ForgedHeadersWithRightChecksums) {
  const std::size_t tensor =
      offset_of("b.int8") + 6;  // behind the name: format name, rank, dimensions, sections
  const std::size_t rank = tensor + 2 + 4;
  EXPECT_EQ(refusal(forged<std::uint8_t>(rank, 2)), "") << "the forgery itself is sound";
  EXPECT_NE(refusal(forged<std::uint32_t>(8, kPackedVersion + 1)).find("packed version 2 is not 1"),
            std::string::npos);
  EXPECT_NE(refusal(forged<std::uint32_t>(12, 1)).find("flags"), std::string::npos);
  EXPECT_NE(refusal(forged<std::uint64_t>(16, 1)).find("its header says 1"), std::string::npos);
  EXPECT_NE(refusal(forged<std::uint32_t>(40, 200)).find("200 documents"), std::string::npos);
  EXPECT_NE(refusal(forged<std::uint32_t>(44, 0xffffffff)).find("4294967295 tensors"),
            std::string::npos);
  EXPECT_NE(refusal(forged<std::uint32_t>(44, 3)).find("does not end where"), std::string::npos);
  EXPECT_NE(refusal(forged<std::uint32_t>(44, 5)), "");
  EXPECT_NE(refusal(forged<std::uint8_t>(rank, 9)).find("9 dimensions"), std::string::npos);
  EXPECT_NE(refusal(forged<std::int64_t>(rank + 1, -1)).find("negative"), std::string::npos);
  EXPECT_NE(refusal(forged<std::int64_t>(rank + 1, INT64_MAX)).find("2^63"), std::string::npos);
  EXPECT_NE(refusal(forged<std::int64_t>(rank + 1, std::int64_t{1} << 45)).find("the limit is"),
            std::string::npos);
  EXPECT_NE(refusal(forged<std::int64_t>(rank + 1, 4)).find("not where they belong"),
            std::string::npos);
  EXPECT_NE(refusal(forged<std::uint64_t>(rank + 17, 4097)).find("not where they belong"),
            std::string::npos);
  EXPECT_NE(refusal(forged<std::uint64_t>(rank + 17, UINT64_MAX)).find("not where they belong"),
            std::string::npos);
  EXPECT_NE(refusal(forged<char>(tensor + 2, 'q')).find("does not know the format 'qnt8'"),
            std::string::npos);
  EXPECT_NE(refusal(forged<char>(offset_of("config.json"), 'k')).find("'konfig.json' is not known"),
            std::string::npos);
  // "c.norm" renamed to the six letters of another tensor.
  std::string twin = content;
  twin.replace(offset_of("c.norm"), 6, "a.bf16");
  content = twin;
  EXPECT_NE(refusal(forged<std::uint8_t>(rank, 2)).find("named twice"), std::string::npos);
}

TEST(PackedWriter, RefusesBadPlansAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto create = [&](const std::vector<PackedTensorPlan>& plan) {
    return PackedWriter::create(folder.file("m"), plan, {});
  };
  EXPECT_FALSE(create({{"a", QuantFormat::kF32, {1}}, {"a", QuantFormat::kF32, {1}}}));
  EXPECT_FALSE(create({{"", QuantFormat::kF32, {1}}}));
  EXPECT_FALSE(create({{"a", QuantFormat::kF32, {-1}}}));
  EXPECT_FALSE(create({{"a", QuantFormat::kF32, {1, 1, 1, 1, 1, 1, 1, 1, 1}}}));
  EXPECT_FALSE(PackedWriter::create(folder.file("no/m"), {}, {}));
  {
    EXPECT_TRUE(create({{"a", QuantFormat::kF32, {1}}}));
  }  // given up before finish()
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace monocle
