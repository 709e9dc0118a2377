// SPDX-License-Identifier: Apache-2.0
#include "api/image_parse.h"

#include <fmt/format.h>

#include <utility>

#include "api/data_uri.h"

namespace monocle::api {
namespace {

constexpr std::int64_t kMaxPixelBudget = std::int64_t{1} << 30;

void take_budget(const Fields& holder, std::string_view low, std::string_view high,
                 PixelBudget& out) {
  if (const auto pixels = holder.integer(low, 1, kMaxPixelBudget)) {
    out.min_pixels = pixels;
  }
  if (const auto pixels = holder.integer(high, 1, kMaxPixelBudget)) {
    out.max_pixels = pixels;
  }
  if (out.min_pixels && out.max_pixels && *out.min_pixels > *out.max_pixels) {
    holder.problem().add(holder.path(low),
                         fmt::format("{} is {}, which is more than {} = {}", holder.path(low),
                                     *out.min_pixels, high, *out.max_pixels),
                         "invalid_value");
  }
}

void take_detail(const Fields& holder, const ParseLimits& limits, PixelBudget& out) {
  const std::string detail = holder.string_or("detail", "auto");
  if (detail == "low") {
    out.max_pixels = limits.low_detail_pixels;
    if (out.min_pixels && *out.min_pixels > *out.max_pixels) {
      out.min_pixels.reset();
    }
  } else if (detail == "high") {
    if (limits.high_detail_pixels > 0) {
      out.max_pixels = limits.high_detail_pixels;
    }
  } else if (detail != "auto") {
    holder.problem().add(holder.path("detail"),
                         fmt::format("{} is \"{}\", low, high or auto is needed",
                                     holder.path("detail"), detail.substr(0, 32)),
                         "invalid_value");
  }
}

}  // namespace

ProcessorKwargs parse_processor_kwargs(const Fields& body) {
  ProcessorKwargs out;
  PixelBudget& budget = out.pixels;
  const Json* kwargs = body.object("mm_processor_kwargs");
  if (kwargs == nullptr) {
    return out;
  }
  const Fields fields(*kwargs, "mm_processor_kwargs", body.problem());
  // do_sample_frames has no effect: frames are taken as they are sent.
  fields.only({"min_pixels", "max_pixels", "size", "fps", "do_sample_frames"});
  (void)fields.boolean("do_sample_frames");
  if (const Json* fps = fields.find("fps")) {
    out.fps = number_of(*fps, fields.path("fps"), kMinFps, kMaxFps, body.problem());
  }
  take_budget(fields, "min_pixels", "max_pixels", budget);
  if (const Json* size = fields.object("size")) {
    // The processor calls pixel counts edges.
    const Fields edges(*size, "mm_processor_kwargs.size", body.problem());
    edges.only({"shortest_edge", "longest_edge"});
    take_budget(edges, "shortest_edge", "longest_edge", budget);
  }
  return out;
}

void parse_image(const Fields& part, std::string_view key, const PixelBudget& budget,
                 const ParseLimits& limits, std::vector<EncodedImage>& out) {
  Problem& problem = part.problem();
  if (out.size() == limits.max_images) {
    problem.add(part.path(key),
                fmt::format("{} is picture {}, the limit is {}", part.path(key), out.size() + 1,
                            limits.max_images),
                "too_many_images");
    return;
  }
  const Json* value = part.find(key);
  if (value == nullptr) {
    problem.add(part.path(key), fmt::format("{} is missing", part.path(key)),
                "missing_required_parameter");
    return;
  }
  PixelBudget own = budget;
  take_detail(part, limits, own);
  take_budget(part, "min_pixels", "max_pixels", own);
  std::string path = part.path(key);
  const std::string* url = value->string();
  if (url == nullptr) {
    const Fields fields(*value, path, problem);
    take_detail(fields, limits, own);
    take_budget(fields, "min_pixels", "max_pixels", own);
    path = fields.path("url");
    url = fields.string("url");
    if (url == nullptr) {
      problem.add(path, fmt::format("{} is missing", path), "missing_required_parameter");
      return;
    }
  }
  auto bytes = decode_data_uri(*url, path, limits.max_image_bytes, problem);
  if (bytes) {
    out.push_back({std::move(*bytes), std::move(path), own.min_pixels, own.max_pixels});
  }
}

}  // namespace monocle::api
