// SPDX-License-Identifier: Apache-2.0
// Transcriptions: character error rate, and CC-OCR's token F1 (characters of scripts without
// blanks, words elsewhere, each as often as it occurs).
#include <algorithm>
#include <map>

#include "score/edit.h"
#include "score/score.h"
#include "text/fold.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace monocle::score {
namespace {

using Tokens = std::map<std::string, int>;

// Han, kana, hangul, Thai and Arabic: counted by character.
bool by_character(char32_t c) {
  return (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xe00 && c <= 0xe7f) || (c >= 0x600 && c <= 0x6ff) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

Tokens tokens_of(std::string_view text) {
  Tokens tokens;
  std::string word;
  const auto close = [&] {
    if (!word.empty()) {
      ++tokens[word];
    }
    word.clear();
  };
  for (const char32_t c : to_code_points(text)) {
    if (unicode::kSpace.contains(c) || by_character(c)) {
      close();
    }
    if (!unicode::kSpace.contains(c)) {
      utf8::append(word, c);
    }
    if (by_character(c)) {
      close();
    }
  }
  close();
  return tokens;
}

double count(const Tokens& tokens) {
  double all = 0;
  for (const auto& [token, times] : tokens) {
    all += times;
  }
  return all;
}

// Lines without blanks at their ends, and no empty ones: how a page is broken up is not the
// question.
std::string plain_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line = collapse_space(text.substr(0, end));
    if (!line.empty()) {
      out += out.empty() ? line : "\n" + line;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Score score_reading(const Case& asked, std::string_view answer) {
  const std::string gold = plain_lines(asked.answers.front());
  const std::string found = plain_lines(answer);
  const std::u32string wanted = to_code_points(gold);
  const auto errors = static_cast<double>(edit_distance(wanted, to_code_points(found)));
  const auto length = static_cast<double>(std::max<std::size_t>(wanted.size(), 1));
  Score score;
  score.quality = 1 - std::min(1.0, errors / length);
  score.add("cer", errors, length);  // over all characters of all cases
  score.add("exact", gold == found ? 1 : 0);
  const Tokens gold_tokens = tokens_of(gold);
  const Tokens found_tokens = tokens_of(found);
  double common = 0;
  for (const auto& [token, times] : gold_tokens) {
    const auto other = found_tokens.find(token);
    common += other == found_tokens.end() ? 0 : std::min(times, other->second);
  }
  score.add("token_f1", 2 * common, count(gold_tokens) + count(found_tokens));
  score.add("kind: " + asked.kind, score.quality);
  return score;
}

}  // namespace monocle::score
