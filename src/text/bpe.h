// SPDX-License-Identifier: Apache-2.0
// The byte-level BPE tokenizer of the Qwen family, from any tokenizer.json of that form. Immutable
// after load() and shared by all threads. Text that is not valid UTF-8 is tokenised as if each
// maximal ill-formed part were U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/token.h"
#include "text/tokenizer_file.h"

namespace monocle {

enum class SpecialTokens : std::uint8_t {
  kParse,   // added tokens in the text become their ids: for text we wrote ourselves
  kAsText,  // the text never yields the id of an added token, whatever it contains
};

// Who wrote a stretch of a prompt: only the template may spell control tokens.
enum class TextOwner : std::uint8_t { kTemplate, kUser };

struct TextSpan {
  std::string text;
  TextOwner owner;
};

class Tokenizer {
 public:
  // `json_bytes`: the contents of tokenizer.json; not referred to afterwards.
  static Result<Tokenizer> load(std::string_view json_bytes);

  // Text of less than 2 GiB.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, SpecialTokens mode) const;

  // The ids of the concatenation of all spans, where an added token is recognised only when it lies
  // wholly in template-owned text. Words that reach over the seam of two spans are split and merged
  // as one text.
  [[nodiscard]] std::vector<TokenId> encode(std::span<const TextSpan> spans) const;

  // The text of the ids, valid UTF-8 (ill-formed parts become U+FFFD). Ids without a token add
  // nothing.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  // The bytes one id stands for, which need not be whole characters; empty for an id without a
  // token.
  [[nodiscard]] std::string_view bytes_of(TokenId id) const;

  // The id of an added token, or of the base token with these bytes.
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view text) const;

  [[nodiscard]] bool is_added(TokenId id) const { return tables_.added.by_id(id) != nullptr; }
  [[nodiscard]] bool is_special(TokenId id) const;  // an added token flagged special in the file

  // Highest id + 1, added tokens included. The model's embedding may have more rows.
  [[nodiscard]] TokenId vocab_size() const;

 private:
  explicit Tokenizer(TokenizerTables tables) : tables_(std::move(tables)) {}

  TokenizerTables tables_;
};

}  // namespace monocle
