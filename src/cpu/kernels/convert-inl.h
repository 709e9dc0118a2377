// SPDX-License-Identifier: Apache-2.0
// Element type conversion of one row. Moves 6 bytes per element; bound by memory.

void bf16_row_from_float(const float* in, std::uint16_t* out, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    vstore_bf16(out + i, vload(in + i));
  }
  const int rest = static_cast<int>(count - i);
  vstore_bf16_n(out + i, vload_n(in + i, rest), rest);
}

void float_row_from_bf16(const std::uint16_t* in, float* out, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    vstore(out + i, vload_bf16(in + i));
  }
  const int rest = static_cast<int>(count - i);
  vstore_n(out + i, vload_bf16_n(in + i, rest), rest);
}

void exp_row(const float* in, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const int lanes = static_cast<int>(std::min<std::int64_t>(kLanes, count - i));
    vstore_n(out + i, vexp(vload_n(in + i, lanes)), lanes);
  }
}
