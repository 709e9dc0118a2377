// SPDX-License-Identifier: Apache-2.0
// y = x Wᵀ for many rows of x on AVX-512, one output per lane: four bytes of k of 32 rows of W meet
// the same four bytes of 12 rows of x, each of which all lanes share. 24 accumulators, 2 loads of W
// and 12 broadcasts of x per 24 products, and no sum crosses lanes. Both operands are copied into
// the order in which they are read: a strip of W by the worker that uses it, x once for all.
//
// A strip of W (up to 400 KB) stays in L2 while a slab of x streams past it from L3: 48 bytes of x
// and 128 of W per 24 products. W comes from memory once per slab. 4-bit groups are expanded while
// their strip is copied.

inline constexpr std::int64_t kPanelRows = 12;                   // of x
inline constexpr std::int64_t kPanelStep = 16 * 4 * kPanelRows;  // bytes of 64 bytes of k
inline constexpr std::int64_t kStripStep = 16 * 4 * kStripRows;  // the same of W
inline constexpr std::int64_t kSlabBytes = std::int64_t{4} << 20;

struct PanelBF16 {
  using Acc = VF;
  static constexpr std::int64_t kElement = 2;
  static constexpr bool kInteger = false;
  static Acc mac(Acc acc, __m512i x, __m512i w) { return bdot(acc, x, w); }
};
struct PanelInt8 {
  using Acc = __m512i;
  static constexpr std::int64_t kElement = 1;
  static constexpr bool kInteger = true;
  static Acc mac(Acc acc, __m512i x, __m512i w) { return idot(acc, x, w); }
};

struct PanelX {
  std::byte* data = nullptr;  // [panels][steps][16][kPanelRows][4 bytes of k]
  float* scale = nullptr;     // [panels * kPanelRows], int8 only
  std::int64_t m = 0;
  std::int64_t panels = 0;
  std::int64_t steps = 0;  // of 64 bytes of k
};

// `room`: [kPanelRows][steps * 64], int8 only.
template <class P>
void pack_panel(const ConstTensorView& x, const PanelX& packed, std::int64_t panel,
                std::byte* room) {
  const std::int64_t first = panel * kPanelRows;
  const std::int64_t rows = std::min(kPanelRows, packed.m - first);
  const std::byte* source[kPanelRows];
  for (std::int64_t i = 0; i < rows; ++i) {
    const void* row = room + i * packed.steps * 64;
    if constexpr (P::kInteger) {
      auto* codes = static_cast<IntX*>(static_cast<void*>(room + i * packed.steps * 64));
      packed.scale[first + i] = quantise_row(x, first + i, codes, packed.steps * 64);
    } else {
      row = x.row<std::uint16_t>(first + i);
    }
    source[i] = static_cast<const std::byte*>(row);
  }
  const std::int64_t bytes = P::kInteger ? packed.steps * 64 : x.cols * P::kElement;
  std::byte* out = packed.data + panel * packed.steps * kPanelStep;
  for (std::int64_t s = 0; s < packed.steps; ++s) {
    __m512i r[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      r[i] = i < rows ? load_bytes(source[i] + s * 64, bytes - s * 64) : _mm512_setzero_si512();
    }
    transpose16(r);
    for (std::int64_t i = 0; i < 16; ++i, out += 4 * kPanelRows) {
      _mm512_mask_storeu_epi32(out, (1U << kPanelRows) - 1U, r[i]);
    }
  }
}

template <class P>
PanelX pack_panels(const ConstTensorView& x, Context& context) {
  PanelX packed;
  packed.m = x.rows;
  packed.panels = (x.rows + kPanelRows - 1) / kPanelRows;
  packed.steps = (x.cols * P::kElement + 63) / 64;
  const std::int64_t data_bytes = packed.panels * packed.steps * kPanelStep;
  const std::int64_t scale_bytes = packed.panels * kPanelRows * 4;
  std::byte* memory = context.shared(static_cast<std::size_t>(data_bytes + scale_bytes));
  packed.data = memory;
  packed.scale = static_cast<float*>(static_cast<void*>(memory + data_bytes));
  context.pool().parallel_for(packed.panels, 1,
                              [&](std::int64_t begin, std::int64_t end, int worker) {
                                for (std::int64_t panel = begin; panel < end; ++panel) {
                                  pack_panel<P>(x, packed, panel, context.worker(worker));
                                }
                              });
  return packed;
}

