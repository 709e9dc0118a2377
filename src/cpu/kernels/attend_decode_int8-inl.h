// SPDX-License-Identifier: Apache-2.0
// attend_decode-inl.h for a cache of int8, in integers where a product of bytes is one instruction:
// it takes four elements of K or V where a float takes one, and nothing is widened. q and p become
// 14-bit numbers with a step per head and split: finer than bf16 holds q, far finer than the cache
// holds K and V.
//
//   code = 128 high + low, both halves in [0, 127], which fits signed bytes too
//   s    = 128 (Σ high k - 64 Σ k) + Σ low k        q is signed: its codes are 8,192 too large
//   o    = 128 Σ high v + Σ low v                   by four keys at a time
//
// The sums are exact: the two roundings are all that separates this from the float kernel.

#include "cpu/kernels/attend_decode-inl.h"

#if MONOCLE_ISA_AVX512 || defined(MONOCLE_ISA_NEON)

inline constexpr int kByteStep = 4 * kLanes;  // elements of a row that one step takes
inline constexpr int kHeadsTogether = 2;
inline constexpr int kPassKeys = 64;   // whose V stays in L1 from one step of columns to the next
inline constexpr int kKeysAhead = 48;  // rows are asked for this early

inline constexpr float kQueryLevels = 8191.0F;
inline constexpr float kQueryOffset = 8192.0F;
inline constexpr float kWeightLevels = 16383.0F;

// One task. Arrays lie in the worker's memory; codes of a head are all its high halves, then the
// low ones.
struct Int8Decode {
  const AttendPagedArgs& args;
  const std::int8_t* k;
  const std::int8_t* v;
  int head_dim;
  int padded;           // head_dim in whole steps
  int group;            // heads
  float* s;             // [group][kSplitKeys]: scores, then p
  std::int32_t* exact;  // [group][kSplitKeys]: scores in steps of q
  std::int32_t* o;      // [group][2][padded]
  float* step;          // [group]: of the codes of q, then of p
  std::int8_t* q;       // [group][2][padded]
  std::int8_t* p;       // [group][2][kSplitKeys]
  int runs = 0;
  int keys = 0;  // visible ones
  KeyRun run[kRunLimit];
  // Elements of K and V before each visible key; the last repeated for what reads ahead.
  std::int64_t row[kSplitKeys + kKeysAhead + 4];

  Int8Decode(const AttendPagedArgs& all, std::byte* memory)
      : args(all),
        k(static_cast<const std::int8_t*>(all.kv.k)),
        v(static_cast<const std::int8_t*>(all.kv.v)),
        head_dim(all.kv.head_dim),
        padded(round_up(all.kv.head_dim, kByteStep)),
        group(all.heads / all.kv.kv_heads),
        s(static_cast<float*>(static_cast<void*>(memory))),
        exact(static_cast<std::int32_t*>(static_cast<void*>(s + group * kSplitKeys))),
        o(exact + group * kSplitKeys),
        step(static_cast<float*>(static_cast<void*>(o + 2 * group * padded))),
        q(static_cast<std::int8_t*>(static_cast<void*>(step + group))),
        p(q + 2 * group * padded) {}
};

inline std::size_t decode_int8_scratch_bytes(int head_dim, int group) {
  const int padded = round_up(head_dim, kByteStep);
  return static_cast<std::size_t>(group) *
         (kSplitKeys * (sizeof(float) + sizeof(std::int32_t) + 2) +
          static_cast<std::size_t>(padded) * 2 * (sizeof(std::int32_t) + 1) + sizeof(float));
}

// Elements [c, c + kByteStep) of a row, zero behind its end.
template <bool kWhole>
inline VN load_row(const std::int8_t* row, int c, int head_dim) {
  const int count = kWhole ? kByteStep : std::clamp(head_dim - c, 0, kByteStep);
  if (count == kByteStep) {
    return nload(static_cast<const std::uint8_t*>(static_cast<const void*>(row + c)));
  }
  std::uint8_t part[kByteStep] = {};
  std::memcpy(part, row + c, static_cast<std::size_t>(count));
  return nload(part);
}

