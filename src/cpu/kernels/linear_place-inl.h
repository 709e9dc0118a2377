// SPDX-License-Identifier: Apache-2.0
// How the outputs of a linear layer are shared out: tiles of kTileRows rows of W, each computed for
// all rows of x by one worker.

inline constexpr int kTileRows = 32;

inline void prefetch_line(const void* p) { __builtin_prefetch(p, 0, 3); }

// Where a tile stands: rows of one part, for kSwiGlu the same rows of both parts.
struct TilePlace {
  int part;
  std::int64_t begin;
  int rows;
  std::int64_t column;  // of y
};

inline std::int64_t part_tiles(const WeightView& part) {
  return (part.rows + kTileRows - 1) / kTileRows;
}

inline std::int64_t tile_count(const LinearArgs& args) {
  const int parts = args.epilogue == Epilogue::kSwiGlu ? 1 : args.w.parts;
  std::int64_t count = 0;
  for (int p = 0; p < parts; ++p) {
    count += part_tiles(args.w.part[static_cast<std::size_t>(p)]);
  }
  return count;
}

inline TilePlace tile_place(const LinearArgs& args, std::int64_t tile) {
  std::int64_t column = 0;
  for (int p = 0;; ++p) {
    const WeightView& part = args.w.part[static_cast<std::size_t>(p)];
    const std::int64_t tiles = part_tiles(part);
    if (tile < tiles) {
      const std::int64_t begin = tile * kTileRows;
      return {p, begin, static_cast<int>(std::min<std::int64_t>(kTileRows, part.rows - begin)),
              column + begin};
    }
    tile -= tiles;
    column += part.rows;
  }
}

// Rows of y that a kernel has sums of.
struct RowRange {
  std::int64_t first;
  int count;
};

// Stores the sums of up to N rows of W for some rows of y; `second` holds the other side of
// kSwiGlu.
template <std::size_t N>
void store_columns(const LinearArgs& args, const TilePlace& place, const RowRange& rows,
                   const float (*first)[N], const float (*second)[N]) {
  for (int c = 0; c < rows.count; ++c) {
    for (int r = 0; r < place.rows; r += kLanes) {
      VF v = vload(&first[c][r]);
      if (args.epilogue == Epilogue::kSwiGlu) {
        v = vsilu(v) * vload(&second[c][r]);
      }
      finish(args, v, {rows.first + c, place.column + r, std::min(kLanes, place.rows - r)});
    }
  }
}
