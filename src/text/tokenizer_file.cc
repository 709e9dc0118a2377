// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_file.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/json_scan.h"
#include "text/tokenizer_settings.h"
#include "text/utf8.h"

namespace monocle {
namespace {

// One pass over the file. `vocab` is read where it stands; `merges` too, unless it comes before
// `vocab`.
class Loader {
 public:
  explicit Loader(std::string_view json) : scan_(json), file_bytes_(json.size()) {}

  Result<TokenizerTables> load() {
    MONOCLE_TRY(read_object(scan_, "", [this](std::string_view key) { return read_field(key); }));
    if (!scan_.expect_end()) {
      return malformed(scan_);
    }
    for (const char* needed : {"normalizer", "pre_tokenizer", "decoder", "model", "model.type",
                               "model.vocab", "model.merges"}) {
      if (!seen_.contains(needed)) {
        return fail(ErrorCode::kInvalidArgument, "the field \"{}\" is missing", needed);
      }
    }
    MONOCLE_TRY(place_added_tokens());
    tables_.added = AddedTokens(std::move(added_));
    return std::move(tables_);
  }

 private:
  static tl::unexpected<Error> malformed(const JsonScanner& scan) {
    return fail(ErrorCode::kInvalidArgument, "not valid JSON: {}", scan.error());
  }

  // Calls field(key) with the scanner at the value of each member of the object that comes next.
  template <class Field>
  Status read_object(JsonScanner& scan, const std::string& prefix, Field field) {
    if (!scan.expect('{')) {
      return malformed(scan);
    }
    if (scan.accept('}')) {
      return {};
    }
    do {
      std::string_view key;
      if (!scan.raw_string(key) || !scan.expect(':')) {
        return malformed(scan);
      }
      if (!seen_.insert(prefix + std::string(key)).second) {
        return fail(ErrorCode::kInvalidArgument, "the field \"{}{}\" is given twice", prefix, key);
      }
      MONOCLE_TRY(field(key));
    } while (scan.accept(','));
    return scan.expect('}') ? Status() : malformed(scan);
  }

  Status read_field(std::string_view key) {
    if (key == "model") {
      return read_object(scan_, "model.",
                         [this](std::string_view name) { return read_model_field(name); });
    }
    std::string_view value;
    if (!scan_.raw_value(value)) {
      return malformed(scan_);
    }
    if (key == "added_tokens") {
      MONOCLE_ASSIGN(added_, parse_added_tokens(value));
      return {};
    }
    return check_tokenizer_field(key, value);
  }

  Status read_model_field(std::string_view name) {
    if (name == "vocab") {
      MONOCLE_TRY(read_vocab());
      if (early_merges_.empty()) {
        return {};
      }
      JsonScanner scan(early_merges_);
      return read_merges(scan);
    }
    if (name == "merges" && seen_.contains("model.vocab")) {
      return read_merges(scan_);
    }
    std::string_view value;
    if (!scan_.raw_value(value)) {
      return malformed(scan_);
    }
    if (name == "merges") {
      early_merges_ = value;
      return {};
    }
    return check_model_field(name, value);
  }

  // The bytes of a token as the file writes it, in `out`; false when it is not in the byte
  // alphabet, and then `out` holds its literal text.
  Result<bool> token_bytes(std::string_view raw, std::string& out) {
    out.clear();
    if (raw.find('\\') != std::string_view::npos) {
      if (!json_unescape(raw, unescaped_)) {
        return fail(ErrorCode::kInvalidArgument, "a token has a malformed escape before byte {}",
                    scan_.offset());
      }
      raw = unescaped_;
    }
    const bool in_alphabet = append_alphabet_bytes(out, raw);
    if (!in_alphabet) {
      out.assign(raw);
    }
    if (out.empty() || out.size() > kMaxTokenBytes || (!in_alphabet && !utf8::is_valid(out))) {
      return fail(ErrorCode::kInvalidArgument,
                  "a token of {} bytes before byte {}: tokens are 1 to {} bytes of UTF-8",
                  out.size(), scan_.offset(), kMaxTokenBytes);
    }
    return in_alphabet;
  }

  Status read_vocab() {
    if (!scan_.expect('{')) {
      return malformed(scan_);
    }
    // A line of the table takes about 30 bytes of the file; both numbers are only first guesses.
    tables_.vocabulary.reserve(file_bytes_ / 60, file_bytes_ / 10);
    std::string bytes;
    if (scan_.accept('}')) {
      return finish_vocab();
    }
    do {
      std::string_view raw;
      std::uint32_t id = 0;
      if (!scan_.raw_string(raw) || !scan_.expect(':') ||
          !scan_.unsigned_integer(kMaxTokens - 1, id)) {
        return malformed(scan_);
      }
      MONOCLE_ASSIGN(const bool in_alphabet, token_bytes(raw, bytes));
      switch (tables_.vocabulary.insert(static_cast<TokenId>(id), bytes, in_alphabet)) {
        case Vocabulary::Insert::kOk:
          break;
        case Vocabulary::Insert::kIdTaken:
          return fail(ErrorCode::kInvalidArgument, "model.vocab gives the id {} twice", id);
        case Vocabulary::Insert::kBytesTaken:
          return fail(ErrorCode::kInvalidArgument, "model.vocab gives the token of id {} twice",
                      id);
      }
    } while (scan_.accept(','));
    return scan_.expect('}') ? finish_vocab() : malformed(scan_);
  }

