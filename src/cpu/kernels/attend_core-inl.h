// SPDX-License-Identifier: Apache-2.0
// Flash attention on a tile of kTile queries, one query per lane, shared by the packed and the
// paged kernels.
//
//   S[key][lane] = Σ_d K[key][d] Q[lane][d]        G1: A = K as it lies, B = Q transposed once per
//   tile P[key][lane] = 2^(c S - m[lane])               vertical: no sum or maximum across lanes
//   anywhere O[d][lane]  += Σ_key V[key][d] P[key][lane]    G2: A = V transposed
//
// Keys run down the rows, so the softmax works on whole vectors and P comes out in the layout that
// G2 reads. f32 operands: K [keys][depth], V [keys][width], Q [depth][kTile], P [keys][kTile]. bf16
// operands: K [keys][depth], V [width][keys], Q and P in pairs along the summed axis: [depth /
// 2][kTile][2]. The base m follows the running maximum only when that has grown by more than 2^8:
// any base gives the same quotient, and most blocks then leave O alone.

inline constexpr int kTile = 2 * kLanes;
inline constexpr int kPanel =
    kLanes == 16 ? 8 : 4;  // rows of A per register panel: 2 kPanel accumulators
inline constexpr float kNoMaximum = -1e30F;

// One tile in a worker's scratch. depth is head_dim padded for the summed axis of G1, width for the
// rows of G2.
template <class T>
struct AttendTile {
  T* q = nullptr;        // [depth][kTile] or pairs
  float* out = nullptr;  // [width][kTile]
  float* max = nullptr;  // [kTile], log2 units
  float* sum = nullptr;  // [kTile]
  int queries = 0;
};

inline int tile_queries() { return kTile; }

// What all tiles of a worker share.
template <class T>
struct AttendBlock {
  const T* k = nullptr;
  const T* v = nullptr;
  float* s = nullptr;  // [kKeyBlock][kTile]
  T* p = nullptr;      // [kKeyBlock][kTile]
  int depth = 0;
  int width = 0;
  int keys = 0;  // a multiple of 32; those from `real` on are padding
  int real = 0;
  float scale_log2 = 1.0F;  // softmax scale / ln 2
};

// Element (m, k) of A lies at m * row + k * step: K keeps its rows, V is read down its columns.
struct Strides {
  std::size_t row = 0;
  std::size_t step = 1;
};

