// SPDX-License-Identifier: Apache-2.0
#include "api/errors.h"

#include "api/sse.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

using test::json_of;

TEST(Item03, WrongKeyIs401WithTheFourKeys) {
  const ApiError error = invalid_api_key();
  EXPECT_EQ(error.status, 401);
  const auto json = json_of(format_error(error));
  ASSERT_EQ(json.size(), 1U);
  const auto& inner = json["error"];
  EXPECT_EQ(inner["type"], "invalid_request_error");
  EXPECT_TRUE(inner["param"].is_null());
  EXPECT_EQ(inner["code"], "invalid_api_key");
  const std::string message = inner["message"];
  EXPECT_TRUE(message.starts_with("Incorrect API key provided")) << message;  // what litellm reads
}

TEST(Item04, EveryErrorHasExactlyTheFourKeys) {
  for (const ApiError& error :
       {bad_request("messages[2].content[0].image_url.url", "text"), invalid_api_key(),
        model_not_found("x"), context_length_exceeded(10, 20, 0), queue_full("full", 500),
        unavailable("stopping", 500), too_large("", "big"), internal_error(),
        unknown_route("GET", "/x"), method_not_allowed("PUT", "/v1/models"),
        from_status(408, "slow"), ApiError{}}) {
    const auto json = json_of(format_error(error))["error"];
    EXPECT_EQ(json.size(), 4U);
    for (const char* key : {"message", "type", "param", "code"}) {
      EXPECT_TRUE(json.contains(key)) << key;
    }
  }
  EXPECT_EQ(json_of(format_error(bad_request("a[0].b", "m")))["error"]["param"], "a[0].b");
}

TEST(Item05, StatusOfEachErrorCode) {
  const std::pair<ErrorCode, int> table[] = {
      {ErrorCode::kInvalidArgument, 400}, {ErrorCode::kNotFound, 404},
      {ErrorCode::kTooLarge, 413},        {ErrorCode::kUnsupported, 400},
      {ErrorCode::kQueueFull, 429},       {ErrorCode::kCancelled, 499},
      {ErrorCode::kUnavailable, 503},     {ErrorCode::kInternal, 500}};
  for (const auto& [code, status] : table) {
    const ApiError error = from_error(Error{code, "what happened"}, "field");
    EXPECT_EQ(error.status, status) << error_code_name(code);
    EXPECT_EQ(error.param, "field");
    EXPECT_EQ(error.retry_after_ms.has_value(), status == 429 || status == 503);
    EXPECT_EQ(error.type, status >= 500   ? "server_error"
                          : status == 429 ? "rate_limit_error"
                                          : "invalid_request_error");
  }
  // What went wrong inside is for the log.
  EXPECT_EQ(from_error(Error{ErrorCode::kInternal, "pointer 0x7f"}).message.find("0x7f"),
            std::string::npos);
  EXPECT_EQ(model_not_found("gpt-4").status, 404);
  EXPECT_EQ(model_not_found("gpt-4").code, "model_not_found");
}

TEST(Item06, ContextLengthInTheWordsClientsLookFor) {
  const ApiError open = context_length_exceeded(4096, 5000, 0);
  EXPECT_EQ(open.status, 400);
  EXPECT_EQ(open.code, "context_length_exceeded");
  EXPECT_NE(open.message.find("maximum context length is 4096 tokens"), std::string::npos);
  EXPECT_NE(open.message.find("you requested 5000 tokens"), std::string::npos);
  const ApiError both = context_length_exceeded(4096, 4000, 200);
  EXPECT_NE(both.message.find("you requested 4200 tokens (4000 in the messages, 200 in the "
                              "completion)"),
            std::string::npos);
}

TEST(Item51, SseFrames) {
  EXPECT_EQ(sse_event("{}"), "data: {}\n\n");
  EXPECT_EQ(sse_event("response.created", "{}"), "event: response.created\ndata: {}\n\n");
  EXPECT_EQ(sse_done(), "data: [DONE]\n\n");
  EXPECT_EQ(sse_ping(), ": ping\n\n");
  // An error's text may hold anything, the frame stays one line.
  const std::string framed = sse_error(bad_request("", "a\nb\r\n\ndata: x"));
  EXPECT_EQ(framed.find('\n'), framed.size() - 2);
  EXPECT_EQ(framed.find('\r'), std::string::npos);
}

}  // namespace
}  // namespace monocle::api
