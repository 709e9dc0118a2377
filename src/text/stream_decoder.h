// SPDX-License-Identifier: Apache-2.0
// Token ids of one answer, one by one -> text that is final: whole characters only, and never a
// part of a stop string. One decoder per answer, one thread at a time; the tokenizer must outlive
// it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/bpe.h"

namespace monocle {

constexpr std::size_t kMaxStopStrings = 16;
constexpr std::size_t kMaxStopBytes = 256;

struct StreamOptions {
  // GCC's -Wmissing-field-initializers asks for the two initialisers that clang-tidy calls
  // redundant. NOLINTBEGIN(readability-redundant-member-init)
  std::vector<std::string> stop = {};   // the answer ends before the first of these
  std::vector<std::string> whole = {};  // never split between two pieces, e.g. "<tool_call>"
  // NOLINTEND(readability-redundant-member-init)
  bool skip_special = true;
};

class StreamDecoder {
 public:
  static Result<StreamDecoder> create(const Tokenizer& tokenizer, StreamOptions options);

  // The text that became final with this id; empty while a character or a stop string is undecided,
  // and always after stopped().
  std::string push(TokenId id);

  // The end of the answer: what was held back. An unfinished character becomes U+FFFD.
  std::string flush();

  // Index of the stop string that was met, if one was.
  [[nodiscard]] std::optional<std::size_t> stopped() const { return stopped_; }

 private:
  StreamDecoder(const Tokenizer& tokenizer, StreamOptions options)
      : tokenizer_(&tokenizer), options_(std::move(options)) {}

  void decode_bytes(bool at_end);
  std::string release(bool at_end);
  [[nodiscard]] std::size_t final_bytes() const;

  const Tokenizer* tokenizer_;
  StreamOptions options_;
  std::string bytes_;  // of an unfinished character, at most 3 between calls
  std::string text_;   // decoded, not yet final
  std::optional<std::size_t> stopped_;
};

}  // namespace monocle
