// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {
namespace {

// One of q, k, v (which = 0, 1, 2) of one head in patches [begin, end): [end - begin, D].
std::vector<float> take_head(const AttendPackedArgs& args, std::int64_t which, std::int64_t head,
                             std::int64_t begin, std::int64_t end) {
  const std::int64_t d = args.head_dim;
  std::vector<float> out;
  for (std::int64_t patch = begin; patch < end; ++patch) {
    for (std::int64_t c = 0; c < d; ++c) {
      out.push_back(load(args.qkv, patch, (which * args.heads + head) * d + c));
    }
  }
  return out;
}

void rotate(const AttendPackedArgs& args, std::vector<float>& x, std::int64_t begin) {
  const auto d = static_cast<std::size_t>(args.head_dim);
  const std::size_t half = d / 2;
  const std::size_t quarter = d / 4;
  for (std::size_t i = 0; i < x.size() / d; ++i) {
    const std::size_t patch = static_cast<std::size_t>(begin) + i;
    for (std::size_t c = 0; c < half; ++c) {
      const std::int32_t position = c < quarter ? args.row[patch] : args.col[patch];
      const auto angle =
          static_cast<double>(static_cast<float>(position) * args.inv_freq[c % quarter]);
      const auto low = static_cast<double>(x[i * d + c]);
      const auto high = static_cast<double>(x[i * d + c + half]);
      x[i * d + c] = static_cast<float>(low * std::cos(angle) - high * std::sin(angle));
      x[i * d + c + half] = static_cast<float>(high * std::cos(angle) + low * std::sin(angle));
    }
  }
}

void attend_segment(const AttendPackedArgs& args, std::int64_t head, std::int64_t begin,
                    std::int64_t end) {
  const std::int64_t d = args.head_dim;
  const std::int64_t n = end - begin;
  std::vector<float> q = take_head(args, 0, head, begin, end);
  std::vector<float> k = take_head(args, 1, head, begin, end);
  const std::vector<float> v = take_head(args, 2, head, begin, end);
  rotate(args, q, begin);
  rotate(args, k, begin);
  std::vector<double> scores(static_cast<std::size_t>(n));
  std::vector<double> out(static_cast<std::size_t>(d));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      scores[static_cast<std::size_t>(j)] =
          static_cast<double>(args.scale) * dot(q.data() + i * d, k.data() + j * d, d);
    }
    softmax(scores);
    out.assign(out.size(), 0.0);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t c = 0; c < d; ++c) {
        out[static_cast<std::size_t>(c)] +=
            scores[static_cast<std::size_t>(j)] *
            static_cast<double>(v[static_cast<std::size_t>(j * d + c)]);
      }
    }
    for (std::int64_t c = 0; c < d; ++c) {
      store(args.y, begin + i, head * d + c, out[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace

void attend_packed(const AttendPackedArgs& args) {
  for (std::size_t s = 0; s + 1 < args.segments.size(); ++s) {
    for (std::int64_t head = 0; head < args.heads && args.segments[s] < args.segments[s + 1];
         ++head) {
      attend_segment(args, head, args.segments[s], args.segments[s + 1]);
    }
  }
}

}  // namespace monocle::reference
