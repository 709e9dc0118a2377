// SPDX-License-Identifier: Apache-2.0
// Server-sent events as every client of the OpenAI API reads them: data lines and comments only (an
// event of `retry:` or `id:` alone breaks openai-python). JSON text never holds a line break.
#pragma once

#include <string>
#include <string_view>

#include "api/types.h"

namespace monocle::api {

std::string sse_event(std::string_view json);                         // data: {...}
std::string sse_event(std::string_view name, std::string_view json);  // event: name, data: {...}
std::string sse_done();                                               // data: [DONE]
std::string sse_ping();                                               // a comment
// A failure in the middle of a stream; send sse_done() behind it and close.
std::string sse_error(const ApiError& error);

}  // namespace monocle::api
