// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "command.h"
#include "http/client.h"
#include "report.h"

namespace monocle::app {
namespace {

// What is kept of an answer: the first line of a foreign server is enough to recognise it.
constexpr std::size_t kBodyBytes = 4096;

struct Answer {
  int status = 0;
  std::string body;
};

Result<Answer> get_health(const HttpUrl& url, std::chrono::milliseconds timeout) {
  Answer answer;
  std::promise<Status> ended;
  HttpAsk ask;
  ask.target = url.path + "/health";
  ask.timeout = timeout;
  HttpAskEvents events;
  events.on_head = [&](int status) { answer.status = status; };
  events.on_body = [&](std::string_view bytes) {
    answer.body += bytes.substr(0, kBodyBytes - std::min(kBodyBytes, answer.body.size()));
  };
  events.on_end = [&](Status status) { ended.set_value(std::move(status)); };
  // Last, so that its thread is gone before what the events write to.
  MONOCLE_ASSIGN(const std::unique_ptr<HttpClient> client, HttpClient::make(url));
  client->send(std::move(ask), std::move(events));
  MONOCLE_TRY(ended.get_future().get());
  return answer;
}

int run_healthcheck(const std::string& text, int timeout_s) {
  const auto url = parse_http_url(text);
  if (!url) {
    return report(url.error());
  }
  const auto answer = get_health(*url, std::chrono::seconds(timeout_s));
  if (!answer) {
    fmt::print("not healthy: {} does not answer: {}\n", text, answer.error().message);
    return kExitFailure;
  }
  if (answer->status != 200) {
    fmt::print("not healthy: {}/health answered {}: {}\n", text, answer->status, answer->body);
    return kExitFailure;
  }
  fmt::print("healthy: {}\n", text);
  return 0;
}

}  // namespace

Action add_healthcheck(Flags& app) {
  struct Options {
    std::string url = "http://127.0.0.1:7860";
    int timeout_s = 3;
  };
  auto options = std::make_shared<Options>();
  app.add_option("--url", options->url, "The server, or its --admin listener")
      .capture_default_str();
  app.add_option("--timeout", options->timeout_s, "Seconds for the whole request")
      .capture_default_str()
      .range(1, 600);
  app.footer("Exit code 0: the server answers and takes requests. 1: it does not. 2: bad input.");
  return [options] { return run_healthcheck(options->url, options->timeout_s); };
}

}  // namespace monocle::app
