// SPDX-License-Identifier: Apache-2.0
// NFC as the reference tokenizer library computes it: its data stop at Unicode 9, so marks and
// compositions that are newer than that are inert here whatever utf8proc knows about them. Linear
// in the text but for the stable sort of each run of marks, so a long run of marks is no attack.
#pragma once

#include <string>
#include <string_view>

namespace monocle {

// True when `text` (valid UTF-8) certainly is in NFC; false means "perhaps not".
bool is_nfc_quick(std::string_view text);

// `text` must be valid UTF-8.
std::string to_nfc(std::string_view text);

}  // namespace monocle
