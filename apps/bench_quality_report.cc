// SPDX-License-Identifier: Apache-2.0
#include "bench_quality_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/base64.h"
#include "bench_quality_style.h"
#include "media/decode.h"
#include "media/encode_jpeg.h"
#include "media/resize.h"
#include "read_file.h"

namespace monocle::app {
namespace {

using score::Case;
using score::Mean;

constexpr int kPictureSide = 400;
constexpr int kPictureQuality = 72;
constexpr std::size_t kFirstCases = 4;
constexpr std::size_t kWorstCases = 8;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string percent(const Mean& mean) {
  return fmt::format("{:.1f} <span class=\"soft\">({:.1f} to {:.1f})</span>", mean.value * 100,
                     mean.low * 100, mean.high * 100);
}

std::string bar(const Mean& mean) {
  return fmt::format(
      R"(<div class="bar"><i style="width:{:.1f}%"></i><b style="left:{:.1f}%;width:{:.1f}%"></b></div>)",
      mean.value * 100, mean.low * 100, std::max(0.0, mean.high - mean.low) * 100);
}

// A small copy of a picture as a data URL. Text must stay legible, so nothing is enlarged.
Result<std::string> thumbnail(const std::string& path) {
  const DecodeOptions decode;
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, decode.limits.max_file_bytes));
  auto image = decode_image(bytes, decode);
  if (!image) {
    return prefixed(path, std::move(image).error());
  }
  const int longest = std::max(image->width, image->height);
  if (longest > kPictureSide) {
    const auto shrunk = [&](int side) { return std::max(1, side * kPictureSide / longest); };
    *image = resize_bicubic(*image, {shrunk(image->width), shrunk(image->height)},
                            ResizeForm::kPillow, nullptr);
  }
  return "data:image/jpeg;base64," + api::encode_base64(encode_jpeg(*image, kPictureQuality));
}

void append_about(const QualityRun& run, std::string& out) {
  out += "<h1>How right the answers are</h1>\n<p class=\"soft\">";
  bool first = true;
  for (const auto& [name, value] : run.about.items()) {
    out += fmt::format("{}{} {}", first ? "" : " · ", escaped(name),
                       escaped(value.is_string() ? value.get<std::string>() : value.dump()));
    first = false;
  }
  out += fmt::format("</p>\n<p>{}: {}</p>\n", escaped(run.cases.set.name),
                     escaped(run.cases.set.note));
  out +=
      "<p class=\"soft\">Q is the task's raw measure in percent, with its 95 % bootstrap interval "
      "over cases. S is 1 + 4 Q per case, on the scale people score on; the rubric is S as a "
      "person could give it. Splits and tasks are never averaged with each other.</p>\n";
}

void append_overview(const std::vector<QualityGroup>& groups, const QualityRun& run,
                     const EarlierRun* earlier, std::string& out) {
  out +=
      "<div class=\"wide\"><table><tr><th>split</th><th>task</th><th>answers</th>"
      "<th class=\"number\">cases</th><th></th><th>Q</th><th class=\"number\">S</th>"
      "<th class=\"number\">rubric</th>";
  out += earlier == nullptr ? ""
                            : "<th class=\"number\">tokens agree</th><th class=\"number\">S "
                              "against the other run</th>";
  out += "</tr>\n";
  for (const QualityGroup& group : groups) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td>",
                       escaped(group.split), score::task_name(group.task), group.mode,
                       group.summary.cases);
    if (!group.refusal.empty()) {
      out += fmt::format("<td colspan=\"4\" class=\"soft\">not runnable here: {}</td></tr>\n",
                         escaped(group.refusal));
      continue;
    }
    out += fmt::format(
        "<td>{}</td><td>{}</td><td class=\"number\">{:.2f}</td><td class=\"number\">{:.2f}</td>",
        bar(group.summary.quality), percent(group.summary.quality), group.summary.points.value,
        group.summary.rubric.value);
    if (earlier != nullptr) {
      const Agreement agreement = compare(run, group, *earlier);
      out += fmt::format("<td class=\"number\">{:.2f} %</td><td class=\"number\">{:+.3f}</td>",
                         agreement.tokens * 100, agreement.difference);
    }
    out += "</tr>\n";
  }
  out += "</table></div>\n";
}

