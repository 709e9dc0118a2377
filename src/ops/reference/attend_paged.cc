// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {
namespace {

bool sees(const AttendPagedArgs& args, std::int64_t query, std::int64_t key) {
  return key <= query && (args.window == 0 || key > query - args.window || key < args.sinks);
}

// Keys or values of one sequence and kv head, in order of their position: [context, D]. Rows of
// freed blocks stay 0.
std::vector<float> gather(const AttendPagedArgs& args, bool keys, std::int64_t sequence,
                          std::int64_t head) {
  const KvView& kv = args.kv;
  const void* pages = keys ? kv.k : kv.v;
  const float* scales = keys ? kv.k_scale : kv.v_scale;
  const std::int64_t context = args.context[static_cast<std::size_t>(sequence)];
  std::vector<float> out(static_cast<std::size_t>(context * kv.head_dim));
  for (std::int64_t p = 0; p < context; ++p) {
    const std::int64_t block = args.block_table[sequence * args.max_blocks + p / kv.block_tokens];
    for (std::int64_t c = 0; block >= 0 && c < kv.head_dim; ++c) {
      const std::int64_t row = (block * kv.kv_heads + head) * kv.block_tokens + p % kv.block_tokens;
      const std::int64_t at = row * kv.head_dim + c;
      out[static_cast<std::size_t>(p * kv.head_dim + c)] =
          kv.dtype == DType::kI8
              ? scales[row] * static_cast<float>(static_cast<const std::int8_t*>(pages)[at])
              : load(pages, kv.dtype, at);
    }
  }
  return out;
}

// One query row of one head against the keys it sees.
void attend_row(const AttendPagedArgs& args, std::int64_t query, const float* q,
                const std::vector<float>& k, const std::vector<float>& v, std::span<double> out) {
  const auto d = static_cast<std::int64_t>(out.size());
  std::vector<std::int64_t> keys;
  std::vector<double> scores;
  for (std::int64_t key = 0; key <= query; ++key) {
    if (sees(args, query, key)) {
      keys.push_back(key);
      scores.push_back(static_cast<double>(args.scale) * dot(q, k.data() + key * d, d));
    }
  }
  softmax(scores);
  for (std::int64_t c = 0; c < d; ++c) {
    double sum = 0.0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      sum += scores[i] * static_cast<double>(v[static_cast<std::size_t>(keys[i] * d + c)]);
    }
    out[static_cast<std::size_t>(c)] = sum;
  }
}

void attend_sequence(const AttendPagedArgs& args, std::int64_t sequence, std::int64_t head) {
  const std::int64_t d = args.kv.head_dim;
  const std::int64_t kv_head = head / (args.heads / args.kv.kv_heads);
  const std::vector<float> k = gather(args, true, sequence, kv_head);
  const std::vector<float> v = gather(args, false, sequence, kv_head);
  const auto b = static_cast<std::size_t>(sequence);
  const std::int64_t begin = args.query_start[b];
  const std::int64_t end = args.query_start[b + 1];
  std::vector<float> q(static_cast<std::size_t>(d));
  std::vector<double> out(static_cast<std::size_t>(d));
  for (std::int64_t row = begin; row < end; ++row) {
    for (std::int64_t c = 0; c < d; ++c) {
      q[static_cast<std::size_t>(c)] = load(args.q, row, head * d + c);
    }
    attend_row(args, args.context[b] - (end - row), q.data(), k, v, out);
    for (std::int64_t c = 0; c < d; ++c) {
      store(args.y, row, head * d + c, out[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace

void attend_paged(const AttendPagedArgs& args) {
  const auto sequences = static_cast<std::int64_t>(args.context.size());
  for (std::int64_t sequence = 0; sequence < sequences; ++sequence) {
    for (std::int64_t head = 0; head < args.heads; ++head) {
      attend_sequence(args, sequence, head);
    }
  }
}

}  // namespace monocle::reference
