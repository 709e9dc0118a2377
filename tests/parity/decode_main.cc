// SPDX-License-Identifier: Apache-2.0
// Decodes files for tools/parity/decode.py. Each line of stdin is
//   POLICY IN OUT     (POLICY: drop, white)
// OUT receives raw RGB8. Prints "WIDTH HEIGHT MILLISECONDS" or "error MESSAGE" for each.
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "media/decode.h"

int main() {
  std::string policy;
  std::string in;
  std::string out;
  while (std::cin >> policy >> in >> out) {
    std::ifstream input(in, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(input),
                                  std::istreambuf_iterator<char>()};
    monocle::DecodeOptions options;
    options.alpha =
        policy == "white" ? monocle::AlphaPolicy::kBlendOnWhite : monocle::AlphaPolicy::kDrop;
    const auto start = std::chrono::steady_clock::now();
    const auto image = monocle::decode_image(std::as_bytes(std::span(bytes)), options);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    if (!image) {
      std::cout << "error " << image.error().message << '\n';
      continue;
    }
    std::ofstream(out, std::ios::binary)
        .write(reinterpret_cast<const char*>(image->rgb.data()),
               static_cast<std::streamsize>(image->rgb.size()));
    std::cout << image->width << ' ' << image->height << ' ' << taken.count() << '\n';
  }
  return 0;
}