void append_metrics(const QualityGroup& group, std::string& out) {
  out +=
      "<div class=\"wide\"><table><tr><th>measure</th><th class=\"number\">mean</th><th "
      "class=\"number\">95 % interval</th><th class=\"number\">counted over</th></tr>\n";
  for (const auto& [name, mean] : group.summary.metrics) {
    out += fmt::format(
        "<tr><td>{}</td><td class=\"number\">{:.3f}</td><td class=\"number\">{:.3f} to {:.3f}</td>"
        "<td class=\"number\">{:.0f}</td></tr>\n",
        escaped(name), mean.value, mean.low, mean.high, mean.count);
  }
  out += "</table></div>\n";
}

Status append_card(const QualityRun& run, std::size_t place, const QualityAnswer& answer,
                   std::string& out) {
  const Case& one = run.cases.set.cases[place];
  MONOCLE_ASSIGN(const std::string picture, thumbnail(run.cases.folder + "/" + one.images.front()));
  const bool right = answer.score.quality >= 1;
  const std::string shown = answer.error.empty() ? answer.text : "no answer: " + answer.error;
  out += fmt::format(
      "<article{}><img alt=\"{}\" src=\"{}\"><dl><dt>{} · {} · Q {:.2f}</dt><dd>{}</dd>"
      "<dt>answer</dt><dd class=\"answer\">{}</dd>",
      right ? " class=\"right\"" : "", escaped(one.id), picture, escaped(one.id), escaped(one.kind),
      answer.score.quality, escaped(one.question), escaped(shown));
  if (!right && !one.answers.empty()) {
    out += fmt::format("<dt>expected</dt><dd>{}</dd>", escaped(one.answers.front()));
  }
  out += "</dl></article>\n";
  return {};
}

Status append_cards(const QualityRun& run, const QualityMode& mode, const char* title,
                    std::span<const std::size_t> places, std::string& out) {
  if (places.empty()) {
    return {};
  }
  out += fmt::format("<h3>{}</h3>\n<div class=\"cards\">\n", title);
  for (const std::size_t place : places) {
    MONOCLE_TRY(append_card(run, place, mode.answers[place].front(), out));
  }
  out += "</div>\n";
  return {};
}

// Wrong answers only, the worst first; equals in the order of the set.
std::vector<std::size_t> worst(const QualityMode& mode, std::span<const std::size_t> places) {
  std::vector<std::size_t> found;
  for (const std::size_t place : places) {
    if (mode.answers[place].front().score.quality < 1) {
      found.push_back(place);
    }
  }
  std::ranges::stable_sort(
      found, {}, [&](std::size_t place) { return mode.answers[place].front().score.quality; });
  found.resize(std::min(found.size(), kWorstCases));
  return found;
}

}  // namespace

Result<std::string> quality_report(const QualityRun& run, const EarlierRun* earlier) {
  const std::vector<QualityGroup> groups = group_run(run);
  std::string out = kReportHead;
  append_about(run, out);
  append_overview(groups, run, earlier, out);
  for (const QualityGroup& group : groups) {
    out += fmt::format("<h2>{} · {} · {}</h2>\n", escaped(group.split),
                       score::task_name(group.task), group.mode);
    if (!group.refusal.empty()) {
      out += fmt::format("<p>Not runnable here: {}</p>\n", escaped(group.refusal));
      continue;
    }
    append_metrics(group, out);
    const auto mode = std::ranges::find(run.modes, group.mode, &QualityMode::name);
    const std::span<const std::size_t> places(group.cases);
    const auto first = places.first(std::min(places.size(), kFirstCases));
    MONOCLE_TRY(append_cards(run, *mode, "The first, as they came", first, out));
    const auto rest = worst(*mode, places.subspan(first.size()));
    MONOCLE_TRY(append_cards(run, *mode, "The worst of the others", rest, out));
  }
  out += "<footer>Written by monocle bench quality.</footer>\n</main>\n</body>\n</html>\n";
  return out;
}

}  // namespace monocle::app
