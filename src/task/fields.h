// SPDX-License-Identifier: Apache-2.0
// Fields read off a document: {"甲方":"…","金额":"708000.00","签署日期":"2021-08-12"}, and what a
// value of them means. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace monocle::task {

// Name to value; nothing stands for null, "the document has none". Values that are objects or lists
// keep their JSON text.
using Fields = std::map<std::string, std::optional<std::string>>;

// Nothing when the answer is no JSON object.
std::optional<Fields> parse_fields(std::string_view answer);

// An amount of money in cents (分): digits with separators and ¥, 元, 万元, or Chinese capital or
// ordinary numerals (柒拾万零捌仟元整). When both are given, as on contracts, they must agree.
// Nothing when it is not an amount.
std::optional<std::int64_t> amount_cents(std::string_view text);

// "2021-08-12" of 2021年8月12日, 2021/08/12, 2021.8.12, 20210812, 二〇二一年八月十二日. Nothing
// when it is not a date of the calendar.
std::optional<std::string> iso_date(std::string_view text);

}  // namespace monocle::task
