// SPDX-License-Identifier: Apache-2.0
// The C++ half of tools/parity/tokenizer.py.
//   tokenize_main TOKENIZER.json parse|text   stdin: strings, stdout: id lists
//   tokenize_main TOKENIZER.json decode       stdin: id lists, stdout: strings
//   tokenize_main TOKENIZER.json bench FILE   prints load time and encode rate
// A string is a little-endian u32 byte count and the bytes; an id list is a u32 count and as many
// i32.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "text/bpe.h"

namespace {

using monocle::SpecialTokens;
using monocle::TokenId;
using monocle::Tokenizer;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <class T>
bool read_block(std::vector<T>& out) {
  std::uint32_t count = 0;
  if (std::fread(&count, sizeof(count), 1, stdin) != 1) {
    return false;
  }
  out.resize(count);
  return std::fread(out.data(), sizeof(T), count, stdin) == count;
}

template <class T>
void write_block(const T* data, std::size_t size) {
  const auto count = static_cast<std::uint32_t>(size);
  std::fwrite(&count, sizeof(count), 1, stdout);
  std::fwrite(data, sizeof(T), size, stdout);
}

double since_ms(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

int bench(const std::string& json, const std::string& text) {
  double best_load = 1e30;
  double best_encode = 1e30;
  std::size_t ids = 0;
  for (int i = 0; i < 7; ++i) {
    auto start = std::chrono::steady_clock::now();
    const auto tokenizer = Tokenizer::load(json);
    best_load = std::min(best_load, since_ms(start));
    start = std::chrono::steady_clock::now();
    ids = tokenizer->encode(text, SpecialTokens::kAsText).size();
    best_encode = std::min(best_encode, since_ms(start));
  }
  fmt::print(
      "load {:.1f} ms; encode {} bytes to {} ids in {:.2f} ms, {:.1f} MB/s (best of 7, one "
      "thread)\n",
      best_load, text.size(), ids, best_encode,
      static_cast<double>(text.size()) / best_encode / 1e3);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: {} TOKENIZER.json parse|text|decode|bench [FILE]\n", argv[0]);
    return 2;
  }
  const std::string json = read_file(argv[1]);
  const auto tokenizer = Tokenizer::load(json);
  if (!tokenizer) {
    fmt::print(stderr, "{}\n", tokenizer.error().message);
    return 2;
  }
  const std::string mode = argv[2];
  if (mode == "bench" && argc == 4) {
    return bench(json, read_file(argv[3]));
  }
  if (mode == "decode") {
    for (std::vector<TokenId> ids; read_block(ids);) {
      const std::string text = tokenizer->decode(ids, false);
      write_block(text.data(), text.size());
    }
    return 0;
  }
  const auto special = mode == "parse" ? SpecialTokens::kParse : SpecialTokens::kAsText;
  for (std::vector<char> text; read_block(text);) {
    const auto ids = tokenizer->encode(std::string_view(text.data(), text.size()), special);
    write_block(ids.data(), ids.size());
  }
  return 0;
}
