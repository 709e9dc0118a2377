// SPDX-License-Identifier: Apache-2.0
#include "cuda/int4_tiles.h"

#include <cstring>

#include "quant/int4_group.h"

namespace monocle::cuda {

void make_int4_tiles(const WeightView& host, std::byte* out) {
  constexpr std::int64_t kLines = kInt4BlockBytes / kInt4Line;
  const std::int64_t blocks = int4_blocks(host.cols);
  const std::int64_t tiles = (host.rows + kInt4TileRows - 1) / kInt4TileRows;
  const auto* data = static_cast<const std::byte*>(host.data);
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::byte* from = data + tile / 2 * int4_tile_bytes(host.cols) + tile % 2 * kInt4Line;
    for (std::int64_t line = 0; line < blocks * kLines; ++line) {
      std::memcpy(out + (tile * blocks * kLines + line) * kInt4Line, from + line * 2 * kInt4Line,
                  kInt4Line);
    }
  }
}

}  // namespace monocle::cuda
