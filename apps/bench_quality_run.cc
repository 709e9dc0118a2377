// SPDX-License-Identifier: Apache-2.0
#include "bench_quality_run.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base64.h"
#include "media/encode_jpeg.h"
#include "read_file.h"

namespace monocle::app {
namespace {

using Json = nlohmann::json;
using score::Case;

constexpr std::size_t kMostCasesBytes = std::size_t{256} << 20;
constexpr std::size_t kMostPictureBytes = std::size_t{64} << 20;
constexpr std::size_t kLongestError = 300;

Result<std::string> file_text(const std::string& path, std::size_t limit) {
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, limit));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

const char* media_type(std::string_view path) {
  return path.ends_with(".png")    ? "image/png"
         : path.ends_with(".webp") ? "image/webp"
         : path.ends_with(".bmp")  ? "image/bmp"
                                   : "image/jpeg";
}

std::string data_url(const char* type, std::string_view bytes) {
  return fmt::format("data:{};base64,{}", type, api::encode_base64(bytes));
}

std::string plain_picture(int width, int height) {
  Image image = make_image(width, height);
  std::ranges::fill(image.rgb, std::uint8_t{250});
  return encode_jpeg(image, 90);
}

// Whose pictures a case is asked with: its own, or under the shuffled control those of the case
// half a group further on.
std::vector<std::size_t> picture_owners(const std::vector<Case>& cases, Control control) {
  std::map<std::pair<std::string, score::Task>, std::vector<std::size_t>> groups;
  std::vector<std::size_t> owners(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    owners[i] = i;
    groups[{cases[i].split, cases[i].task}].push_back(i);
  }
  if (control == Control::kShuffled) {
    for (const auto& [key, members] : groups) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        owners[members[i]] = members[(i + (members.size() + 1) / 2) % members.size()];
      }
    }
  }
  return owners;
}

// Pictures as image parts; frames of a clip as one video part, in the form that servers take for
// frames cut beforehand; other servers than monocle do not look at their times.
Result<Json> picture_parts(const LoadedCases& cases, const Case& owner, Control control) {
  Json parts = Json::array();
  std::string frames;
  for (const std::string& path : owner.images) {
    std::string bytes;
    const char* type = media_type(path);
    if (control == Control::kBlank) {
      bytes = plain_picture(owner.width, owner.height);
      type = "image/jpeg";
    } else {
      MONOCLE_ASSIGN(bytes, file_text(cases.folder + "/" + path, kMostPictureBytes));
    }
    if (owner.times_s.empty()) {
      parts.push_back({{"type", "image_url"}, {"image_url", {{"url", data_url(type, bytes)}}}});
    } else {
      frames += (frames.empty() ? "" : ",") + api::encode_base64(bytes);
    }
  }
  if (!owner.times_s.empty()) {
    parts.push_back({{"type", "video_url"},
                     {"video_url", {{"url", "data:video/jpeg;base64," + frames}}},
                     {"timestamps", owner.times_s}});
  }
  return parts;
}

void read_tokens(const Json& choice, std::vector<std::string>& tokens) {
  const auto logprobs = choice.find("logprobs");
  if (logprobs == choice.end() || !logprobs->is_object() || !logprobs->contains("content") ||
      !(*logprobs)["content"].is_array()) {
    return;
  }
  for (const Json& token : (*logprobs)["content"]) {
    tokens.push_back(token.is_object() ? token.value("token", std::string()) : std::string());
  }
}

// The reply of a chat completion, or why there is none.
QualityAnswer read_reply(int status, const std::string& body) {
  QualityAnswer answer;
  const Json json = Json::parse(body, nullptr, false);
  if (status != 200) {
    const bool said = json.is_object() && json.contains("error") && json["error"].is_object();
    answer.error = said ? json["error"].value("message", body) : body;
    answer.error = fmt::format("status {}: {}", status, answer.error.substr(0, kLongestError));
    return answer;
  }
  const Json* choice = nullptr;
  if (json.is_object() && json.contains("choices") && json["choices"].is_array() &&
      !json["choices"].empty()) {
    choice = &json["choices"][0];
  }
  if (choice == nullptr || !choice->is_object() || !choice->contains("message") ||
      !(*choice)["message"].is_object()) {
    answer.error = "the reply has no choices[0].message";
    return answer;
  }
  const Json content = (*choice)["message"].value("content", Json());
  answer.text = content.is_string() ? content.get<std::string>() : std::string();
  const Json finish = choice->value("finish_reason", Json());
  answer.finish = finish.is_string() ? finish.get<std::string>() : std::string();
  read_tokens(*choice, answer.tokens);
  return answer;
}

