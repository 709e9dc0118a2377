// SPDX-License-Identifier: Apache-2.0
// What the host does to a picture before the device gets it, part by part: base64, hash, decoding,
// resizing, cutting into patches, the copy. Numbers are made of the bytes on the device. The JPEG
// is noise of all scales at quality 85, two bits a pixel like a photo's. MONOCLE_BENCH_THREADS sets
// the number of workers for resizing and patches (default: the usable CPUs); the rest is serial.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "api/base64.h"
#include "base/hash.h"
#include "base/thread_pool.h"
#include "media/decode.h"
#include "media/encode_jpeg.h"
#include "media/resize.h"
#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace {

using monocle::Image;
using monocle::Size2d;

monocle::ThreadPool& pool() {
  static monocle::ThreadPool threads([] {
    const char* value = std::getenv("MONOCLE_BENCH_THREADS");
    return value == nullptr ? monocle::usable_cpus() : std::max(1, std::atoi(value));
  }());
  return threads;
}

// As the published 2B checkpoint.
monocle::qwen3_vl::PreprocessConfig config() {
  monocle::qwen3_vl::PreprocessConfig out;
  out.patch_size = 16;
  out.temporal_patch_size = 2;
  out.merge_size = 2;
  out.pixels = {65536, 16777216};
  out.mean = {0.5, 0.5, 0.5};
  out.std = {0.5, 0.5, 0.5};
  return out;
}

// Random values at every power-of-two distance, between them straight lines.
Image landscape(Size2d size) {
  Image image = monocle::make_image(size.width, size.height);
  const auto value = [](unsigned x, unsigned y, unsigned level) {
    unsigned h = x * 374761393U + y * 668265263U + level * 2246822519U;
    h = (h ^ h >> 13) * 1274126177U;
    return static_cast<int>((h ^ h >> 16) & 255U) - 128;
  };
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      int sum = 128 << 8;
      for (unsigned level = 0; level < 8; ++level) {
        const auto across = static_cast<unsigned>(x) >> level;
        const auto down = static_cast<unsigned>(y) >> level;
        const int right = (x & ((1 << level) - 1)) * 256 >> level;
        const int left_value = value(across, down, level);
        const int slope = value(across + 1, down, level) - left_value;
        sum += (left_value * 256 + slope * right) * (80 + (4 << level)) / 1024;
      }
      for (int c = 0; c < 3; ++c) {
        image.row(y)[x * 3 + c] = static_cast<std::uint8_t>(std::clamp((sum >> 8) + 9 * c, 0, 255));
      }
    }
  }
  return image;
}

struct Picture {
  Image image;
  std::string file;
  std::string text;
};

const Picture& picture(Size2d size) {
  static std::vector<Picture> known;
  const auto found =
      std::ranges::find_if(known, [&](const Picture& p) { return p.image.size() == size; });
  if (found != known.end()) {
    return *found;
  }
  Picture made{landscape(size), {}, {}};
  made.file = monocle::encode_jpeg(made.image, 85);
  made.text = monocle::api::encode_base64(made.file);
  return known.emplace_back(std::move(made));
}

Size2d size_of(const benchmark::State& state) {
  return {static_cast<int>(state.range(0)), static_cast<int>(state.range(1))};
}

Size2d target_of(const benchmark::State& state) {
  return *monocle::qwen3_vl::smart_resize(size_of(state), config().factor(), config().pixels);
}

void text_of_request(benchmark::State& state) {
  const Picture& p = picture(size_of(state));
  state.SetLabel(std::to_string(p.file.size()) + " bytes");
  for (auto _ : state) {
    benchmark::DoNotOptimize(monocle::api::decode_base64(p.text));
  }
}

void hash(benchmark::State& state) {
  const Picture& p = picture(size_of(state));
  for (auto _ : state) {
    benchmark::DoNotOptimize(monocle::hash128(std::as_bytes(std::span(p.file))));
  }
}

void decode(benchmark::State& state) {
  const Picture& p = picture(size_of(state));
  for (auto _ : state) {
    benchmark::DoNotOptimize(monocle::decode_image(std::as_bytes(std::span(p.file)), {}));
  }
}

void resize(benchmark::State& state) {
  const Picture& p = picture(size_of(state));
  const Size2d target = target_of(state);
  state.SetLabel("to " + std::to_string(target.width) + " x " + std::to_string(target.height));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        monocle::resize_bicubic(p.image, target, monocle::ResizeForm::kTorchvision, &pool()));
  }
}

// Of a picture that has its size.
void patches(benchmark::State& state) {
  const Image image = landscape(target_of(state));
  auto memory = monocle::qwen3_vl::preprocess_image(image, config(), &pool())->pixels;
  for (auto _ : state) {
    auto made = monocle::qwen3_vl::preprocess_image(image, config(), &pool(), std::move(memory));
    memory = std::move(made->pixels);
  }
}

// Memory of the resized picture that nobody has used before: in decode and resize, too.
void fresh_memory(benchmark::State& state) {
  const Size2d target = target_of(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(monocle::make_image(target.width, target.height));
  }
}

// As far as host memory goes: what a pinned buffer costs before the device's own copy.
void copy(benchmark::State& state) {
  const Size2d target = target_of(state);
  const std::size_t bytes = std::size_t{3} * static_cast<std::size_t>(target.width) *
                            static_cast<std::size_t>(target.height);
  const std::vector<std::uint8_t> from(bytes, 1);
  std::vector<std::uint8_t> to(bytes);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), bytes);
    benchmark::ClobberMemory();
  }
}

void changed_sizes(benchmark::internal::Benchmark* one) {
  one->Args({1920, 1080})->Args({4032, 3024})->Args({8064, 6048});
  one->Unit(benchmark::kMillisecond)->UseRealTime();
}

void sizes(benchmark::internal::Benchmark* one) {
  changed_sizes(one->Args({1024, 1024})->Args({2048, 2048}));
}

BENCHMARK(text_of_request)->Apply(sizes);
BENCHMARK(hash)->Apply(sizes);
BENCHMARK(decode)->Apply(sizes);
BENCHMARK(resize)->Apply(changed_sizes);
BENCHMARK(patches)->Apply(sizes);
BENCHMARK(fresh_memory)->Apply(sizes);
BENCHMARK(copy)->Apply(sizes);

}  // namespace
