// SPDX-License-Identifier: Apache-2.0
#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace monocle {

bool append_alphabet_bytes(std::string& out, std::string_view written) {
  for (std::size_t pos = 0; pos < written.size();) {
    const utf8::Step step = utf8::decode(written, pos);
    if (step.validity != utf8::Validity::kValid || step.code_point >= kByteOfCodePoint.size()) {
      return false;
    }
    const std::int16_t byte = kByteOfCodePoint[step.code_point];
    if (byte == kNotInAlphabet) {
      return false;
    }
    out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    pos += step.length;
  }
  return true;
}

}  // namespace monocle
