// SPDX-License-Identifier: Apache-2.0
// Refusals as the OpenAI clients understand them: status, code string and the JSON path of the
// field. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/types.h"
#include "base/result.h"

namespace monocle::api {

// ErrorCode -> status and code string. kInternal keeps its message out of the reply.
ApiError from_error(const Error& error, std::string param = "");

ApiError bad_request(std::string param, std::string message, std::string code = "");
ApiError invalid_api_key();
ApiError model_not_found(std::string_view model);
// `completion_tokens`: what the request asked for, 0 when it left that open.
ApiError context_length_exceeded(std::int64_t limit, std::int64_t prompt_tokens,
                                 std::int64_t completion_tokens);
ApiError queue_full(std::string message, int retry_after_ms);
ApiError unavailable(std::string message, int retry_after_ms);
ApiError too_large(std::string param, std::string message);
ApiError internal_error();
ApiError generation_failed(std::string message);
ApiError unknown_route(std::string_view method, std::string_view path);
ApiError method_not_allowed(std::string_view method, std::string_view path);
// For what the HTTP server itself finds (408, 411, 413, 415, 431 ...).
ApiError from_status(int status, std::string_view message);

// {"error":{"message","type","param","code"}}, always with the four keys.
std::string format_error(const ApiError& error);

}  // namespace monocle::api
