// SPDX-License-Identifier: Apache-2.0
// One reply on its way: token events of its choices in, bytes to the client out. Launched on an
// HTTP worker; from then on driven by the reply thread alone, except for gone() and drained(),
// which only ask the engine to cancel, pause or go on. Ends exactly once: with a complete reply, an
// error, or a client that left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/metrics.h"
#include "api/tool_stream.h"
#include "api/types.h"
#include "engine/engine_pool.h"
#include "http/server.h"
#include "monocle/event.h"
#include "service/loop_guard.h"
#include "service/reply_thread.h"
#include "service/reply_writer.h"
#include "service/speed.h"
#include "text/bpe.h"
#include "text/stream_decoder.h"

namespace monocle::service {

// What every answer works with; outlives all of them.
struct AnswerTools {
  EnginePool& engines;
  ReplyThread& replies;
  const Tokenizer& tokenizer;
  api::ServerMetrics& metrics;
  Speed& speed;
  std::size_t send_bytes;  // queue to the client above which its choices pause
};

struct AnswerPlan {
  std::unique_ptr<ReplyWriter> writer;
  std::vector<Request> requests;  // one per choice, the choices of a prompt side by side
  std::int32_t choices_per_prompt = 1;
  std::vector<std::string> prefixes;  // text each choice begins with (echo); empty = none
  StreamOptions decode;
  bool stream = false;
  bool include_stop = false;
  bool logprobs = false;
  bool tools = false;       // look for tool calls in the text
  bool loop_guard = false;  // the answer follows a grammar
  double upload_ms = 0;
  double media_ms = 0;
  std::int64_t video_tokens = 0;    // of the prompt
  std::vector<HttpHeader> headers;  // of the reply
  std::chrono::steady_clock::time_point received;
};

class Answer final : public Reply, public std::enable_shared_from_this<Answer> {
 public:
  Answer(AnswerTools tools, std::shared_ptr<HttpExchange> exchange, AnswerPlan plan);

  // Submits every choice. An error means that nothing was sent and nothing runs: the caller
  // replies.
  static api::ApiResult<void> launch(AnswerTools tools, std::shared_ptr<HttpExchange> exchange,
                                     AnswerPlan plan);

  // Reply thread.
  void on_event(std::int32_t index, TokenEvent&& event) override;
  void flush() override { exchange_->flush(); }
  void ping() override;

 private:
  struct Part {
    explicit Part(StreamDecoder made) : decoder(std::move(made)) {}
    RequestId id = 0;
    StreamDecoder decoder;
    api::ToolStream tools;
    LoopGuard guard;
    api::Choice choice;
    std::vector<api::TokenLogprob> waiting;  // of tokens whose text is not out yet
    bool stopped = false;                    // by a stop string or the guard; the engine is told
    bool done = false;
    const char* reason = nullptr;  // ours, where it goes before the engine's
    RequestUsage usage;
    RequestTiming timing;
    std::chrono::steady_clock::time_point last_token;
  };

  api::ApiResult<void> submit_all();
  void open_stream();
  void take_token(Part& part, const TokenEvent& event);
  void take_text(Part& part, const std::string& piece, bool last);
  void take_tool_events(Part& part, const std::vector<api::ToolEvent>& events);
  void emit_text(Part& part, std::string_view piece);
  void stop_choice(Part& part, const char* reason);
  void end_choice(Part& part, const TokenEvent& event);
  void note_token_time(Part& part);
  void complete();
  void fail(const std::string& message);
  void send(std::string bytes);
  void cancel_all();
  void gone();
  void drained();
  [[nodiscard]] api::Usage usage() const;
  [[nodiscard]] api::Timing timing() const;
  void count_request(const Part& part, const TokenEvent& event);

  AnswerTools tools_;
  std::shared_ptr<HttpExchange> exchange_;
  AnswerPlan plan_;
  std::mutex mutex_;  // held while launching and by the reply thread's calls
  std::vector<Part> parts_;
  std::int32_t open_ = 0;  // choices that have not ended
  bool over_ = false;      // the reply is complete, or will never be
  bool quiet_ = true;      // nothing was sent since the last ping
  std::atomic<bool> paused_{false};
  std::vector<RequestId> ids_;  // fixed once launched; read by gone() and drained()
};

}  // namespace monocle::service