inline VI load_sums(const std::int32_t* p) {
  VI v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

// To L2: more lines may be under way there than to L1.
inline void prefetch_row(const std::int8_t* row, int head_dim) {
  for (int c = 0; c < head_dim; c += 64) {
    __builtin_prefetch(row + c, 0, 2);
  }
}

// The codes of round(in / step) + offset, whole vectors of them.
inline void store_codes(const float* in, int count, float step, float offset, std::int8_t* high,
                        std::int8_t* low) {
  const VF inverse = vset(step > 0.0F ? 1.0F / step : 0.0F);
  for (int i = 0; i < count; i += kLanes) {
    const VF code = vround(vload(in + i) * inverse) + vset(offset);
    const VF upper =
        vround((code - vset(63.5F)) * vset(1.0F / 128.0F));  // rounds down: never a tie
    vstore_signed(high + i, upper);
    vstore_signed(low + i, code - upper * vset(128.0F));
  }
}

inline float largest(const float* in, int count) {
  VF top = vzero();
  for (int i = 0; i < count; i += kLanes) {
    top = vmax(top, vabs(vload(in + i)));
  }
  return vmax_lanes(top);
}

// Four keys against kHeads heads. kWhole: head_dim is a multiple of kByteStep.
template <int kHeads, bool kWhole>
inline void score_keys(const Int8Decode& task, int key, int head) {
  const std::int8_t sixty_four[4] = {64, 64, 64, 64};
  const VN middle = nquad(sixty_four);
  const std::int8_t* codes = task.q + 2 * head * task.padded;
  VI offset[4];
  VI high[std::size_t{kHeads}][4];
  VI low[std::size_t{kHeads}][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    offset[j] = iset(0);
#pragma GCC unroll 2
    for (int g = 0; g < kHeads; ++g) {
      high[g][j] = iset(0);
      low[g][j] = iset(0);
    }
  }
  for (int c = 0; c < task.head_dim; c += kByteStep) {
    VN query[std::size_t{kHeads}][2];
#pragma GCC unroll 2
    for (int g = 0; g < kHeads; ++g) {
      const std::int8_t* from = codes + 2 * g * task.padded + c;
      query[g][0] = load_row<true>(from, 0, kByteStep);
      query[g][1] = load_row<true>(from, task.padded, kByteStep);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const VN k = load_row<kWhole>(task.k + task.row[key + j], c, task.head_dim);
      offset[j] = ndot(offset[j], middle, k);
#pragma GCC unroll 2
      for (int g = 0; g < kHeads; ++g) {
        high[g][j] = ndot(high[g][j], query[g][0], k);
        low[g][j] = ndot(low[g][j], query[g][1], k);
      }
    }
  }
  VI sums[std::size_t{kHeads}][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
#pragma GCC unroll 2
    for (int g = 0; g < kHeads; ++g) {
      sums[g][j] = iadd(imul(isub(high[g][j], offset[j]), iset(128)), low[g][j]);
    }
  }
#pragma GCC unroll 2
  for (int g = 0; g < kHeads; ++g) {
    istore_sums(task.exact + (head + g) * kSplitKeys + key, sums[g][0], sums[g][1], sums[g][2],
                sums[g][3]);
  }
}

// o += p V over keys [first, last) for kHeads heads, by fours: the codes behind the last key are 0.
template <int kHeads, bool kWhole>
inline void weigh_keys(const Int8Decode& task, int first, int last, int head) {
  for (int c = 0; c < task.padded; c += kByteStep) {
    VI acc[2 * std::size_t{kHeads}][4];
#pragma GCC unroll 4
    for (int h = 0; h < 2 * kHeads; ++h) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        acc[h][j] = load_sums(task.o + (2 * head + h) * task.padded + c + j * kLanes);
      }
    }
    for (int key = first; key < last; key += 4) {
      VN rows[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        rows[r] = load_row<kWhole>(task.v + task.row[key + r], c, task.head_dim);
        if (c == 0) {
          prefetch_row(task.v + task.row[key + r + kKeysAhead], task.head_dim);
        }
      }
      VN quads[4];
      nquads(rows, quads);
#pragma GCC unroll 4
      for (int h = 0; h < 2 * kHeads; ++h) {
        const VN codes = nquad(task.p + (2 * head + h) * kSplitKeys + key);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          acc[h][j] = ndot(acc[h][j], codes, quads[j]);
        }
      }
    }
