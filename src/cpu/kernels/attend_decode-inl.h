// SPDX-License-Identifier: Apache-2.0
// One query per sequence over one split of the paged cache: s = K q, p = 2^(c s - max), o = Σ p V,
// for all heads of a kv group at once. Bound by memory: 2 D elements of K and V per key are read
// once; two heads cost about as many cycles as 16 bytes per cycle and core need.
//
// bf16 is widened without a shuffle: the even elements of a vector are its dwords shifted up, the
// odd ones masked. So q is brought into that split order first and the sums of V come out in it.

#include "cpu/kernels/attend_paged-inl.h"

#if MONOCLE_ISA_AVX512
inline VF even_bf16(VB v) { return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)); }
inline VF odd_bf16(VB v) {
  return _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
}
#endif

inline constexpr int kChunk = 2 * kLanes;  // elements that one step takes
inline constexpr int kRunLimit = kSplitKeys + 2;

// Keys that lie one after the other: `count` rows of head_dim from element `first`.
struct KeyRun {
  std::int64_t first = 0;
  int count = 0;
};

// n < kChunk elements are zero-filled.
inline void split_load(const std::uint16_t* p, int n, VF& a, VF& b) {
  const VB pairs = n >= kChunk ? bload(p) : bload_n(p, n);
  a = even_bf16(pairs);
  b = odd_bf16(pairs);
}
inline void split_load(const float* p, int n, VF& a, VF& b) {
  if (n >= kChunk) {
    a = vload(p);
    b = vload(p + kLanes);
    return;
  }
  a = vload_n(p, std::min(n, kLanes));
  b = n > kLanes ? vload_n(p + kLanes, n - kLanes) : vzero();
}
inline void split_load(const std::int8_t* p, int n, VF& a, VF& b) {
  std::int8_t part[kChunk];
  if (n < kChunk) {
    std::memset(part, 0, sizeof(part));
    std::memcpy(part, p, static_cast<std::size_t>(n));
    p = part;
  }
  a = vload_i8(p);
  b = vload_i8(p + kLanes);
}
// Where element i of a chunk goes in split order.
inline int split_index(const std::uint16_t*, int i) { return (i & 1) * kLanes + i / 2; }
inline int split_index(const float*, int i) { return i; }
inline int split_index(const std::int8_t*, int i) { return i; }

// The visible keys of [begin, end) as runs; returns their number. Keys of freed blocks are never
// visible.
inline int visible_runs(const AttendPagedArgs& args, const DecodeTask& task, std::int64_t begin,
                        std::int64_t end, KeyRun* runs) {
  const std::int64_t context = args.context[static_cast<std::size_t>(task.sequence)];
  const std::int64_t window_begin =
      args.window > 0 ? std::max<std::int64_t>(0, context - args.window) : 0;
  const std::int64_t bounds[2][2] = {
      {begin, std::min(end, std::min<std::int64_t>(args.sinks, window_begin))},
      {std::max(begin, window_begin), end}};
  int count = 0;
  for (const auto& bound : bounds) {
    for (std::int64_t key = bound[0]; key < bound[1];) {
      const std::int64_t stop =
          std::min(bound[1], (key / args.kv.block_tokens + 1) * args.kv.block_tokens);
      const std::int64_t first = kv_element(args, task.sequence, task.kv_head, key);
      if (first >= 0) {
        runs[count++] = {first, static_cast<int>(stop - key)};
      }
      key = stop;
    }
  }
  return count;
}

// s[g][i] = q[g] . k[i] for the rows of a run; asks for the same row of the next run while at it.
template <int kHeads, class Kv>
inline void score_run(const Kv* k, const Kv* next, int count, const float* q, int head_dim,
                      float* s) {
  const int padded = round_up(head_dim, kChunk);
  for (int i = 0; i < count; ++i, k += head_dim, next += head_dim) {
    VF acc[std::size_t{kHeads}][2];
#pragma GCC unroll 4
    for (int g = 0; g < kHeads; ++g) {
      acc[g][0] = vzero();
      acc[g][1] = vzero();
    }
    for (int c = 0; c < head_dim; c += kChunk) {
      __builtin_prefetch(next + c, 0, 2);
      VF a;
      VF b;
      split_load(k + c, head_dim - c, a, b);
#pragma GCC unroll 4
      for (int g = 0; g < kHeads; ++g) {
        acc[g][0] = vfma(a, vload(q + g * padded + c), acc[g][0]);
        acc[g][1] = vfma(b, vload(q + g * padded + c + kLanes), acc[g][1]);
      }
    }
#pragma GCC unroll 4
    for (int g = 0; g < kHeads; ++g) {
      s[g * kSplitKeys + i] = vsum(acc[g][0] + acc[g][1]);
    }
  }
}

