// SPDX-License-Identifier: Apache-2.0
// The embeddings of one request: few inputs at a time in the engine, so that a batch of thousands
// neither fills the queue nor holds up the answers of others. Launched on an HTTP worker; from then
// on driven by the reply thread alone, except for gone(), which only asks the engine to cancel.
// Ends exactly once: with a complete reply, an error, or a client that left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "api/embedding_format.h"
#include "api/types.h"
#include "http/server.h"
#include "monocle/event.h"
#include "monocle/request.h"
#include "service/answer.h"
#include "service/reply_thread.h"

namespace monocle::service {

struct EmbeddingPlan {
  std::vector<Request> requests;  // one per input
  api::EmbeddingForm form;
  double upload_ms = 0;
  double media_ms = 0;
  std::int64_t video_tokens = 0;
  std::vector<HttpHeader> headers;  // of the reply
  std::chrono::steady_clock::time_point received;
};

class EmbeddingAnswer final : public Reply, public std::enable_shared_from_this<EmbeddingAnswer> {
 public:
  EmbeddingAnswer(AnswerTools tools, std::shared_ptr<HttpExchange> exchange, EmbeddingPlan plan);

  // Submits the first inputs. An error means that nothing was sent and nothing runs: the caller
  // replies.
  static api::ApiResult<void> launch(AnswerTools tools, std::shared_ptr<HttpExchange> exchange,
                                     EmbeddingPlan plan);

  // Reply thread.
  void on_event(std::int32_t index, TokenEvent&& event) override;
  void flush() override {}
  void ping() override {}  // not a stream

 private:
  Status submit_next();
  void keep(std::size_t index, const TokenEvent& event);
  void go_on();
  void complete();
  void fail(const api::ApiError& error);
  void gone();
  void count(const TokenEvent& event);

  AnswerTools tools_;
  std::shared_ptr<HttpExchange> exchange_;
  EmbeddingPlan plan_;
  std::mutex mutex_;  // held while launching and by the reply thread's calls and gone()
  std::vector<std::vector<float>> embeddings_;
  std::vector<RequestId> ids_;  // of what was submitted, in the order of the inputs
  std::size_t open_ = 0;        // submitted and not ended
  bool over_ = false;           // the reply is complete, or will never be
  api::Usage usage_;
};

}  // namespace monocle::service
