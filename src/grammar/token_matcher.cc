// SPDX-License-Identifier: Apache-2.0
#include "grammar/token_matcher.h"

#include <algorithm>
#include <utility>

#include "grammar/token_matcher_impl.h"

namespace monocle {

TokenMatcher::TokenMatcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenMatcher::~TokenMatcher() = default;

bool TokenMatcher::fill(std::span<std::uint32_t> mask) {
  std::int64_t words = static_cast<std::int64_t>(mask.size());
  DLTensor tensor{};
  tensor.data = mask.data();
  tensor.device = {kDLCPU, 0};
  tensor.ndim = 1;
  tensor.dtype = xgrammar::GetBitmaskDLType();
  tensor.shape = &words;
  try {
    return !finished() && impl_->matcher.FillNextTokenBitmask(&tensor);
  } catch (const std::exception&) {
    // Nothing is allowed: whoever samples sees an empty mask and ends the answer.
    std::fill(mask.begin(), mask.end(), 0U);
    return true;
  }
}

bool TokenMatcher::accept(std::int32_t token) {
  try {
    return !finished() && impl_->matcher.AcceptToken(token);
  } catch (const std::exception&) {
    return false;
  }
}

bool TokenMatcher::finished() const { return impl_->matcher.IsTerminated(); }

}  // namespace monocle