// 16 rows of W to every other line of `out` [steps][16][2][64].
inline void pack_rows(const Side& side, std::int64_t row_bytes, std::int64_t steps,
                      std::byte* out) {
  const std::byte* first = static_cast<const std::byte*>(side.part->data) + side.begin * row_bytes;
  for (std::int64_t s = 0; s < steps; ++s, out += kStripStep) {
    __m512i r[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      r[i] = i < side.rows ? load_bytes(first + i * row_bytes + s * 64, row_bytes - s * 64)
                           : _mm512_setzero_si512();
    }
    transpose16(r);
    for (std::int64_t i = 0; i < 16; ++i) {
      _mm512_store_si512(out + i * 128, r[i]);
    }
  }
}

// The same of 4-bit groups: a line holds two quads of k of each row.
inline void pack_int4_rows(const Side& side, std::int64_t steps, std::byte* out) {
  const std::int64_t lines = 8 * steps;
  if (side.rows <= 0) {
    for (std::int64_t i = 0; i < 2 * lines; ++i) {
      _mm512_store_si512(out + i * 128, _mm512_setzero_si512());
    }
    return;
  }
  const auto* block = static_cast<const std::uint8_t*>(side.part->data) +
                      side.begin / kInt4Rows * int4_tile_bytes(side.part->cols);
  for (std::int64_t i = 0; i < lines; ++i, out += 256) {
    const std::int64_t line = i % (kInt4BlockCols / 8);
    const auto shift = static_cast<std::uint8_t>(line / 4 * 8);
    const VN grid = nload(block);
    const VN pairs = nload(block + 64 * (1 + line));
    const VI step = nbits(grid, shift);
    const VI zero = nbits(grid, shift + 4U);
    _mm512_store_si512(out, nscale(nlow(pairs), step, zero));
    _mm512_store_si512(out + 128, nscale(nhigh(pairs), step, zero));
    block += line + 1 == kInt4BlockCols / 8 ? kInt4BlockBytes : 0;
  }
}

// What a finished product of a strip needs besides its sums.
struct StripScale {
  VI start[2];  // takes off what kIntOffset added to x
  VF scale[2];
};

inline StripScale strip_scale(const Strip& strip) {
  StripScale out;
  for (int i = 0; i < 2; ++i) {
    const Side& side = strip.side[i];
    const __mmask16 lanes = lane_mask(static_cast<int>(std::clamp<std::int64_t>(side.rows, 0, 16)));
    const VI sums = _mm512_maskz_loadu_epi32(lanes, int8_row_sums(*side.part) + side.begin);
    out.start[i] = isub(iset(0), imul(sums, iset(kIntOffset)));
    out.scale[i] = _mm512_maskz_loadu_ps(lanes, int8_scales(*side.part) + side.begin);
  }
  return out;
}

