// SPDX-License-Identifier: Apache-2.0
// Elementwise functions on VF, written once on the vocabulary of simd-inl.h.

#if !MONOCLE_ISA_AVX512
inline VF vscale2(VF p, VF n) { return vless_select(n, vset(-126.0F), vzero(), p * vpow2(n)); }
#endif

// e^x, relative error below 2.5e-7. Exactly 0 below -87.33 (and for -inf), inf above 88.37
// (2.4e38), NaN for NaN. x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts keeps r exact; the
// polynomial is Taylor's to degree 7.
inline VF vexp(VF x) {
  const VF low = vset(-87.33F);
  const VF high = vset(88.37F);
  const VF clamped = vmin(high, vmax(low, x));
  const VF n = vround(clamped * vset(1.44269504F));
  const VF r = vfma(n, vset(2.12194440e-4F), vfma(n, vset(-0.693359375F), clamped));
  VF p = vset(1.0F / 5040.0F);
  p = vfma(p, r, vset(1.0F / 720.0F));
  p = vfma(p, r, vset(1.0F / 120.0F));
  p = vfma(p, r, vset(1.0F / 24.0F));
  p = vfma(p, r, vset(1.0F / 6.0F));
  p = vfma(p, r, vset(0.5F));
  p = vfma(p, r, vset(1.0F));
  p = vfma(p, r, vset(1.0F));
  const VF finite = vless_select(x, low, vzero(), p * vpow2(n));
  return vless_select(high, x, vset(std::numeric_limits<float>::infinity()), finite);
}

// 1 / (1 + e^-x). Below the bound x the sum would overflow in vinverse.
inline VF vsigmoid(VF x) { return vinverse(vset(1.0F) + vexp(vmin(vset(84.0F), vzero() - x))); }
inline VF vsilu(VF x) { return x * vsigmoid(x); }

// Absolute error below 3e-7: Abramowitz and Stegun 7.1.26.
inline VF verf(VF x) {
  const VF size = vabs(x);
  const VF t = vinverse(vfma(vset(0.3275911F), size, vset(1.0F)));
  VF p = vset(1.061405429F);
  p = vfma(p, t, vset(-1.453152027F));
  p = vfma(p, t, vset(1.421413741F));
  p = vfma(p, t, vset(-0.284496736F));
  p = vfma(p, t, vset(0.254829592F));
  return vcopysign(vset(1.0F) - p * t * vexp(vzero() - size * size), x);
}

inline VF vgelu_tanh(VF x) {
  // (1 + tanh u) / 2 = sigmoid(2 u)
  return x * vsigmoid(vset(1.5957691216F) * vfma(vset(0.044715F) * x * x, x, x));
}
inline VF vgelu_erf(VF x) { return vset(0.5F) * x * (vset(1.0F) + verf(x * vset(0.70710678F))); }
