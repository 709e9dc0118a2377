// SPDX-License-Identifier: Apache-2.0
#include "store/safetensors.h"

#include "store/safetensors_write.h"
#include "store/test_files.h"

namespace monocle {
namespace {

std::string entry(std::string_view name, std::string_view rest) {
  return fmt::format("\"{}\":{{{}}}", name, rest);
}

struct HostileCase {
  const char* what;
  std::string file;
  std::string expected;  // part of the message
};

// 8 bytes of data unless said otherwise.
std::vector<HostileCase> hostile_cases() {
  const std::string data(8, 'x');
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const auto with = [&](const std::string& body) {
    return safetensors_bytes("{" + body + "}", data);
  };
  const auto tensor = [&](std::string_view body) { return with(entry("t", body)); };
  std::string long_length = safetensors_bytes("{}", "");
  long_length[0] = 100;
  std::string huge_length = safetensors_bytes("{}", "");
  huge_length[7] = '\x7f';
  std::string deep = R"({"__metadata__":)";
  for (int i = 0; i < 50; ++i) deep += R"({"a":)";
  return {
      {"empty", "", "too few"},
      {"seven_bytes", "1234567", "too few"},
      {"length_over_file", long_length, "the header claims 100 bytes, the file has 2"},
      {"length_over_limit", huge_length, "the limit is 100000000"},
      {"no_header", safetensors_bytes("", data), "not a JSON object"},
      {"array_header", safetensors_bytes("[]", data), "not a JSON object"},
      {"cut_json", safetensors_bytes("{\"t\":{", data), "not valid JSON at byte"},
      {"number_overflow", tensor(R"("dtype":"F32","shape":[1e999],"data_offsets":[0,8])"),
       "not valid JSON"},
      {"deep", safetensors_bytes(deep, data), "nested too deeply"},
      {"metadata_array", with(R"("__metadata__":[],)" + entry("t", good)),
       "__metadata__ is not an object"},
      {"metadata_null", with(R"("__metadata__":null,)" + entry("t", good)),
       "__metadata__ is not an object"},
      {"metadata_number", with(R"("__metadata__":3,)" + entry("t", good)),
       "__metadata__ is not an object"},
      {"metadata_string", with(R"("__metadata__":"x",)" + entry("t", good)),
       "__metadata__ is not an object"},
      {"metadata_twice", with(R"("__metadata__":{},"__metadata__":{},)" + entry("t", good)),
       "appears twice"},
      {"name_empty", with(entry("", good)), "has 0 bytes"},
      {"name_long", with(entry(std::string(600, 'n'), good)), "has 600 bytes"},
      {"tensor_is_number", with(R"("t":5)"), "the number 5"},
      {"tensor_is_array", with(R"("t":[])"), "an array"},
      {"unknown_key", tensor(R"("color":"F32")"), "'color' is not known"},
      {"key_twice", tensor(R"("dtype":"F32","dtype":"F32")"), "dtype is given twice"},
      {"no_dtype", tensor(R"("shape":[2],"data_offsets":[0,8])"), "dtype is missing"},
      {"no_shape", tensor(R"("dtype":"F32","data_offsets":[0,8])"), "shape is missing"},
      {"no_offsets", tensor(R"("dtype":"F32","shape":[2])"), "data_offsets is missing"},
      {"dtype_number", tensor(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"),
       "dtype holds the number 4"},
      {"dtype_unknown", tensor(R"("dtype":"F6_E3M2","shape":[2],"data_offsets":[0,8])"),
       "dtype F6_E3M2"},
      {"shape_string", tensor(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"),
       "shape holds a string"},
      {"shape_nested", tensor(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])"),
       "shape holds an array"},
      {"shape_negative", tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
       "negative number -2"},
      {"shape_fraction", tensor(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])"),
       "the number 2.5"},
      {"shape_2_63", tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"),
       "too large"},
      {"shape_2_64", tensor(R"("dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8])"),
       "the number"},
      {"rank_9", tensor(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])"),
       "more than 8"},
      // 2^32 * 2^32 is 0 modulo 2^64; with a further factor the product would look like 2.
      {"product_wraps",
       tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), "2^63"},
      {"product_wraps_by_size",
       tensor(R"("dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8])"),
       "does not fill"},
      {"zero_hides_wrap",
       tensor(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"), "2^63"},
      {"offsets_one", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), "does not have 2"},
      {"offsets_three", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"),
       "more than 2"},
      {"begin_after_end", tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
       "after its end"},
      {"end_after_file", tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])"),
       "holds 8 bytes"},
      {"size_mismatch", tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"),
       "does not fill"},
      {"named_twice",
       with(entry("t", R"("dtype":"U8","shape":[4],"data_offsets":[0,4])") + "," +
            entry("t", R"("dtype":"U8","shape":[4],"data_offsets":[4,8])")),
       "named twice"},
      {"overlap",
       with(entry("a", R"("dtype":"U8","shape":[5],"data_offsets":[0,5])") + "," +
            entry("b", R"("dtype":"U8","shape":[4],"data_offsets":[4,8])")),
       "overlaps"},
      {"hole",
       with(entry("a", R"("dtype":"U8","shape":[3],"data_offsets":[0,3])") + "," +
            entry("b", R"("dtype":"U8","shape":[4],"data_offsets":[4,8])")),
       "1 bytes before tensor 'b'"},
      {"tail", tensor(R"("dtype":"U8","shape":[7],"data_offsets":[0,7])"),
       "1 bytes after the last"},
      {"control_in_name",
       with(entry("a\\u001b[31m", R"("dtype":"X","shape":[],"data_offsets":[0,8])")), "'a?[31m'"},
  };
}

