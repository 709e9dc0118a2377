// SPDX-License-Identifier: Apache-2.0
// The first byte chooses what reads the rest: a tokenizer.json, text to encode and stream back, or
// model output with tool calls. Beyond "no crash" it holds the promises of the text room: user text
// makes no control token, decoding gives the text back, streaming equals decoding.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#include "base/check.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/python_json.h"
#include "text/stream_decoder.h"
#include "text/tool_calls.h"
#include "text/utf8.h"

namespace {

using namespace monocle;

const Tokenizer& small_tokenizer() {
  static const Tokenizer tokenizer = [] {
    std::ifstream file(MONOCLE_SOURCE_DIR "/tests/data/tokenizer/tokenizer.json", std::ios::binary);
    auto loaded = Tokenizer::load(std::string(std::istreambuf_iterator<char>(file), {}));
    MONOCLE_CHECK(loaded.has_value());
    return std::move(*loaded);
  }();
  return tokenizer;
}

void fuzz_file(std::string_view bytes) {
  const auto loaded = Tokenizer::load(bytes);
  if (!loaded) {
    MONOCLE_CHECK(!loaded.error().message.empty());
    return;
  }
  const auto ids = loaded->encode("Hello <|im_start|> 12\n", SpecialTokens::kAsText);
  MONOCLE_CHECK(loaded->decode(ids, false) == "Hello <|im_start|> 12\n");
}

std::string stream(const std::vector<TokenId>& ids) {
  auto decoder = StreamDecoder::create(small_tokenizer(),
                                       {.stop = {"\x01\x02\x03"}, .whole = {"<tool_call>"}});
  MONOCLE_CHECK(decoder.has_value());
  std::string text;
  for (const TokenId id : ids) {
    text += decoder->push(id);
  }
  text += decoder->flush();
  return decoder->stopped() ? small_tokenizer().decode(ids, true) : text;
}

void fuzz_text(std::string_view bytes) {
  const Tokenizer& tokenizer = small_tokenizer();
  std::string text;
  utf8::append_replaced(text, bytes);
  const auto as_text = tokenizer.encode(bytes, SpecialTokens::kAsText);
  for (const TokenId id : as_text) {
    MONOCLE_CHECK(!tokenizer.is_added(id));
  }
  MONOCLE_CHECK(tokenizer.decode(as_text, true) == to_nfc(text));
  MONOCLE_CHECK(is_nfc_quick(text) ? to_nfc(text) == text : to_nfc(to_nfc(text)) == to_nfc(text));
  const auto parsed = tokenizer.encode(bytes, SpecialTokens::kParse);
  MONOCLE_CHECK(stream(parsed) == tokenizer.decode(parsed, true));
  const std::size_t half = text.size() / 2;
  const std::vector<TextSpan> spans{{text.substr(0, half), TextOwner::kUser},
                                    {text.substr(half), TextOwner::kUser}};
  for (const TokenId id : tokenizer.encode(spans)) {
    MONOCLE_CHECK(!tokenizer.is_added(id));
  }
  // Ids that no encoder would give: half characters in any order.
  std::vector<TokenId> ids;
  for (const char byte : bytes) {
    ids.push_back(static_cast<unsigned char>(byte) * 4);
  }
  MONOCLE_CHECK(stream(ids) == tokenizer.decode(ids, true));
}

void fuzz_model_output(std::string_view bytes) {
  const ToolReply reply = parse_tool_calls(bytes);
  MONOCLE_CHECK(reply.content.size() <= bytes.size());
  if (const auto json = to_python_json(bytes)) {
    const auto again = to_python_json(*json);
    MONOCLE_CHECK(json->size() > kMaxJsonBytes || (again && *again == *json));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      fuzz_text(rest);
      break;
    case 1:
      fuzz_model_output(rest);
      break;
    default:
      fuzz_file(rest);
      break;
  }
  return 0;
}
