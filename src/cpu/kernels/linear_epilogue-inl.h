// SPDX-License-Identifier: Apache-2.0
// What happens to finished sums while they are in registers: bias, activation, residual, store.

// kLanes consecutive outputs of one row of y, of which the first `lanes` exist.
struct OutputSlot {
  std::int64_t row;     // of y
  std::int64_t column;  // of y
  int lanes;
};

inline VF activate(VF v, Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kGeluTanh:
      return vgelu_tanh(v);
    case Epilogue::kGeluErf:
      return vgelu_erf(v);
    case Epilogue::kNone:
    case Epilogue::kSwiGlu:
      break;  // kSwiGlu has two inputs; its caller has combined them
  }
  return v;
}

// What y holds where x Wᵀ, for kSwiGlu silu(gate) * up, is `v`.
inline VF finished(const LinearArgs& args, VF v, const OutputSlot& slot) {
  const bool whole = slot.lanes == kLanes;
  if (args.bias != nullptr) {
    const float* bias = args.bias + slot.column;
    v = v + (whole ? vload(bias) : vload_n(bias, slot.lanes));
  }
  v = activate(v, args.epilogue);
  if (args.residual.data != nullptr) {
    const float* residual = static_cast<const float*>(args.residual.data) +
                            slot.row * args.residual.row_stride + slot.column;
    v = v + (whole ? vload(residual) : vload_n(residual, slot.lanes));
  }
  return v;
}

inline void finish(const LinearArgs& args, VF v, const OutputSlot& slot) {
  const bool whole = slot.lanes == kLanes;
  v = finished(args, v, slot);
  const std::int64_t at = slot.row * args.y.row_stride + slot.column;
  if (args.y.dtype == DType::kBF16) {
    std::uint16_t* out = static_cast<std::uint16_t*>(args.y.data) + at;
    whole ? vstore_bf16(out, v) : vstore_bf16_n(out, v, slot.lanes);
  } else {
    float* out = static_cast<float*>(args.y.data) + at;
    whole ? vstore(out, v) : vstore_n(out, v, slot.lanes);
  }
}