class HostileHeader : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileHeader, IsRefusedWithItsReason) {
  const auto parsed = parse_safetensors(as_bytes(GetParam().file), "x.safetensors");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find(GetParam().expected), std::string::npos)
      << parsed.error().message;
  EXPECT_TRUE(parsed.error().message.starts_with("x.safetensors: ")) << parsed.error().message;
}
INSTANTIATE_TEST_SUITE_P(Safetensors, HostileHeader, testing::ValuesIn(hostile_cases()),
                         [](const auto& param) { return std::string(param.param.what); });

TEST(Safetensors, ReadsOddButLegalHeaders) {
  const std::string file = safetensors_bytes(
      R"({"__metadata__":{"format":"pt","nested":{"dtype":[1,null]}},"s":{"data_offsets":[0,4],"shape":[],"dtype":"F32"},)"
      R"("none":{"dtype":"BF16","shape":[0,7],"data_offsets":[4,4]},"odd":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}   )",
      "abcdefg");
  const auto tensors = parse_safetensors(as_bytes(file), "x");
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3U);
  EXPECT_EQ((*tensors)[0].name, "s");
  EXPECT_TRUE((*tensors)[0].shape.empty());
  EXPECT_EQ(as_text((*tensors)[0].bytes), "abcd");
  EXPECT_TRUE((*tensors)[1].bytes.empty());
  EXPECT_EQ((*tensors)[1].shape, (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(as_text((*tensors)[2].bytes), "efg");
}

TEST(Safetensors, AnEmptyFileOfTensorsIsLegal) {
  const auto tensors = parse_safetensors(as_bytes(safetensors_bytes("{}", "")), "x");
  ASSERT_TRUE(tensors);
  EXPECT_TRUE(tensors->empty());
}

TEST(Safetensors, WriteAndReadBack) {
  const TemporaryFolder folder;
  const std::vector<float> floats{1.0F, -2.5F, 3.0F};
  const std::vector<std::int64_t> ids{7, -8};
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4, 5};
  const std::vector<float> none;
  const std::vector<TensorInfo> written{
      tensor_of("b.bytes", DType::kU8, {5}, bytes), tensor_of("f", DType::kF32, {3, 1}, floats),
      tensor_of("ids", DType::kI64, {2}, ids), tensor_of("empty", DType::kF32, {0, 4}, none)};
  ASSERT_TRUE(
      write_safetensors(folder.file("t.safetensors"), written, {{"case", "a \"quoted\" one"}}));
  const auto file = SafetensorsFile::open(folder.file("t.safetensors"), MapAdvice::kNormal);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), written.size());
  for (const TensorInfo& tensor : file->tensors()) {
    const auto original = std::find_if(written.begin(), written.end(),
                                       [&](const auto& w) { return w.name == tensor.name; });
    ASSERT_NE(original, written.end());
    EXPECT_EQ(tensor.dtype, original->dtype);
    EXPECT_EQ(tensor.shape, original->shape);
    EXPECT_EQ(as_text(tensor.bytes), as_text(original->bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % dtype_size(tensor.dtype), 0U)
        << tensor.name;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1)
      << "a temporary file is left";
}

TEST(Safetensors, WriterRefusesWhatTheReaderWould) {
  const TemporaryFolder folder;
  const std::vector<float> two{1.0F, 2.0F};
  const auto refused = [&](const std::vector<TensorInfo>& tensors) {
    return !write_safetensors(folder.file("t"), tensors, {}) &&
           std::filesystem::is_empty(folder.path());
  };
  EXPECT_TRUE(refused({tensor_of("a", DType::kF32, {3}, two)}));
  EXPECT_TRUE(refused({tensor_of("a", DType::kF32, {-2}, two)}));
  EXPECT_TRUE(refused({tensor_of("", DType::kF32, {2}, two)}));
  EXPECT_TRUE(
      refused({tensor_of("a", DType::kF32, {2}, two), tensor_of("a", DType::kBF16, {4}, two)}));
  EXPECT_FALSE(write_safetensors(folder.file("no/such/folder/t"), {}, {}));
}

TEST(MappedFile, RefusesWhatIsNotAFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(MappedFile::open(folder.file("none"), MapAdvice::kNormal, 10).error().code,
            ErrorCode::kNotFound);
  EXPECT_FALSE(MappedFile::open(folder.path(), MapAdvice::kNormal, 10));
  EXPECT_FALSE(MappedFile::open("/dev/zero", MapAdvice::kNormal, 10));
  EXPECT_EQ(
      MappedFile::open(folder.write("eleven", "12345678901"), MapAdvice::kNormal, 10).error().code,
      ErrorCode::kTooLarge);
  const auto empty = MappedFile::open(folder.write("empty", ""), MapAdvice::kWillNeed, 10);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes().empty());
}

TEST(JsonText, LimitsAreNamed) {
  EXPECT_EQ(parse_json_object("{\"a\":1}", 3).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_json_object("[1]", 99).error().message, "the document is not an object");
  EXPECT_EQ(parse_json_object("{\"a\":1,\"a\":2}", 99).error().message,
            "the key 'a' appears twice in one object");
  EXPECT_EQ(parse_json_object("{\"a\":}", 99).error().message, "not valid JSON at byte 6");
  EXPECT_NE(parse_json_object(std::string(40, '['), 99).error().message.find("nested"),
            std::string::npos);
  EXPECT_FALSE(parse_json_object("{\"a\":\"\xff\"}", 99));
  EXPECT_TRUE(parse_json_object("{\"a\":{\"a\":1}}", 99));
}

}  // namespace
}  // namespace monocle
