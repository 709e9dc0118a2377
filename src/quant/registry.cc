// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/check.h"
#include "quant/float_formats.h"
#include "quant/format.h"
#include "quant/fp8_channel.h"
#include "quant/int4_group.h"
#include "quant/int8_channel.h"

namespace monocle {

std::span<const FormatInfo> formats() {
  static const std::array table{kF32Info,         kF16Info,       kBF16Info,
                                kInt8ChannelInfo, kInt4GroupInfo, kFp8ChannelInfo};
  return table;
}

const FormatInfo& format_info(QuantFormat format) {
  const auto index = static_cast<std::size_t>(format);
  MONOCLE_CHECK(index < formats().size() && formats()[index].format == format);
  return formats()[index];
}

const FormatInfo* find_format(std::string_view name) {
  for (const FormatInfo& info : formats()) {
    if (info.name == name) {
      return &info;
    }
  }
  return nullptr;
}

}  // namespace monocle