  Status finish_vocab() {
    reachable_.assign(static_cast<std::size_t>(tables_.vocabulary.end_id()), false);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(static_cast<unsigned char>(byte));
      const auto id = tables_.vocabulary.find(std::string_view(&c, 1));
      if (!id) {
        return fail(ErrorCode::kUnsupported,
                    "model.vocab has no token for the byte 0x{:02x}, all 256 are needed", byte);
      }
      tables_.byte_ids[byte] = *id;
      reachable_[static_cast<std::size_t>(*id)] = true;
    }
    return {};
  }

  // Both forms of a rule: "a b" and ["a", "b"]; the bytes of the two sides.
  Status read_merge_sides(JsonScanner& scan, std::string& left, std::string& right) {
    std::string_view first;
    std::string_view second;
    if (scan.accept('[')) {
      if (!scan.raw_string(first) || !scan.expect(',') || !scan.raw_string(second) ||
          !scan.expect(']')) {
        return malformed(scan);
      }
    } else {
      if (!scan.raw_string(first)) {
        return malformed(scan);
      }
      const std::size_t space = first.find(' ');
      if (space == std::string_view::npos || first.find(' ', space + 1) != std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "not two tokens with one space between them");
      }
      second = first.substr(space + 1);
      first = first.substr(0, space);
    }
    MONOCLE_TRY(token_bytes(first, left));
    MONOCLE_TRY(token_bytes(second, right));
    return {};
  }

  Status read_merges(JsonScanner& scan) {
    if (!scan.expect('[')) {
      return malformed(scan);
    }
    // A rule makes a token, so there are about as many; a file with more rules than that grows the
    // table below.
    std::vector<std::pair<std::pair<TokenId, TokenId>, Merge>> rules;
    rules.reserve(static_cast<std::size_t>(tables_.vocabulary.end_id()));
    std::string left;
    std::string right;
    TokenId guess = -1;
    bool more = !scan.accept(']');
    while (more) {
      if (rules.size() == kMaxTokens) {
        return fail(ErrorCode::kTooLarge, "model.merges has more than {} rules", kMaxTokens);
      }
      if (auto status = read_merge_sides(scan, left, right); !status) {
        return prefixed(fmt::format("model.merges[{}]", rules.size()), std::move(status).error());
      }
      const auto left_id = tables_.vocabulary.find(left);
      const auto right_id = tables_.vocabulary.find(right);
      left += right;
      // Rules mostly stand in the order of the ids they make, so the guess saves a third of the
      // searches.
      const auto merged = tables_.vocabulary.find(left, guess);
      if (!left_id || !right_id || !merged) {
        return fail(ErrorCode::kInvalidArgument, "model.merges[{}]: the {} is not in model.vocab",
                    rules.size(),
                    !left_id    ? "left token"
                    : !right_id ? "right token"
                                : "joined token");
      }
      guess = *merged + 1;
      reachable_[static_cast<std::size_t>(*merged)] = true;
      rules.push_back({{*left_id, *right_id}, {static_cast<std::uint32_t>(rules.size()), *merged}});
      more = scan.accept(',');
      if (!more && !scan.expect(']')) {
        return malformed(scan);
      }
    }
    tables_.merges.reserve(rules.size());
    for (const auto& [pair, merge] : rules) {
      tables_.merges.insert(pair.first, pair.second, merge);
    }
    return {};
  }

  // An added token may also stand in model.vocab, under the same id. It must not be one that
  // ordinary text can become: that user text never makes a control token is a promise of this room.
  Status place_added_tokens() {
    std::string bytes;
    for (const AddedToken& token : added_) {
      bytes.clear();
      const bool in_alphabet = append_alphabet_bytes(bytes, token.text);
      const auto same_text = in_alphabet ? tables_.vocabulary.find(bytes) : std::nullopt;
      const std::string_view same_id = tables_.vocabulary.bytes_of(token.id);
      if ((same_text && *same_text != token.id) ||
          (!same_id.empty() && same_id != (in_alphabet ? bytes : token.text))) {
        return fail(ErrorCode::kInvalidArgument, "the added token of id {} contradicts model.vocab",
                    token.id);
      }
      if (!same_id.empty() && reachable_[static_cast<std::size_t>(token.id)]) {
        return fail(ErrorCode::kUnsupported,
                    "the added token of id {} can also be made from ordinary text by model.merges",
                    token.id);
      }
    }
    return {};
  }

  JsonScanner scan_;
  std::size_t file_bytes_;
  std::set<std::string> seen_;
  std::string_view early_merges_;
  std::string unescaped_;
  std::vector<AddedToken> added_;
  std::vector<bool> reachable_;  // by id: bytes, and what a rule makes
  TokenizerTables tables_;
};

}  // namespace

Result<TokenizerTables> parse_tokenizer_file(std::string_view json) {
  if (json.size() > kMaxTokenizerFileBytes) {
    return fail(ErrorCode::kTooLarge, "the file has {} bytes, the limit is {}", json.size(),
                kMaxTokenizerFileBytes);
  }
  return Loader(json).load();
}

}  // namespace monocle
