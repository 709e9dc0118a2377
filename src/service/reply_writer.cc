// SPDX-License-Identifier: Apache-2.0
#include "service/reply_writer.h"

#include <string>
#include <utility>

#include "api/chat_format.h"
#include "api/completion_format.h"
#include "api/ids.h"
#include "api/responses_format.h"
#include "api/sse.h"

namespace monocle::service {
namespace {

// What chat and completions have in common: Chunks makes the JSON, this puts it into frames.
template <class Chunks>
class ChunkWriter : public ReplyWriter {
 public:
  ChunkWriter(api::ReplyHead head, api::StreamSettings settings)
      : head_(head), settings_(settings), chunks_(std::move(head), settings) {}

  std::string text(std::int32_t index, std::string_view piece,
                   std::span<const api::TokenLogprob> logprobs) override {
    return api::sse_event(chunks_.text(index, piece, logprobs));
  }
  std::string finish(std::int32_t index, std::string_view reason) override {
    return api::sse_event(chunks_.finish(index, reason));
  }
  std::string end(const api::Usage& usage, const api::Timing& timing) override {
    const std::string last =
        settings_.include_usage ? api::sse_event(chunks_.usage(usage, timing)) : std::string();
    return last + api::sse_done();
  }
  std::string error(const api::ApiError& error) override {
    return api::sse_error(error) + api::sse_done();
  }
  void count(const api::Usage& so_far) override { chunks_.count(so_far); }

 protected:
  api::ReplyHead head_;
  api::StreamSettings settings_;
  Chunks chunks_;
};

class ChatWriter final : public ChunkWriter<api::ChatChunks> {
 public:
  using ChunkWriter::ChunkWriter;

  std::string begin(std::int32_t choices) override {
    std::string bytes;
    for (std::int32_t index = 0; index < choices; ++index) {
      bytes += api::sse_event(chunks_.role(index));
    }
    return bytes;
  }
  std::string call_begin(std::int32_t index, std::int32_t call, std::string_view name) override {
    return api::sse_event(
        chunks_.tool_call_begin(index, call, api::call_id(head_.id, index, call), name));
  }
  std::string call_arguments(std::int32_t index, std::int32_t call,
                             std::string_view piece) override {
    return api::sse_event(chunks_.tool_call_arguments(index, call, piece));
  }
  std::string whole(std::span<const api::Choice> choices, const api::Usage& usage,
                    const api::Timing& timing) override {
    return api::format_chat(head_, choices, usage, timing);
  }
};

class CompletionWriter final : public ChunkWriter<api::CompletionChunks> {
 public:
  using ChunkWriter::ChunkWriter;

  std::string begin(std::int32_t /*choices*/) override { return {}; }
  std::string call_begin(std::int32_t, std::int32_t, std::string_view) override { return {}; }
  std::string call_arguments(std::int32_t, std::int32_t, std::string_view) override { return {}; }
  std::string whole(std::span<const api::Choice> choices, const api::Usage& usage,
                    const api::Timing& timing) override {
    return api::format_completion(head_, choices, usage, timing);
  }
};

// One answer, and no [DONE]: the last event says it.
class ResponsesWriter final : public ReplyWriter {
 public:
  ResponsesWriter(api::ReplyHead head, api::ResponsesEcho echo)
      : head_(head), echo_(echo), stream_(std::move(head), std::move(echo)) {}

  std::string begin(std::int32_t /*choices*/) override { return stream_.begin(); }
  std::string text(std::int32_t /*index*/, std::string_view piece,
                   std::span<const api::TokenLogprob> logprobs) override {
    return stream_.text(piece, logprobs);
  }
  std::string call_begin(std::int32_t index, std::int32_t call, std::string_view name) override {
    return stream_.tool_call_begin(api::call_id(head_.id, index, call), name);
  }
  std::string call_arguments(std::int32_t /*index*/, std::int32_t /*call*/,
                             std::string_view piece) override {
    return stream_.tool_call_arguments(piece);
  }
  // The stream's last event needs usage and timing: it waits for end().
  std::string finish(std::int32_t /*index*/, std::string_view reason) override {
    reason_ = reason;
    return {};
  }
  std::string end(const api::Usage& usage, const api::Timing& timing) override {
    return stream_.finish(reason_, usage, timing);
  }
  std::string error(const api::ApiError& error) override { return stream_.fail(error); }
  std::string whole(std::span<const api::Choice> choices, const api::Usage& usage,
                    const api::Timing& timing) override {
    return api::format_response(head_, echo_, choices.front(), usage, timing);
  }

 private:
  api::ReplyHead head_;
  api::ResponsesEcho echo_;
  api::ResponsesStream stream_;
  std::string reason_ = "stop";
};

}  // namespace

std::unique_ptr<ReplyWriter> chat_writer(api::ReplyHead head, api::StreamSettings settings) {
  return std::make_unique<ChatWriter>(std::move(head), settings);
}
std::unique_ptr<ReplyWriter> completion_writer(api::ReplyHead head, api::StreamSettings settings) {
  return std::make_unique<CompletionWriter>(std::move(head), settings);
}
std::unique_ptr<ReplyWriter> responses_writer(api::ReplyHead head, api::ResponsesEcho echo) {
  return std::make_unique<ResponsesWriter>(std::move(head), std::move(echo));
}

}  // namespace monocle::service
