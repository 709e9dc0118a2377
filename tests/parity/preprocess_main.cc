// SPDX-License-Identifier: Apache-2.0
// Turns raw pictures into patches for tools/parity/preprocess.py. Each line of stdin is
//   image CONFIG IN WIDTH HEIGHT OUT
//   video CONFIG IN WIDTH HEIGHT FRAMES FPS OUT
// CONFIG is the (video) preprocessor JSON, IN raw RGB8 (frames one after the other), OUT raw
// float32 rows. Prints "T H W" and, for videos, the timestamps. Videos are sampled here, from all
// their frames.
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace {

using monocle::Image;
using monocle::Patches;
using monocle::Result;

constexpr std::int32_t kTemporal = 2;  // of every published configuration

std::string read_all(const std::string& path) {
  std::ifstream input(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}

Image read_frame(const std::string& raw, monocle::Size2d size, std::size_t index) {
  Image image = monocle::make_image(size.width, size.height);
  std::memcpy(image.rgb.data(), raw.data() + index * image.rgb.size(), image.rgb.size());
  return image;
}

Result<Patches> image_job(monocle::ThreadPool& pool) {
  std::string config_path;
  std::string in;
  monocle::Size2d size;
  std::cin >> config_path >> in >> size.width >> size.height;
  MONOCLE_ASSIGN(const auto config,
                 monocle::qwen3_vl::parse_preprocess_config(read_all(config_path)));
  return monocle::qwen3_vl::preprocess_image(read_frame(read_all(in), size, 0), config, &pool);
}

Result<Patches> video_job(monocle::ThreadPool& pool, std::string& timestamps) {
  std::string config_path;
  std::string in;
  monocle::Size2d size;
  std::int64_t total = 0;
  double fps = 0.0;
  std::cin >> config_path >> in >> size.width >> size.height >> total >> fps;
  MONOCLE_ASSIGN(const auto config, monocle::qwen3_vl::parse_video_config(read_all(config_path)));
  MONOCLE_ASSIGN(const auto indices,
                 monocle::qwen3_vl::sample_frames(total, fps, config, std::nullopt));
  const std::string raw = read_all(in);
  std::vector<Image> frames;
  for (const std::int64_t index : indices) {
    frames.push_back(read_frame(raw, size, static_cast<std::size_t>(index)));
  }
  for (const double seconds :
       monocle::qwen3_vl::group_seconds(indices, fps, config.frame.temporal_patch_size)) {
    timestamps += monocle::qwen3_vl::timestamp_text(seconds);
  }
  return monocle::qwen3_vl::preprocess_video(frames, config, &pool);
}

}  // namespace

int main() {
  monocle::ThreadPool pool(monocle::usable_cpus());
  std::string kind;
  while (std::cin >> kind) {
    std::string timestamps;
    const Result<Patches> patches = kind == "video" ? video_job(pool, timestamps) : image_job(pool);
    std::string out;
    std::cin >> out;
    if (!patches) {
      std::cerr << patches.error().message << '\n';
      return 2;
    }
    const std::vector<float> rows = monocle::qwen3_vl::patch_values(*patches, kTemporal);
    std::ofstream(out, std::ios::binary)
        .write(reinterpret_cast<const char*>(rows.data()),
               static_cast<std::streamsize>(rows.size() * sizeof(float)));
    std::cout << patches->grid.t << ' ' << patches->grid.h << ' ' << patches->grid.w << ' '
              << timestamps << '\n';
  }
  return 0;
}
