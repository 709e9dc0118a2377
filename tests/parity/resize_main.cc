// SPDX-License-Identifier: Apache-2.0
// Runs resize jobs for tools/parity/resize.py. Each line of stdin is
//   FORM IN WIDTH HEIGHT OUT_WIDTH OUT_HEIGHT OUT     (FORM: torchvision, pillow, pillow13)
// where IN and OUT are files of raw RGB8. Prints the milliseconds of each resize.
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include "base/thread_pool.h"
#include "media/resize.h"

namespace {

using monocle::Image;
using monocle::ResizeForm;

bool parse_form(const std::string& name, ResizeForm& form) {
  if (name == "torchvision") {
    form = ResizeForm::kTorchvision;
  } else if (name == "pillow") {
    form = ResizeForm::kPillow;
  } else if (name == "pillow13") {
    form = ResizeForm::kPillow13;
  } else {
    return false;
  }
  return true;
}

std::streamsize bytes_of(const Image& image) {
  return static_cast<std::streamsize>(image.rgb.size());
}

}  // namespace

int main(int argc, char** argv) {
  monocle::ThreadPool pool(argc > 1 ? std::stoi(argv[1]) : monocle::usable_cpus());
  std::string name;
  std::string in;
  std::string out;
  monocle::Size2d from;
  monocle::Size2d to;
  while (std::cin >> name >> in >> from.width >> from.height >> to.width >> to.height >> out) {
    ResizeForm form{};
    Image image = monocle::make_image(from.width, from.height);
    std::ifstream input(in, std::ios::binary);
    if (!parse_form(name, form) ||
        !input.read(reinterpret_cast<char*>(image.rgb.data()), bytes_of(image))) {
      std::cerr << "bad job: " << name << ' ' << in << '\n';
      return 2;
    }
    const auto start = std::chrono::steady_clock::now();
    const Image resized = monocle::resize_bicubic(image, to, form, &pool);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    std::ofstream(out, std::ios::binary)
        .write(reinterpret_cast<const char*>(resized.rgb.data()), bytes_of(resized));
    std::cout << taken.count() << '\n';
  }
  return 0;
}
