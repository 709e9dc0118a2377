// SPDX-License-Identifier: Apache-2.0
#include "service/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "api/errors.h"
#include "api/ids.h"
#include "service/status.h"

namespace monocle::service {
namespace {

api::ParseLimits limits_for(const Served& served) {
  api::ParseLimits limits;
  limits.vocab_size = served.limits.vocab;
  return limits;
}

HttpHeader no_sniff() { return {"X-Content-Type-Options", "nosniff"}; }

// Answered before anything else (Service::immediate), also by the admin listener.
bool is_immediate_route(std::string_view route) {
  constexpr std::array<std::string_view, 5> kRoutes{"health", "ready", "ping", "live", "metrics"};
  return std::find(kRoutes.begin(), kRoutes.end(), route) != kRoutes.end();
}

}  // namespace

struct Service::Route {
  std::string_view name;
  std::string_view method;
  void (Service::*run)(const Exchange&);
};

Service::Service(Served served, GuardRules rules, EnginePool& engines,
                 const ServiceOptions& options)
    : served_(std::move(served)),
      guard_(std::move(rules)),
      engines_(engines),
      options_(options),
      parse_limits_(limits_for(served_)),
      grammars_(GrammarCompiler::create(*served_.tokenizer, served_.generation->eos_token_ids,
                                        served_.limits.vocab, {})),
      metrics_(served_.names.front(), served_.context_tokens()),
      replies_(options.ping_every) {}

Service::~Service() = default;

void Service::attach(HttpOptions& options) {
  options.limits.send_bytes = options_.send_bytes;
  options.body_limit = [this](const HttpRequest& head) {
    const std::string route = route_of(head.path);
    const bool large = route == "chat/completions" || route == "responses" || route == "estimate" ||
                       route == "tokenize" || route == "completions" || route == "embeddings";
    return large ? options_.chat_body_bytes : options_.other_body_bytes;
  };
  options.precheck = [this](const HttpRequest& head) -> std::optional<HttpReply> {
    const std::optional<api::ApiError> error = guard_.check(head);
    return error ? std::optional(refusal(*error, headers_for(head))) : std::nullopt;
  };
  options.immediate = [this](const HttpRequest& head) -> std::optional<HttpReply> {
    // Asked before precheck: /metrics wants a key too.
    std::optional<HttpReply> reply = immediate(head);
    const std::optional<api::ApiError> error = reply ? guard_.check(head) : std::nullopt;
    return error ? refusal(*error, headers_for(head)) : reply;
  };
  options.render_error = [this](int status, std::string_view message) {
    return refusal(api::from_status(status, message), {no_sniff()});
  };
}

std::optional<HttpReply> Service::immediate(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    return std::nullopt;
  }
  const std::string route = route_of(request.path);
  if (route == "health" || route == "ready" || route == "ping") {
    return health_reply(engines_.stats(), draining_);
  }
  if (route == "live") {
    return HttpReply{200, {{"Content-Type", "application/json"}}, R"({"status":"ok"})"};
  }
  if (route == "metrics") {
    return metrics_reply();
  }
  return std::nullopt;
}

std::optional<HttpReply> Service::admin(const HttpRequest& request) {
  std::optional<HttpReply> reply = immediate(request);
  if (reply) {
    return reply;
  }
  return is_immediate_route(route_of(request.path))
             ? other_method(request, "GET")
             : refusal(api::unknown_route(request.method, request.path), headers_for(request));
}

HttpReply Service::metrics_reply() const {
  const std::int64_t open = connections_ ? connections_() : 0;
  return {200,
          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
          metrics_.render(gauges(served_, engines_, open))};
}