// o[g] += Σ_i p[g][i] v[i] over the rows of a run, two chunks at a time to keep enough sums in
// flight.
template <int kHeads, class Kv>
inline void weigh_run(const Kv* v, const Kv* next, int count, const float* p, int head_dim,
                      float* o) {
  const int padded = round_up(head_dim, kChunk);
  for (int c = 0; c < padded; c += 2 * kChunk) {
    const bool second = c + kChunk < padded;
    VF acc[std::size_t{kHeads}][4];
#pragma GCC unroll 4
    for (int g = 0; g < kHeads; ++g) {
      float* og = o + g * padded + c;
      acc[g][0] = vload(og);
      acc[g][1] = vload(og + kLanes);
      acc[g][2] = second ? vload(og + kChunk) : vzero();
      acc[g][3] = second ? vload(og + kChunk + kLanes) : vzero();
    }
    for (int i = 0; i < count; ++i) {
      const Kv* row = v + i * head_dim + c;
      VF x[4] = {vzero(), vzero(), vzero(), vzero()};
      __builtin_prefetch(next + i * head_dim + c, 0, 2);
      split_load(row, head_dim - c, x[0], x[1]);
      if (second) {
        __builtin_prefetch(next + i * head_dim + c + kChunk, 0, 2);
        split_load(row + kChunk, head_dim - c - kChunk, x[2], x[3]);
      }
#pragma GCC unroll 4
      for (int g = 0; g < kHeads; ++g) {
        const VF weight = vset(p[g * kSplitKeys + i]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          acc[g][j] = vfma(weight, x[j], acc[g][j]);
        }
      }
    }
#pragma GCC unroll 4
    for (int g = 0; g < kHeads; ++g) {
      float* og = o + g * padded + c;
      vstore(og, acc[g][0]);
      vstore(og + kLanes, acc[g][1]);
      if (second) {
        vstore(og + kChunk, acc[g][2]);
        vstore(og + kChunk + kLanes, acc[g][3]);
      }
    }
  }
}

// s[g][i] *= scale[i]: the rows of a run of int8 have one scale each.
inline void scale_run(const float* scale, int count, int heads, float* s) {
  for (int g = 0; g < heads; ++g, s += kSplitKeys) {
    for (int i = 0; i < count; i += kLanes) {
      const int lanes = std::min(kLanes, count - i);
      vstore_n(s + i, vload_n(s + i, lanes) * vload_n(scale + i, lanes), lanes);
    }
  }
}

// Heads in fours, twos and ones: the rows of a run stay in L1 between them.
template <class Body>
inline void each_head_group(int heads, Body body) {
  int g = 0;
  for (; g + 4 <= heads; g += 4) {
    body(g, std::integral_constant<int, 4>());
  }
  for (; g + 2 <= heads; g += 2) {
    body(g, std::integral_constant<int, 2>());
  }
  if (g < heads) {
    body(g, std::integral_constant<int, 1>());
  }
}

// s becomes p in place; maximum (log2 units) and sum go to the head's partial.
inline void softmax_split(float* s, int keys, float scale_log2, float* partial) {
  VF top = vset(-std::numeric_limits<float>::infinity());
  for (int i = keys; i < round_up(keys, kLanes); ++i) {
    s[i] = -std::numeric_limits<float>::infinity();
  }
  for (int i = 0; i < keys; i += kLanes) {
    top = vmax(top, vload(s + i));
  }
  const float max = vmax_lanes(top) * scale_log2;
  const VF base = vset(-max);
  VF sum = vzero();
  for (int i = 0; i < keys; i += kLanes) {
    const VF p = vexp2<6>(vfma(vload(s + i), vset(scale_log2), base));
    vstore(s + i, p);
    sum = sum + p;
  }
  partial[0] = max;
  partial[1] = vsum(sum);
}

inline std::size_t decode_scratch_bytes(int head_dim, int group) {
  return static_cast<std::size_t>(group) *
         static_cast<std::size_t>(2 * round_up(head_dim, kChunk) + kSplitKeys) * sizeof(float);
}