#pragma GCC unroll 4
    for (int h = 0; h < 2 * kHeads; ++h) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        istore(task.o + (2 * head + h) * task.padded + c + j * kLanes, acc[h][j]);
      }
    }
  }
}

// body(first, number, whole) for all heads of the group, as many at once as registers allow.
template <class Body>
inline void each_heads_together(const Int8Decode& task, Body body) {
  const auto each = [&](auto whole) {
    int g = 0;
    for (; g + kHeadsTogether <= task.group; g += kHeadsTogether) {
      body(g, std::integral_constant<int, kHeadsTogether>(), whole);
    }
    for (; g < task.group; ++g) {
      body(g, std::integral_constant<int, 1>(), whole);
    }
  };
  if (task.head_dim == task.padded) {
    each(std::true_type());
  } else {
    each(std::false_type());
  }
}

inline void find_keys(const DecodeTask& place, Int8Decode& task) {
  const std::int64_t begin = std::int64_t{place.split} * kSplitKeys;
  const std::int64_t context = task.args.context[static_cast<std::size_t>(place.sequence)];
  task.runs =
      visible_runs(task.args, place, begin, std::min(begin + kSplitKeys, context), task.run);
  for (int r = 0; r < task.runs; ++r) {
    for (int i = 0; i < task.run[r].count; ++i) {
      task.row[task.keys++] = task.run[r].first + std::int64_t{i} * task.head_dim;
    }
  }
  std::fill_n(task.row + task.keys, kKeysAhead + 4, task.keys == 0 ? 0 : task.row[task.keys - 1]);
}

inline void quantise_queries(const DecodeTask& place, const Int8Decode& task) {
  alignas(64) float row[round_up(kMaxHeadDim, kByteStep)] = {};
  const ConstTensorView& q = task.args.q;
  const std::int64_t query = task.args.query_start[static_cast<std::size_t>(place.sequence)];
  for (int g = 0; g < task.group; ++g) {
    const std::int64_t head = place.kv_head * task.group + g;
    read_row(q.data, q.dtype, query * q.row_stride + head * task.head_dim, task.head_dim, row);
    task.step[g] = largest(row, task.padded) / kQueryLevels;
    std::int8_t* codes = task.q + 2 * g * task.padded;
    store_codes(row, task.padded, task.step[g], kQueryOffset, codes, codes + task.padded);
  }
}

inline void score_split(const Int8Decode& task) {
  for (int key = 0; key < task.keys; key += 4) {
    for (int next = key + kKeysAhead; next < key + kKeysAhead + 4; ++next) {
      prefetch_row(next < task.keys ? task.k + task.row[next] : task.v + task.row[next - task.keys],
                   task.head_dim);
    }
    each_heads_together(
        task, [&](int g, auto heads, auto whole) { score_keys<heads, whole>(task, key, g); });
  }
}

