// SPDX-License-Identifier: Apache-2.0
// Cases for tests, short to write.
#pragma once

#include <utility>

#include "score/score.h"

namespace monocle::score::test {

inline Case vqa(std::string kind, std::vector<std::string> answers) {
  Case one;
  one.kind = std::move(kind);
  one.answers = std::move(answers);
  return one;
}

inline double metric(const Score& score, const std::string& name) {
  const auto found = score.metrics.find(name);
  return found == score.metrics.end() || found->second.count == 0
             ? -1
             : found->second.sum / found->second.count;
}

}  // namespace monocle::score::test