// One strip against one panel.
template <class P>
void panel_product(const std::byte* w, const std::byte* x, std::int64_t quads,
                   const typename P::Acc (&start)[2], typename P::Acc (*out)[2]) {
  typename P::Acc acc[kPanelRows][2];
#pragma GCC unroll 12
  for (int i = 0; i < kPanelRows; ++i) {
    acc[i][0] = start[0];
    acc[i][1] = start[1];
  }
  for (std::int64_t q = 0; q < quads; ++q, w += 128, x += 4 * kPanelRows) {
    const __m512i w0 = _mm512_load_si512(w);
    const __m512i w1 = _mm512_load_si512(w + 64);
#pragma GCC unroll 12
    for (int i = 0; i < kPanelRows; ++i) {
      std::int32_t quad;
      std::memcpy(&quad, x + 4 * i, sizeof(quad));
      const __m512i xs = _mm512_set1_epi32(quad);
      acc[i][0] = P::mac(acc[i][0], xs, w0);
      acc[i][1] = P::mac(acc[i][1], xs, w1);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kPanelRows; ++i) {
    out[i][0] = acc[i][0];
    out[i][1] = acc[i][1];
  }
}

// Rows [panel * kPanelRows, ...) of y in the columns of the strip.
inline void store_panel(const LinearArgs& args, const Strip& strip, std::int64_t panel,
                        VF (*sums)[2]) {
  const bool gated = args.epilogue == Epilogue::kSwiGlu;
  const std::int64_t first = panel * kPanelRows;
  for (std::int64_t i = 0; i < std::min(kPanelRows, args.x.rows - first); ++i) {
    VF* v = sums[i];
    if (gated) {
      v[0] = vsilu(v[0]) * v[1];
    }
    for (int side = 0; side < (gated ? 1 : 2); ++side) {
      const Side& place = strip.side[side];
      if (place.rows > 0) {
        finish(args, v[side],
               {first + i, place.column, static_cast<int>(std::min<std::int64_t>(16, place.rows))});
      }
    }
  }
}

// Panels [begin, end) against one strip.
template <class P>
void strip_panels(const LinearArgs& args, const PanelX& x, const Strip& strip, std::int64_t begin,
                  std::int64_t end, std::byte* w) {
  for (int i = 0; i < 2; ++i) {
    const Side& side = strip.side[i];
    if (side.part->format == QuantFormat::kInt4Group) {
      pack_int4_rows(side, x.steps, w + 64 * i);
    } else {
      pack_rows(side, side.part->cols * P::kElement, x.steps, w + 64 * i);
    }
  }
  const std::int64_t quads = 16 * x.steps;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::byte* rows = x.data + panel * x.steps * kPanelStep;
    VF sums[kPanelRows][2];
    if constexpr (P::kInteger) {
      const StripScale scale = strip_scale(strip);
      VI exact[kPanelRows][2];
      panel_product<P>(w, rows, quads, scale.start, exact);
      for (int i = 0; i < kPanelRows; ++i) {
        const VF scale_x = vset(x.scale[panel * kPanelRows + i]);
        sums[i][0] = _mm512_cvtepi32_ps(exact[i][0]) * scale.scale[0] * scale_x;
        sums[i][1] = _mm512_cvtepi32_ps(exact[i][1]) * scale.scale[1] * scale_x;
      }
    } else {
      panel_product<P>(w, rows, quads, {vzero(), vzero()}, sums);
    }
    store_panel(args, strip, panel, sums);
  }
}

template <class P>
void linear_panel(const LinearArgs& args, Context& context) {
  if (args.x.rows == 0) {
    return;
  }
  const std::int64_t steps = (args.x.cols * P::kElement + 63) / 64;
  context.reserve_workers(static_cast<std::size_t>(steps * kStripStep));
  const PanelX x = pack_panels<P>(args.x, context);
  const std::int64_t slabs =
      std::max<std::int64_t>(1, (x.panels * steps * kPanelStep + kSlabBytes / 2) / kSlabBytes);
  const std::int64_t strips = strip_count(args);
  context.pool().parallel_for(
      slabs * strips, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t slab = i / strips;
          strip_panels<P>(args, x, strip_at(args, i % strips), slab * x.panels / slabs,
                          (slab + 1) * x.panels / slabs, context.worker(worker));
        }
      });
}

void linear_panel_bf16(const LinearArgs& args, Context& context) {
  linear_panel<PanelBF16>(args, context);
}
void linear_panel_int8(const LinearArgs& args, Context& context) {
  linear_panel<PanelInt8>(args, context);
}
