// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "text/encoder.h"
#include "text/utf8.h"

namespace monocle {
namespace {

struct Range {
  std::size_t begin;
  std::size_t end;
};

// `text` is valid UTF-8; added tokens are looked for in `trusted` only (sorted, disjoint).
std::vector<TokenId> encode_ranges(const TokenizerTables& tables, std::string_view text,
                                   std::span<const Range> trusted) {
  MONOCLE_CHECK(text.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
  Encoder encoder(tables, text.size());
  std::size_t done = 0;
  for (const Range& range : trusted) {
    std::size_t pos = range.begin;
    while (const auto match = tables.added.find(text, pos, range.end)) {
      encoder.add_segment(text.substr(done, match->begin - done));
      encoder.add_token(match->id);
      done = pos = match->end;
    }
  }
  encoder.add_segment(text.substr(done));
  return std::move(encoder).take();
}

}  // namespace

Result<Tokenizer> Tokenizer::load(std::string_view json_bytes) {
  auto tables = parse_tokenizer_file(json_bytes);
  if (!tables) {
    return prefixed("tokenizer.json", std::move(tables).error());
  }
  return Tokenizer(std::move(*tables));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialTokens mode) const {
  std::string replaced;
  if (!utf8::is_valid(text)) {
    utf8::append_replaced(replaced, text);
    text = replaced;
  }
  const Range all{0, text.size()};
  return encode_ranges(
      tables_, text, mode == SpecialTokens::kParse ? std::span(&all, 1) : std::span<const Range>());
}

std::vector<TokenId> Tokenizer::encode(std::span<const TextSpan> spans) const {
  std::string text;
  std::vector<Range> trusted;
  for (const TextSpan& span : spans) {
    const std::size_t begin = text.size();
    // Span by span: a user's broken last character must not take the template's next byte with it.
    utf8::append_replaced(text, span.text);
    if (span.owner != TextOwner::kTemplate || text.size() == begin) {
      continue;
    }
    if (!trusted.empty() && trusted.back().end == begin) {
      trusted.back().end = text.size();
    } else {
      trusted.push_back({begin, text.size()});
    }
  }
  return encode_ranges(tables_, text, trusted);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!skip_special || !is_special(id)) {
      bytes.append(bytes_of(id));
    }
  }
  if (utf8::is_valid(bytes)) {
    return bytes;
  }
  std::string text;
  utf8::append_replaced(text, bytes);
  return text;
}

std::string_view Tokenizer::bytes_of(TokenId id) const {
  const AddedToken* added = tables_.added.by_id(id);
  return added != nullptr ? std::string_view(added->text) : tables_.vocabulary.bytes_of(id);
}

std::optional<TokenId> Tokenizer::id_of(std::string_view text) const {
  for (const AddedToken& token : tables_.added.all()) {
    if (token.text == text) {
      return token.id;
    }
  }
  return tables_.vocabulary.find(text);
}

bool Tokenizer::is_special(TokenId id) const {
  const AddedToken* added = tables_.added.by_id(id);
  return added != nullptr && added->special;
}

TokenId Tokenizer::vocab_size() const {
  const auto& added = tables_.added.all();
  return std::max(tables_.vocabulary.end_id(), added.empty() ? 0 : added.back().id + 1);
}

}  // namespace monocle
