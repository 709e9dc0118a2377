// SPDX-License-Identifier: Apache-2.0
#include "text/stream_decoder.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace monocle {
namespace {

// Bytes at the end of `text` that could be the beginning of `wanted`, not all of it.
std::size_t partial_match(std::string_view text, std::string_view wanted) {
  for (std::size_t n = std::min(text.size(), wanted.size() - 1); n > 0; --n) {
    if (wanted.starts_with(text.substr(text.size() - n))) {
      return n;
    }
  }
  return 0;
}

Status check_strings(std::string_view name, const std::vector<std::string>& strings) {
  if (strings.size() > kMaxStopStrings) {
    return fail(ErrorCode::kInvalidArgument, "{} has {} strings, the limit is {}", name,
                strings.size(), kMaxStopStrings);
  }
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (strings[i].empty() || strings[i].size() > kMaxStopBytes || !utf8::is_valid(strings[i])) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}[{}] has {} bytes, it must be 1 to {} bytes of UTF-8", name, i,
                  strings[i].size(), kMaxStopBytes);
    }
  }
  return {};
}

}  // namespace

Result<StreamDecoder> StreamDecoder::create(const Tokenizer& tokenizer, StreamOptions options) {
  MONOCLE_TRY(check_strings("stop", options.stop));
  MONOCLE_TRY(check_strings("whole", options.whole));
  return StreamDecoder(tokenizer, std::move(options));
}

std::string StreamDecoder::push(TokenId id) {
  if (stopped_ || (options_.skip_special && tokenizer_->is_special(id))) {
    return {};
  }
  bytes_ += tokenizer_->bytes_of(id);
  decode_bytes(false);
  return release(false);
}

std::string StreamDecoder::flush() {
  if (stopped_) {
    return {};
  }
  decode_bytes(true);
  return release(true);
}

void StreamDecoder::decode_bytes(bool at_end) {
  std::size_t pos = 0;
  while (pos < bytes_.size()) {
    const utf8::Step step = utf8::decode(bytes_, pos);
    if (step.validity == utf8::Validity::kTruncated && !at_end) {
      break;
    }
    utf8::append(text_, step.code_point);
    pos += step.length;
  }
  bytes_.erase(0, pos);
}

std::size_t StreamDecoder::final_bytes() const {
  std::size_t held = 0;
  for (const auto* strings : {&options_.stop, &options_.whole}) {
    for (const std::string& wanted : *strings) {
      held = std::max(held, partial_match(text_, wanted));
    }
  }
  // A stop string may begin inside a complete `whole`: then all of that waits.
  std::size_t cut = text_.size() - held;
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::string& wanted : options_.whole) {
      const std::size_t found = text_.find(wanted, cut - std::min(cut, wanted.size() - 1));
      if (found < cut) {
        cut = found;
        moved = true;
      }
    }
  }
  return cut;
}

std::string StreamDecoder::release(bool at_end) {
  // The stop string that is complete first counts; of those complete together, the one that began
  // first.
  std::size_t begin = 0;
  std::size_t end = std::string::npos;
  for (std::size_t i = 0; i < options_.stop.size(); ++i) {
    const std::size_t found = text_.find(options_.stop[i]);
    if (found == std::string::npos) {
      continue;
    }
    const std::size_t found_end = found + options_.stop[i].size();
    if (found_end < end || (found_end == end && found < begin)) {
      begin = found;
      end = found_end;
      stopped_ = i;
    }
  }
  std::string piece;
  if (stopped_) {
    piece = text_.substr(0, begin);
    text_.clear();
    bytes_.clear();
    return piece;
  }
  const std::size_t cut = at_end ? text_.size() : final_bytes();
  piece = text_.substr(0, cut);
  text_.erase(0, cut);
  return piece;
}

}  // namespace monocle