void Service::handle(const Exchange& exchange) {
  static constexpr std::array kRoutes{
      Route{"chat/completions", "POST", &Service::chat},
      Route{"completions", "POST", &Service::completions},
      Route{"responses", "POST", &Service::responses},
      Route{"models", "GET", &Service::models},
      Route{"tokenize", "POST", &Service::tokenize},
      Route{"detokenize", "POST", &Service::detokenize},
      Route{"estimate", "POST", &Service::estimate},
      Route{"embeddings", "POST", &Service::embeddings},
      Route{"ui/status", "GET", &Service::status},
      Route{"load", "GET", &Service::status},
      Route{"version", "GET", &Service::version},
      Route{"openapi.json", "GET", &Service::openapi},
  };
  const HttpRequest& request = exchange->request();
  const std::string route = route_of(request.path);
  const std::string name = route.starts_with("models/") ? "models" : route;
  const auto* found = std::find_if(kRoutes.begin(), kRoutes.end(),
                                   [&](const Route& one) { return one.name == name; });
  const bool page = found == kRoutes.end() && is_page_route(route);
  if (found == kRoutes.end() && !page && !is_immediate_route(route)) {
    refuse(exchange, api::unknown_route(request.method, request.path));
    return;
  }
  const std::string_view method = found == kRoutes.end() ? "GET" : found->method;
  const bool fits = request.method == method || (method == "GET" && request.method == "HEAD");
  if (!fits || is_immediate_route(route)) {  // GET of the latter never comes as far as here
    exchange->reply(other_method(request, method));
    return;
  }
  if (page) {
    reply_page(exchange);
  } else if (method == "POST" && draining_) {
    refuse(exchange, api::unavailable("the server is shutting down", 5000));
  } else {
    (this->*found->run)(exchange);
  }
}

HttpReply Service::other_method(const HttpRequest& request, std::string_view method) {
  std::vector<HttpHeader> headers = headers_for(request);
  HttpReply reply =
      request.method == "OPTIONS"
          ? HttpReply{204, std::move(headers), {}}
          : refusal(api::method_not_allowed(request.method, request.path), std::move(headers));
  reply.headers.push_back({"Allow", method == "GET" ? "OPTIONS, GET, HEAD" : "OPTIONS, POST"});
  return reply;
}

std::vector<HttpHeader> Service::headers_for(const HttpRequest& request) const {
  std::vector<HttpHeader> headers = guard_.cors_headers(request);
  // A request's own id comes back, as long as it can stand in a header.
  const std::string_view given = request.header("x-request-id");
  const bool usable =
      !given.empty() && given.size() <= 128 &&
      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 127; });
  headers.push_back({"x-request-id", usable ? std::string(given) : api::make_id("req_")});
  headers.push_back({"openai-version", "2020-10-01"});
  headers.push_back(no_sniff());
  return headers;
}

HttpReply Service::refusal(const api::ApiError& error, std::vector<HttpHeader> headers) {
  count_refusal(error);
  headers.push_back({"Content-Type", "application/json"});
  if (error.retry_after_ms) {
    headers.push_back({"Retry-After", fmt::format("{}", (*error.retry_after_ms + 999) / 1000)});
    headers.push_back({"retry-after-ms", fmt::format("{}", *error.retry_after_ms)});
  }
  return {error.status, std::move(headers), api::format_error(error)};
}

void Service::refuse(const Exchange& exchange, const api::ApiError& error) {
  exchange->reply(refusal(error, headers_for(exchange->request())));
}

void Service::count_refusal(const api::ApiError& error) {
  api::Refusal reason = api::Refusal::kOther;
  if (error.code == "context_length_exceeded") {
    reason = api::Refusal::kTooLong;
  } else if (error.code == "invalid_grammar") {
    reason = api::Refusal::kGrammar;
  } else if (error.param.find("image") != std::string::npos) {
    reason = api::Refusal::kMedia;
  } else {
    switch (error.status) {
      case 400:
        reason = api::Refusal::kMalformed;
        break;
      case 401:
        reason = api::Refusal::kUnauthorized;
        break;
      case 404:
        reason = api::Refusal::kNotFound;
        break;
      case 413:
        reason = api::Refusal::kTooLarge;
        break;
      case 429:
        reason = api::Refusal::kQueueFull;
        break;
      default:
        break;
    }
  }
  metrics_.refused(reason);
}

void Service::reply_json(const Exchange& exchange, std::string body) {
  std::vector<HttpHeader> headers = headers_for(exchange->request());
  headers.push_back({"Content-Type", "application/json"});
  exchange->reply({200, std::move(headers), std::move(body)});
}

}  // namespace monocle::service