// s = exact step scale over the keys of a run, which have one scale each.
inline void scale_scores(const std::int32_t* exact, const float* scale, float step, int count,
                         float* s) {
  each_vector(count, [&](std::int64_t i, int lanes) {
    alignas(64) std::int32_t part[kLanes] = {};
    std::memcpy(part, exact + i, static_cast<std::size_t>(lanes) * sizeof(*part));
    vstore_n(s + i, ifloat(load_sums(part)) * (vload_n(scale + i, lanes) * vset(step)), lanes);
  });
}

// Scores of a head to codes of p times the scale of V.
inline void softmax_head(const Int8Decode& task, int head, float* partial) {
  const KvView& kv = task.args.kv;
  const std::int32_t* exact = task.exact + head * kSplitKeys;
  float* s = task.s + head * kSplitKeys;
  int first = 0;
  for (int r = 0; r < task.runs; first += task.run[r++].count) {
    scale_scores(exact + first, kv.k_scale + task.run[r].first / kv.head_dim, task.step[head],
                 task.run[r].count, s + first);
  }
  softmax_split(s, task.keys, task.args.scale * kLog2e, partial);
  first = 0;
  for (int r = 0; r < task.runs; first += task.run[r++].count) {
    const float* scale = kv.v_scale + task.run[r].first / kv.head_dim;
    each_vector(task.run[r].count, [&](std::int64_t i, int lanes) {
      float* p = s + first + i;
      vstore_n(p, vload_n(p, lanes) * vload_n(scale + i, lanes), lanes);
    });
  }
  const int lanes = round_up(task.keys, kLanes);  // p is 0 behind the last key
  task.step[head] = largest(s, lanes) / kWeightLevels;
  std::int8_t* codes = task.p + 2 * head * kSplitKeys;
  store_codes(s, lanes, task.step[head], 0.0F, codes, codes + kSplitKeys);
}

inline void weigh_split(const Int8Decode& task) {
  std::memset(task.o, 0, static_cast<std::size_t>(2 * task.group * task.padded) * sizeof(*task.o));
  for (int first = 0; first < task.keys; first += kPassKeys) {
    const int last = std::min(first + kPassKeys, task.keys);
    each_heads_together(task, [&](int g, auto heads, auto whole) {
      weigh_keys<heads, whole>(task, first, last, g);
    });
  }
}

// The sums of a head in the order of the columns: see nquads.
inline void store_sums(const Int8Decode& task, int head, float* out) {
  const std::int32_t* high = task.o + 2 * head * task.padded;
  const std::int32_t* low = high + task.padded;
  alignas(64) float sums[kLanes];
  for (int i = 0; i < task.padded; i += kLanes) {
    const VI sum = iadd(imul(load_sums(high + i), iset(128)), load_sums(low + i));
    vstore(sums, ifloat(sum) * vset(task.step[head]));
    const int first = i / kByteStep * kByteStep + i % kByteStep / kLanes * 4;
    for (int lane = 0; lane < kLanes; lane += 4) {
      const int column = first + 4 * lane;
      const int count = std::clamp(task.head_dim - column, 0, 4);
      std::memcpy(out + column, sums + lane, static_cast<std::size_t>(count) * sizeof(*out));
    }
  }
}

inline void decode_int8_task(const AttendPagedArgs& args, const DecodeTask& place,
                             std::byte* memory) {
  Int8Decode task(args, memory);
  find_keys(place, task);
  quantise_queries(place, task);
  score_split(task);
  const int stride = partial_floats(task.head_dim);
  for (int g = 0; g < task.group; ++g) {
    softmax_head(task, g, place.partial + g * stride);
  }
  weigh_split(task);
  for (int g = 0; g < task.group; ++g) {
    store_sums(task, g, place.partial + g * stride + kPartialHeader);
  }
}
#else
inline std::size_t decode_int8_scratch_bytes(int head_dim, int group) {
  return decode_scratch_bytes(head_dim, group);
}
inline void decode_int8_task(const AttendPagedArgs& args, const DecodeTask& place,
                             std::byte* memory) {
  decode_task<std::int8_t>(args, place, memory);
}
#endif
