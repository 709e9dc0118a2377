// SPDX-License-Identifier: Apache-2.0
// y = x Wᵀ on AMX tiles, computed as yᵀ = W xᵀ: 16 rows of W times 64 bytes of k are an A tile just
// as they lie; x is packed once per call into B tiles ([k / f][16 rows of x][f], f = 2 bf16 or 4
// int8). Two A and two B tiles make four accumulators: one tile load per tile product.
//
// A tile product takes 16 cycles, a tile load 8 from L1 and 16 or more from L2: only one operand
// may come from L2. So k is cut into chunks: the chunk of a strip of W (32 rows; for kSwiGlu 16 of
// gate and 16 of up, so that both meet in registers) stays in L1 while a slab of x streams past it
// from L2, loaded with the hint that it need not stay in L1. Rows of W that lie a power of two
// apart would share a few sets of L1, hence they are staged. Sums wait between chunks in scratch as
// they are, so neither chunks nor slabs nor the other rows of x change a bit of the result.

inline constexpr std::int64_t kTileBytes = 1024;
inline constexpr std::int64_t kChunkSteps = 16;        // 32 KB of W: two thirds of L1
inline constexpr std::int64_t kSlabGroups = 32;        // groups of 16 rows of x
inline constexpr std::int64_t kSlabTiles = 512;        // tiles of x, which meet kBlockStrips strips
inline constexpr std::int64_t kWholeSlabTiles = 1024;  // that have all of k: sums stay in L1
inline constexpr std::int64_t kBlockStrips = 8;

struct TilesBF16 {
  using Element = std::uint16_t;
  static constexpr std::int64_t kStep = 32;
  static constexpr bool kInteger = false;
};
struct TilesInt8 {
  using Element = std::int8_t;
  static constexpr std::int64_t kStep = 64;
  static constexpr bool kInteger = true;
};

inline void* at(std::byte* base, std::int64_t offset) { return base + offset; }

template <class Tiles>
struct PackedX {
  std::byte* tiles = nullptr;      // [chunk][groups][steps of the chunk][kTileBytes]
  float* scale = nullptr;          // [groups * 16], int8 only
  std::byte* quantised = nullptr;  // [groups * 16][steps * 64], int8 only
  std::int64_t m = 0;
  std::int64_t groups = 0;  // of 16 rows
  std::int64_t steps = 0;   // of 64 bytes of k

  // The tiles of a group for the chunk that begins at `chunk`.
  [[nodiscard]] std::byte* run(std::int64_t group, std::int64_t chunk) const {
    const std::int64_t count = std::min(kChunkSteps, steps - chunk);
    return tiles + (chunk * groups + group * count) * kTileBytes;
  }
};

template <class Tiles>
void pack_group(const ConstTensorView& x, const PackedX<Tiles>& packed, std::int64_t group) {
  const std::int64_t first = group * 16;
  const std::int64_t rows = std::min<std::int64_t>(16, packed.m - first);
  const std::byte* source[16];
  for (std::int64_t i = 0; i < rows; ++i) {
    if constexpr (Tiles::kInteger) {
      auto* row = static_cast<std::int8_t*>(at(packed.quantised, (first + i) * packed.steps * 64));
      const auto store = [row](std::int64_t c, VF v) {
        _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(row + c)),
                         _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
      };
      packed.scale[first + i] =
          x.dtype == DType::kF32
              ? quantise(x.row<float>(first + i), x.cols, packed.steps * 64, store)
              : quantise(x.row<std::uint16_t>(first + i), x.cols, packed.steps * 64, store);
      source[i] = static_cast<const std::byte*>(static_cast<const void*>(row));
    } else {
      source[i] =
          static_cast<const std::byte*>(static_cast<const void*>(x.row<std::uint16_t>(first + i)));
    }
  }
  const std::int64_t bytes = x.cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  for (std::int64_t s = 0; s < packed.steps; ++s) {
    __m512i r[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      r[i] = i < rows ? load_bytes(source[i] + s * 64, bytes - s * 64) : _mm512_setzero_si512();
    }
    transpose16(r);
    const std::int64_t within = s % kChunkSteps;
    std::byte* tile = packed.run(group, s - within) + within * kTileBytes;
    for (std::int64_t i = 0; i < 16; ++i) {
      _mm512_store_si512(tile + i * 64, r[i]);
    }
  }
}

template <class Tiles>
PackedX<Tiles> pack_x(const ConstTensorView& x, Context& context) {
  PackedX<Tiles> packed;
  packed.m = x.rows;
  packed.groups = (x.rows + 15) / 16;
  packed.steps = (x.cols + Tiles::kStep - 1) / Tiles::kStep;
  const std::int64_t tile_bytes = packed.groups * packed.steps * kTileBytes;
  const std::int64_t scale_bytes = packed.groups * 64;
  std::byte* memory = context.shared(
      static_cast<std::size_t>(tile_bytes * (Tiles::kInteger ? 2 : 1) + scale_bytes));
  packed.tiles = memory;
  packed.scale = static_cast<float*>(at(memory, tile_bytes));
  packed.quantised = memory + tile_bytes + scale_bytes;
  context.pool().parallel_for(packed.groups, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t group = begin; group < end; ++group) {
      pack_group<Tiles>(x, packed, group);
    }
  });
  return packed;
}