// c[m][kTile] (+)= Σ_k A[m][k] b[k][kTile] for kPanel rows.
inline void panel_f32(const float* a, Strides stride, const float* b, float* c, int depth,
                      bool accumulate) {
  VF acc[kPanel][2];
#pragma GCC unroll 8
  for (int m = 0; m < kPanel; ++m) {
    acc[m][0] = accumulate ? vload(c + m * kTile) : vzero();
    acc[m][1] = accumulate ? vload(c + m * kTile + kLanes) : vzero();
  }
  for (int k = 0; k < depth; ++k) {
    const VF b0 = vload(b + k * kTile);
    const VF b1 = vload(b + k * kTile + kLanes);
    const float* ak = a + static_cast<std::size_t>(k) * stride.step;
#pragma GCC unroll 8
    for (int m = 0; m < kPanel; ++m) {
      const VF am = vset(ak[static_cast<std::size_t>(m) * stride.row]);
      acc[m][0] = vfma(am, b0, acc[m][0]);
      acc[m][1] = vfma(am, b1, acc[m][1]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < kPanel; ++m) {
    vstore(c + m * kTile, acc[m][0]);
    vstore(c + m * kTile + kLanes, acc[m][1]);
  }
}

inline void attend_g1(const AttendBlock<float>& block, const float* q) {
  const auto depth = static_cast<std::size_t>(block.depth);
  for (int m = 0; m < block.keys; m += kPanel) {
    panel_f32(block.k + static_cast<std::size_t>(m) * depth, {depth, 1}, q, block.s + m * kTile,
              block.depth, false);
  }
}

inline void attend_g2(const AttendBlock<float>& block, float* out) {
  const Strides down{1, static_cast<std::size_t>(block.width)};
  for (int m = 0; m < block.width; m += kPanel) {
    panel_f32(block.v + m, down, block.p, out + m * kTile, block.keys, true);
  }
}

// 2^x for x <= 0 or a little above, 0 far below; the relative error is 2e-7 at degree 6 (Taylor)
// and 8e-5 at degree 3 (least maximum), a twenty-fifth of what bf16 rounds away.
template <int kDegree>
inline VF vexp2(VF x) {
  const VF clamped = vmax(vset(-200.0F), x);
  const VF n = vround(clamped);
  const VF r = clamped - n;
  VF p;
  if constexpr (kDegree == 6) {
    p = vset(1.5403530e-4F);  // ln2^k / k!
    p = vfma(p, r, vset(1.3333558e-3F));
    p = vfma(p, r, vset(9.6181291e-3F));
    p = vfma(p, r, vset(5.5504109e-2F));
    p = vfma(p, r, vset(2.4022651e-1F));
    p = vfma(p, r, vset(6.9314718e-1F));
    p = vfma(p, r, vset(1.0F));
  } else {
    static_assert(kDegree == 3);
    p = vset(5.5171669e-2F);
    p = vfma(p, r, vset(2.4261114e-1F));
    p = vfma(p, r, vset(6.9326099e-1F));
    p = vfma(p, r, vset(9.9992807e-1F));
  }
  return vscale2(p, n);
}

// Moves the base of each lane where the block's maximum asks for it and brings sum and out to the
// new base. The new base is rounded to an integer, so that the factor is a power of two and exact.
template <class T>
inline void rebase(const AttendBlock<T>& block, const AttendTile<T>& tile) {
  VF top[2] = {vset(kNoMaximum), vset(kNoMaximum)};
  VF top_odd[2] = {top[0], top[1]};
  for (int r = 0; r < block.keys; r += 2) {
    for (int h = 0; h < 2; ++h) {
      top[h] = vmax(top[h], vload(block.s + r * kTile + h * kLanes));
      top_odd[h] = vmax(top_odd[h], vload(block.s + (r + 1) * kTile + h * kLanes));
    }
  }
  for (int h = 0; h < 2; ++h) {
    const VF old = vload(tile.max + h * kLanes);
    const VF found = vmax(top[h], top_odd[h]) * vset(block.scale_log2);
    const VF base = vless_select(old + vset(8.0F), found, vround(found), old);
    const VF factor = vless_select(old, base, vpow2(vmax(vset(-126.0F), old - base)), vset(1.0F));
    if (vsum(vabs(base - old)) == 0.0F) {
      continue;
    }
    vstore(tile.max + h * kLanes, base);
    vstore(tile.sum + h * kLanes, vload(tile.sum + h * kLanes) * factor);
    for (int d = 0; d < block.width; ++d) {
      float* row = tile.out + d * kTile + h * kLanes;
      vstore(row, vload(row) * factor);
    }
  }
}

inline void softmax_p(const AttendBlock<float>& block, const AttendTile<float>& tile) {
  const VF c = vset(block.scale_log2);
  for (int h = 0; h < 2; ++h) {
    const VF base = vzero() - vload(tile.max + h * kLanes);
    VF sum[2] = {vload(tile.sum + h * kLanes), vzero()};
    for (int r = 0; r < block.keys; ++r) {
      const VF p = vexp2<6>(vfma(vload(block.s + r * kTile + h * kLanes), c, base));
      vstore(block.p + r * kTile + h * kLanes, p);
      sum[r & 1] = sum[r & 1] + p;
    }
    vstore(tile.sum + h * kLanes, sum[0] + sum[1]);
  }
}

// Around a worker's tasks: tile registers are configured per thread, and clean ones make context
// switches cheaper.
inline void enter_attend() {
#ifdef MONOCLE_ISA_AMX
  _tile_loadconfig(&kTileConfig);
#endif
}
inline void leave_attend() {
#ifdef MONOCLE_ISA_AMX
  _tile_release();
#endif
}

#if MONOCLE_ISA_AVX512
#include "cpu/kernels/attend_bf16-inl.h"
#endif

// Puts -inf where a key is padding.
template <class T>
inline void mask_padding(const AttendBlock<T>& block) {
  for (int i = block.real * kTile; i < block.keys * kTile; i += kLanes) {
    vstore(block.s + i, vset(-std::numeric_limits<float>::infinity()));
  }
}

template <class T>
inline void attend_softmax(const AttendBlock<T>& block, const AttendTile<T>& tile) {
  mask_padding(block);
  rebase(block, tile);
  softmax_p(block, tile);
}

// Every tile over the keys of a block.
template <class T>
inline void attend_tiles(const AttendBlock<T>& block, const AttendTile<T>* tiles, int count) {
  for (int t = 0; t < count; ++t) {
    attend_g1(block, tiles[t].q);
    attend_softmax(block, tiles[t]);
    attend_g2(block, tiles[t].out);
  }
}

template <class T>
inline void start_tile(const AttendTile<T>& tile, int width) {
  for (int i = 0; i < kTile; i += kLanes) {
    vstore(tile.max + i, vset(kNoMaximum));
    vstore(tile.sum + i, vzero());
  }
  for (int i = 0; i < width * kTile; i += kLanes) {
    vstore(tile.out + i, vzero());
  }
}

// A worker's scratch for kTilesPerTask tiles, in one piece: bytes() to reserve, then the
// constructor lays it out.
template <class T>
struct AttendScratch {
  AttendTile<T> tiles[kTilesPerTask];
  float* s = nullptr;
  T* p = nullptr;
  std::byte* rest = nullptr;  // first byte behind, 64-byte aligned

  static std::size_t bytes(int depth, int width) {
    const auto lanes = static_cast<std::size_t>(kTile);
    const std::size_t tile = static_cast<std::size_t>(depth) * lanes * sizeof(T) +
                             static_cast<std::size_t>(width + 2) * lanes * sizeof(float) + 3 * 64;
    return kTilesPerTask * tile + kKeyBlock * lanes * (sizeof(float) + sizeof(T)) + 64;
  }

  AttendScratch(std::byte* memory, int depth, int width) : rest(memory) {
    for (auto& tile : tiles) {
      tile.q = take<T>(depth * kTile);
      tile.out = take<float>(width * kTile);
      tile.max = take<float>(kTile);
      tile.sum = take<float>(kTile);
    }
    s = take<float>(kKeyBlock * kTile);
    p = take<T>(kKeyBlock * kTile);
  }

 private:
  template <class U>
  U* take(int count) {
    U* here = static_cast<U*>(static_cast<void*>(rest));
    rest += (static_cast<std::size_t>(count) * sizeof(U) + 63) / 64 * 64;
    return here;
  }
};

template <class T>
std::size_t attend_scratch_bytes(int depth, int width) {
  return AttendScratch<T>::bytes(depth, width);
}

#include "cpu/kernels/attend_pack-inl.h"
