// SPDX-License-Identifier: Apache-2.0
// The server's routes. Made by whoever puts a program together: it takes the engine, and gives the
// HTTP server its hooks. Handlers run on HTTP workers; see README.md for the threads.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/metrics.h"
#include "api/parse_limits.h"
#include "engine/engine_pool.h"
#include "grammar/compiler.h"
#include "http/server.h"
#include "service/answer.h"
#include "service/embedding_answer.h"
#include "service/guard.h"
#include "service/prepare.h"
#include "service/reply_thread.h"
#include "service/served.h"
#include "service/speed.h"

namespace monocle::service {

struct ServiceOptions {
  std::size_t chat_body_bytes = std::size_t{64} << 20;
  std::size_t other_body_bytes = std::size_t{1} << 20;
  std::size_t send_bytes = std::size_t{256} << 10;
  std::chrono::milliseconds ping_every{15'000};
};

class Service {
 public:
  // The engines, and what `served` points to, outlive the service.
  Service(Served served, GuardRules rules, EnginePool& engines, const ServiceOptions& options);
  ~Service();

  // Fills in the hooks of an HTTP server.
  void attach(HttpOptions& options);
  // A worker's work: answers, or hands over to the engine.
  void handle(const std::shared_ptr<HttpExchange>& exchange);
  // What an admin listener answers: health and metrics, without keys.
  std::optional<HttpReply> admin(const HttpRequest& request);

  // From the next request on. Only where there were keys before.
  void replace_keys(api::ApiKeys keys) { guard_.replace_keys(std::move(keys)); }
  // New requests are refused with 503 from now on.
  void drain() { draining_ = true; }
  void count_connections(std::function<std::int64_t()> source) { connections_ = std::move(source); }

 private:
  struct Route;
  using Exchange = std::shared_ptr<HttpExchange>;

  std::optional<HttpReply> immediate(const HttpRequest& request);
  HttpReply metrics_reply() const;
  // Counts a refusal and gives it its form, behind these headers.
  HttpReply refusal(const api::ApiError& error, std::vector<HttpHeader> headers);
  // To a method that is not the route's own: OPTIONS gets the list, others a refusal.
  HttpReply other_method(const HttpRequest& request, std::string_view method);
  void refuse(const Exchange& exchange, const api::ApiError& error);
  void reply_json(const Exchange& exchange, std::string body);
  void reply_page(const Exchange& exchange);
  [[nodiscard]] std::vector<HttpHeader> headers_for(const HttpRequest& request) const;
  [[nodiscard]] api::ApiResult<void> check_model(const std::string& name) const;

  void chat(const Exchange& exchange);
  void completions(const Exchange& exchange);
  void responses(const Exchange& exchange);
  void models(const Exchange& exchange);
  void tokenize(const Exchange& exchange);
  void detokenize(const Exchange& exchange);
  void estimate(const Exchange& exchange);
  void embeddings(const Exchange& exchange);
  void status(const Exchange& exchange);
  void version(const Exchange& exchange);
  void openapi(const Exchange& exchange);

  api::ApiResult<void> launch_chat(const Exchange& exchange, const api::ChatRequest& request,
                                   std::unique_ptr<ReplyWriter> writer);
  api::ApiResult<AnswerPlan> plan_completion(const HttpRequest& http,
                                             const api::CompletionRequest& request);
  api::ApiResult<EmbeddingPlan> plan_embeddings(const HttpRequest& http,
                                                const api::EmbeddingRequest& request) const;
  [[nodiscard]] AnswerPlan plan_for(const HttpRequest& http, const api::Generation& generation,
                                    const api::StreamSettings& stream) const;
  void add_choices(AnswerPlan& plan, Request request, const api::Generation& generation,
                   const HttpRequest& http) const;
  // model: as the request named it.
  [[nodiscard]] api::ReplyHead head(const char* prefix, const std::string& model) const;
  AnswerTools tools();
  void count_refusal(const api::ApiError& error);

  Served served_;
  Guard guard_;
  EnginePool& engines_;
  ServiceOptions options_;
  api::ParseLimits parse_limits_;
  std::unique_ptr<GrammarCompiler> grammars_;
  api::ServerMetrics metrics_;
  Speed speed_;
  ReplyThread replies_;
  std::function<std::int64_t()> connections_;
  std::atomic<bool> draining_{false};
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace monocle::service
