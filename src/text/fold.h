// SPDX-License-Identifier: Apache-2.0
// Text made comparable: for looking at what a model wrote, never for what it reads (the tokenizer
// has its own, older NFC). Ill-formed parts count as U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace monocle {

// NFKC: full-width digits and letters become ordinary ones, ligatures fall apart.
std::string to_nfkc(std::string_view text);

// Lower case code point by code point, as Unicode's simple mapping has it.
std::string to_lower(std::string_view text);

// The code points of `text`.
std::u32string to_code_points(std::string_view text);

// Without any white space, Unicode's included.
std::string without_space(std::string_view text);

// Runs of white space become one blank, none at the ends.
std::string collapse_space(std::string_view text);

}  // namespace monocle
