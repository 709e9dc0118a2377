// SPDX-License-Identifier: Apache-2.0
#include "bench_serve_workload.h"

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "media/encode_jpeg.h"

namespace monocle::app {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 48> kWords{
    "river",   "table",  "seven",  "green",   "motor",   "paper",   "light",   "stone",
    "market",  "winter", "signal", "bridge",  "copper",  "garden",  "number",  "window",
    "orange",  "silver", "train",  "letter",  "measure", "forest",  "yellow",  "corner",
    "planet",  "button", "simple", "account", "travel",  "weather", "kitchen", "machine",
    "history", "circle", "pencil", "danger",  "quiet",   "summer",  "hammer",  "island",
    "the",     "of",     "and",    "a",       "under",   "before",  "with",    "is"};

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

std::string make_prompt(std::int64_t words, Random& random) {
  std::string prompt;
  for (std::int64_t i = 0; i < words; ++i) {
    if (i > 0) prompt += ' ';
    prompt += kWords[random.next() % kWords.size()];
  }
  return prompt;
}

// A JPEG, as most pictures are: coloured squares on a gradient.
std::string make_picture(std::int64_t side, Random& random) {
  Image image = make_image(static_cast<int>(side), static_cast<int>(side));
  const std::uint64_t colours = random.next();
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (int x = 0; x < image.width; ++x) {
      const auto square = static_cast<std::uint32_t>(colours >> ((x / 32 + y / 32) % 40));
      const std::uint32_t colour = square ^ static_cast<std::uint32_t>(x * 255 / image.width);
      for (int channel = 0; channel < 3; ++channel) {
        row[x * 3 + channel] = static_cast<std::uint8_t>(colour >> (8 * channel));
      }
    }
  }
  return encode_jpeg(image, 85);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      text.push_back(padding ? '=' : kDigits[group >> (18 - 6 * j) & 63U]);
    }
  }
  return text;
}

Json chat_content(const Workload& workload, std::string prompt, Random& random) {
  if (workload.images == 0) return prompt;
  Json parts = Json::array();
  for (std::int64_t i = 0; i < workload.images; ++i) {
    const std::string url =
        "data:image/jpeg;base64," + base64(make_picture(workload.image_side, random));
    parts.push_back({{"type", "image_url"}, {"image_url", {{"url", url}}}});
  }
  parts.push_back({{"type", "text"}, {"text", std::move(prompt)}});
  return parts;
}

}  // namespace

std::string request_path(const Workload& workload) {
  return workload.completions ? "/completions" : "/chat/completions";
}

std::string request_body(const Workload& workload, std::uint64_t index) {
  Random random(workload.seed * 0x9e3779b97f4a7c15U + index);
  std::string prompt = make_prompt(random.between(workload.words_low, workload.words_high), random);
  Json body = {{"model", workload.model},
               {"max_tokens", random.between(workload.tokens_low, workload.tokens_high)},
               {"temperature", 0},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}};
  if (workload.ignore_eos) {
    body["ignore_eos"] = true;
    body["skip_special_tokens"] = false;  // else tokens behind the end have no text to be timed by
  }
  if (workload.completions) {
    body["prompt"] = std::move(prompt);
  } else {
    body["messages"] = {
        {{"role", "user"}, {"content", chat_content(workload, std::move(prompt), random)}}};
  }
  return body.dump();
}

}  // namespace monocle::app
