// SPDX-License-Identifier: Apache-2.0
// Chinese numerals, ordinary and capital. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace monocle::task {

// 0 to 9 for 〇零一壹…九玖 and for 两; -1 for other characters.
int numeral_digit(char32_t c);

// A whole number written with places, 一千零二十三万 or 壹拾贰, or digit by digit, 二〇二一.
// Nothing when another character is in it or it is beyond 10^15.
std::optional<std::int64_t> numeral_value(std::u32string_view text);

}  // namespace monocle::task
