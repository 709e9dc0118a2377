// SPDX-License-Identifier: Apache-2.0
// For the tests of this room: the small committed vocabulary, and variants of its file.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "text/bpe.h"

namespace monocle::testing {

inline std::string read_fixture(const std::string& name) {
  std::ifstream file(MONOCLE_SOURCE_DIR "/tests/data/tokenizer/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline const Tokenizer& fixture_tokenizer() {
  static const Tokenizer tokenizer = [] {
    auto loaded = Tokenizer::load(read_fixture("tokenizer.json"));
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return std::move(*loaded);
  }();
  return tokenizer;
}

// The id of an added token that the fixture certainly has.
inline TokenId id(std::string_view text) {
  const auto found = fixture_tokenizer().id_of(text);
  EXPECT_TRUE(found.has_value()) << text;
  return found.value_or(-1);
}

}  // namespace monocle::testing
