// SPDX-License-Identifier: Apache-2.0
// Follows one answer through its grammar: which tokens may come next. Made by a GrammarCompiler;
// used by the engine, one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace monocle {

class TokenMatcher {
 public:
  struct Impl;
  explicit TokenMatcher(std::unique_ptr<Impl> impl);
  ~TokenMatcher();
  TokenMatcher(const TokenMatcher&) = delete;
  TokenMatcher& operator=(const TokenMatcher&) = delete;

  // Sets bit i of mask[i / 32] for every token that may come next and clears the others. Stop
  // tokens are allowed only where the grammar is complete. mask: [(vocab + 31) / 32]. False: every
  // token is allowed and the mask was left alone.
  bool fill(std::span<std::uint32_t> mask);

  // Advances. False: the token is not allowed here (the state is unchanged).
  bool accept(std::int32_t token);

  // The answer is complete and nothing but a stop token may follow.
  [[nodiscard]] bool finished() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
