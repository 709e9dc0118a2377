// SPDX-License-Identifier: Apache-2.0
#include "grammar/pattern_check.h"

#include <algorithm>
#include <vector>

namespace monocle {
namespace {

class Scanner {
 public:
  Scanner(std::string_view text, const PatternLimits& limits) : text_(text), limits_(limits) {}

  Status run() {
    groups_.push_back({});
    while (at_ < text_.size()) {
      MONOCLE_TRY(step());
    }
    // An unclosed group is the parser's to report; its cost counts all the same.
    while (groups_.size() > 1) {
      close();
    }
    return check(groups_.back().cost);
  }

 private:
  struct Group {
    std::int64_t cost = 0;  // of everything in it, repetitions multiplied out
    std::int64_t last = 0;  // of the atom that a quantifier would repeat
  };

  Status step() {
    const char c = text_[at_];
    switch (c) {
      case '\\':
        at_ += 2;
        return atom(1);
      case '[':
        skip_class();
        return atom(1);
      case '"':
        skip_quoted();
        return atom(1);
      case '(':
        ++at_;
        groups_.push_back({});
        if (std::ssize(groups_) > limits_.depth + 1) {
          return fail(ErrorCode::kTooLarge, "groups are nested deeper than {} at byte {}",
                      limits_.depth, at_ - 1);
        }
        return {};
      case ')':
        ++at_;
        return groups_.size() > 1 ? close() : Status{};
      case '{':
        return repeat();
      default:
        ++at_;
        return atom(1);
    }
  }

  Status check(std::int64_t cost) const {
    if (cost > limits_.repeats) {
      return fail(ErrorCode::kTooLarge, "repetitions multiply to more than {} states",
                  limits_.repeats);
    }
    return {};
  }

  Status atom(std::int64_t cost) {
    Group& group = groups_.back();
    group.cost += cost;
    group.last = cost;
    return check(cost);
  }

  Status close() {
    const std::int64_t cost = std::max<std::int64_t>(groups_.back().cost, 1);
    groups_.pop_back();
    return atom(cost);
  }

  // "{m}", "{m,}" or "{m,n}"; anything else in braces is text.
  Status repeat() {
    const std::size_t end = text_.find('}', at_);
    const std::string_view body =
        end == std::string_view::npos ? "" : text_.substr(at_ + 1, end - at_ - 1);
    const bool bounds = !body.empty() && body.find_first_not_of("0123456789, ") == body.npos;
    if (!bounds) {
      ++at_;
      return atom(1);
    }
    at_ = end + 1;
    std::int64_t largest = 0;
    std::int64_t number = 0;
    for (const char c : body) {
      const bool digit = c >= '0' && c <= '9';
      number = digit ? std::min(number * 10 + (c - '0'), limits_.repeats + 1) : 0;
      largest = std::max(largest, number);
    }
    Group& group = groups_.back();
    const std::int64_t times = std::max<std::int64_t>(largest, 1);
    // Both factors are at most the limit + 1, so the product does not overflow.
    const std::int64_t cost = group.last * times;
    group.cost += cost - group.last;
    group.last = cost;
    return check(cost);
  }

  void skip_class() {
    for (++at_; at_ < text_.size() && text_[at_] != ']'; ++at_) {
      at_ += text_[at_] == '\\' ? 1U : 0U;
    }
    ++at_;
  }
  void skip_quoted() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      at_ += text_[at_] == '\\' ? 1U : 0U;
    }
    ++at_;
  }

  std::string_view text_;
  const PatternLimits& limits_;
  std::size_t at_ = 0;
  std::vector<Group> groups_;
};

}  // namespace

Status check_pattern(std::string_view pattern, const PatternLimits& limits) {
  if (pattern.size() > limits.bytes) {
    return fail(ErrorCode::kTooLarge, "{} bytes are more than the limit of {}", pattern.size(),
                limits.bytes);
  }
  return Scanner(pattern, limits).run();
}

}  // namespace monocle