class Asking {
 public:
  Asking(const ApiTarget& target, const LoadedCases& cases, const AskPlan& plan)
      : target_(target),
        cases_(cases),
        plan_(plan),
        owners_(picture_owners(cases.set.cases, plan.control)),
        answers_(cases.set.cases.size(), std::vector<QualityAnswer>(plan.seeds.size())) {
    progress_.all = cases.set.cases.size() * plan.seeds.size();
  }

  Result<std::vector<std::vector<QualityAnswer>>> run(
      const std::function<void(const AskProgress&)>& progress) {
    const auto most = static_cast<std::size_t>(plan_.concurrency);
    for (std::size_t next = 0; next < progress_.all; ++next) {
      wait_until([&](std::size_t done) { return next - done < most; }, progress);
      if (const Status sent = send(next); !sent) {
        wait_until([&](std::size_t done) { return done == next; }, progress);
        return tl::unexpected<Error>(sent.error());
      }
    }
    wait_until([&](std::size_t done) { return done == progress_.all; }, progress);
    progress(progress_);
    return std::move(answers_);
  }

 private:
  template <class Ready>
  void wait_until(Ready ready, const std::function<void(const AskProgress&)>& progress) {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, std::chrono::milliseconds(500),
                            [&] { return ready(progress_.done); })) {
        return;
      }
      const AskProgress now = progress_;
      lock.unlock();
      progress(now);
    }
  }

  // Seeds of one case one after the other, so that a server can keep its pictures.
  Status send(std::size_t index) {
    const std::size_t seeds = plan_.seeds.size();
    const std::size_t place = index / seeds;
    const Case& asked = cases_.set.cases[place];
    const Case& owner = cases_.set.cases[owners_[place]];
    MONOCLE_ASSIGN(Json content, picture_parts(cases_, owner, plan_.control));
    content.push_back({{"type", "text"}, {"text", asked.question}});
    Json body{{"model", plan_.model},
              {"messages", {{{"role", "user"}, {"content", std::move(content)}}}},
              {"max_tokens", asked.max_tokens},
              {"temperature", plan_.temperature},
              {"seed", plan_.seeds[index % seeds]}};
    if (plan_.tokens) {
      body["logprobs"] = true;
    }
    struct Reply {
      int status = 0;
      std::string body;
    };
    const auto reply = std::make_shared<Reply>();
    HttpAsk ask;
    ask.method = "POST";
    ask.target = target_.base + "/chat/completions";
    ask.headers = target_.headers;
    ask.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    ask.timeout = target_.timeout;
    HttpAskEvents events;
    events.on_head = [reply](int status) { reply->status = status; };
    events.on_body = [reply](std::string_view bytes) { reply->body += bytes; };
    events.on_end = [this, reply, place, seed = index % seeds](const Status& status) {
      QualityAnswer answer;
      if (status) {
        answer = read_reply(reply->status, reply->body);
      } else {
        answer.error = status.error().message;
      }
      take(place, seed, std::move(answer));
    };
    target_.client->send(std::move(ask), std::move(events));
    return {};
  }

  void take(std::size_t place, std::size_t seed, QualityAnswer answer) {
    answer.score = score::score_answer(cases_.set.cases[place], answer.text);
    const std::lock_guard lock(mutex_);
    const auto done = static_cast<double>(++progress_.done);
    progress_.errors += answer.error.empty() ? 0U : 1U;
    progress_.quality += (answer.score.quality - progress_.quality) / done;
    answers_[place][seed] = std::move(answer);
    changed_.notify_all();
  }

  const ApiTarget& target_;
  const LoadedCases& cases_;
  const AskPlan& plan_;
  const std::vector<std::size_t> owners_;
  std::mutex mutex_;
  std::condition_variable changed_;
  AskProgress progress_;
  std::vector<std::vector<QualityAnswer>> answers_;
};

}  // namespace

Result<std::vector<std::vector<QualityAnswer>>> ask_cases(
    const ApiTarget& target, const LoadedCases& cases, const AskPlan& plan,
    const std::function<void(const AskProgress&)>& progress) {
  Asking asking(target, cases, plan);
  return asking.run(progress);
}

Result<LoadedCases> load_cases(const std::string& folder) {
  const std::string path = folder + "/cases.json";
  MONOCLE_ASSIGN(const std::string text, file_text(path, kMostCasesBytes));
  auto set = score::parse_cases(text);
  if (!set) {
    return prefixed(path, std::move(set).error());
  }
  return LoadedCases{folder, std::move(*set)};
}

}  // namespace monocle::app