template <class Kv>
inline void decode_task(const AttendPagedArgs& args, const DecodeTask& task, std::byte* memory) {
  const int d = args.kv.head_dim;
  const int group = args.heads / args.kv.kv_heads;
  const int padded = round_up(d, kChunk);
  const Kv* const k = static_cast<const Kv*>(args.kv.k);
  const Kv* const v = static_cast<const Kv*>(args.kv.v);
  float* q = static_cast<float*>(static_cast<void*>(memory));  // [group][padded], split order
  float* o = q + group * padded;                               // the same
  float* s = o + group * padded;                               // [group][kSplitKeys]
  KeyRun runs[kRunLimit];
  const std::int64_t begin = std::int64_t{task.split} * kSplitKeys;
  const std::int64_t context = args.context[static_cast<std::size_t>(task.sequence)];
  const int count = visible_runs(args, task, begin, std::min(begin + kSplitKeys, context), runs);
  std::memset(q, 0, static_cast<std::size_t>(2 * group * padded) * sizeof(float));
  alignas(64) float row[kMaxHeadDim];
  const std::int64_t query = args.query_start[static_cast<std::size_t>(task.sequence)];
  for (int g = 0; g < group; ++g) {
    const std::int64_t head = task.kv_head * group + g;
    read_row(args.q.data, args.q.dtype, query * args.q.row_stride + head * d, d, row);
    for (int c = 0; c < d; ++c) {
      q[g * padded + c / kChunk * kChunk + split_index(k, c % kChunk)] = row[c];
    }
  }
  int keys = 0;
  for (int r = 0; r < count; keys += runs[r++].count) {
    const Kv* next = r + 1 < count ? k + runs[r + 1].first : v + runs[0].first;
    each_head_group(group, [&](int g, auto heads) {
      score_run<heads>(k + runs[r].first, next, runs[r].count, q + g * padded, d,
                       s + g * kSplitKeys + keys);
    });
    if constexpr (std::is_same_v<Kv, std::int8_t>) {
      scale_run(args.kv.k_scale + runs[r].first / d, runs[r].count, group, s + keys);
    }
  }
  const int stride = partial_floats(d);
  for (int g = 0; g < group; ++g) {
    softmax_split(s + g * kSplitKeys, keys, args.scale * kLog2e, task.partial + g * stride);
  }
  keys = 0;
  for (int r = 0; r < count; keys += runs[r++].count) {
    const Kv* next = v + runs[std::min(r + 1, count - 1)].first;
    if constexpr (std::is_same_v<Kv, std::int8_t>) {
      scale_run(args.kv.v_scale + runs[r].first / d, runs[r].count, group, s + keys);
    }
    each_head_group(group, [&](int g, auto heads) {
      weigh_run<heads>(v + runs[r].first, next, runs[r].count, s + g * kSplitKeys + keys, d,
                       o + g * padded);
    });
  }
  for (int g = 0; g < group; ++g) {
    for (int c = 0; c < d; ++c) {
      task.partial[g * stride + kPartialHeader + c] =
          o[g * padded + c / kChunk * kChunk + split_index(k, c % kChunk)];
    }
  }
}

// The splits of one head into its output row: weights 2^(max - largest max), in the order of the
// splits. The partials of the splits are `stride` floats apart.
inline void combine_head(const AttendPagedArgs& args, const float* partial, int splits,
                         std::int64_t stride, std::int64_t y_first) {
  const int d = args.kv.head_dim;
  float top = -std::numeric_limits<float>::infinity();
  for (int i = 0; i < splits; ++i) {
    top = std::max(top, partial[i * stride]);
  }
  alignas(64) float sum[round_up(kMaxHeadDim, 32)] = {};
  float total = 0.0F;
  for (int i = 0; i < splits; ++i) {
    const float* from = partial + i * stride;
    if (from[1] == 0.0F) {
      continue;  // nothing visible in this split
    }
    const float weight = std::exp2(from[0] - top);
    total += weight * from[1];
    const VF w = vset(weight);
    each_vector(d, [&](std::int64_t c, int lanes) {
      vstore(sum + c, vfma(w, vload_n(from + kPartialHeader + c, lanes), vload(sum + c)));
    });
  }
  const VF inverse = vset(1.0F / total);
  each_vector(d, [&](std::int64_t c, int lanes) {
    const VF y = vload(sum + c) * inverse;
    if (args.y.dtype == DType::kF32) {
      vstore_n(static_cast<float*>(args.y.data) + y_first + c, y, lanes);
    } else {
      vstore_bf16_n(static_cast<std::uint16_t*>(args.y.data) + y_first + c, y, lanes);
    }
  });
}
