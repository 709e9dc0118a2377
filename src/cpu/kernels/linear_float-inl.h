// SPDX-License-Identifier: Apache-2.0
// The dot products of linear_dot-inl.h whose sums are floats.

struct FloatSums {
  using Acc = VF;
  static Acc zero() { return vzero(); }
  static float sum(Acc acc) { return vsum(acc); }
  static void store_sums(float* p, Acc a, Acc b, Acc c, Acc d) { vstore_sums(p, a, b, c, d); }
};

struct DotF32 : FloatSums {
  using W = float;
  using X = float;
  static constexpr std::int64_t kStep = kLanes;
  static VF load_w(const W* p) { return vload(p); }
  static VF load_w_n(const W* p, int n) { return vload_n(p, n); }
  static VF load_x(const X* p) { return vload(p); }
  static Acc mac(Acc acc, VF x, VF w) { return vfma(x, w, acc); }
};

struct DotWidened : DotF32 {  // bf16 weights, float products
  using W = std::uint16_t;
  static VF load_w(const W* p) { return vload_bf16(p); }
  static VF load_w_n(const W* p, int n) { return vload_bf16_n(p, n); }
};

struct DotBF16 : FloatSums {
  using W = std::uint16_t;
  using X = std::uint16_t;
  static constexpr std::int64_t kStep = 2 * kLanes;
  static VB load_w(const W* p) { return bload(p); }
  static VB load_w_n(const W* p, int n) { return bload_n(p, n); }
  static VB load_x(const X* p) { return bload(p); }
  static Acc mac(Acc acc, VB x, VB w) { return bdot(acc, x, w); }
};

void linear_f32(const LinearArgs& args, Context& context) { linear_dot<DotF32>(args, context); }
void linear_widened(const LinearArgs& args, Context& context) {
  linear_dot<DotWidened>(args, context);
}
void linear_unpacked(const LinearArgs& args, Context& context) {
  linear_dot<DotF32, true>(args, context);
}
void linear_bf16(const LinearArgs& args, Context& context) {
  linear_dot<std::conditional_t<kBF16Products, DotBF16, DotWidened>>(args, context);
}
