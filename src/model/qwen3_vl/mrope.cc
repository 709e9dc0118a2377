// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/mrope.h"

#include <algorithm>

namespace monocle::qwen3_vl {
namespace {

// Writes one coordinate triple per token and remembers where the next text token continues.
class Cursor {
 public:
  explicit Cursor(std::int64_t tokens)
      : tokens_(static_cast<std::size_t>(tokens)), axes_(3 * static_cast<std::size_t>(tokens)) {}

  void text(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i, ++next_) {
      put(next_, next_, next_);
    }
  }

  void picture(std::int32_t rows, std::int32_t cols) {
    for (std::int32_t r = 0; r < rows; ++r) {
      for (std::int32_t c = 0; c < cols; ++c) {
        put(next_, next_ + r, next_ + c);
      }
    }
    next_ += std::max(rows, cols);
  }

  [[nodiscard]] std::int64_t written() const { return static_cast<std::int64_t>(at_); }

  RopePositions finish() && {
    std::int32_t largest = -1;
    for (const std::int32_t position : axes_) {
      largest = std::max(largest, position);
    }
    return {std::move(axes_), largest + 1 - static_cast<std::int32_t>(tokens_)};
  }

 private:
  void put(std::int32_t t, std::int32_t h, std::int32_t w) {
    axes_[at_] = t;
    axes_[tokens_ + at_] = h;
    axes_[2 * tokens_ + at_] = w;
    ++at_;
  }

  std::size_t tokens_;
  std::vector<std::int32_t> axes_;
  std::size_t at_ = 0;
  std::int32_t next_ = 0;
};

}  // namespace

Result<RopePositions> rope_positions(std::int64_t tokens, std::span<const MediaRun> runs,
                                     std::int32_t merge) {
  Cursor cursor(tokens);
  for (const MediaRun& run : runs) {
    const std::int32_t rows = run.grid_h / merge;
    const std::int32_t cols = run.grid_w / merge;
    const std::int64_t end = run.offset + std::int64_t{rows} * cols;
    if (run.offset < cursor.written() || rows < 1 || cols < 1 || end > tokens) {
      return fail(
          ErrorCode::kInvalidArgument,
          "media run at token {} with grid {}x{} does not fit a prompt of {} tokens after token {}",
          run.offset, run.grid_h, run.grid_w, tokens, cursor.written());
    }
    cursor.text(run.offset - cursor.written());
    cursor.picture(rows, cols);
  }
  cursor.text(tokens - cursor.written());
  return std::move(cursor).finish();
}

}  // namespace monocle::qwen3_vl
