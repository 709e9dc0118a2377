// SPDX-License-Identifier: Apache-2.0
#include "api/sse.h"

#include "api/errors.h"

namespace monocle::api {

std::string sse_event(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 8);
  out += "data: ";
  out += json;
  out += "\n\n";
  return out;
}

std::string sse_event(std::string_view name, std::string_view json) {
  std::string out = "event: ";
  out += name;
  out += '\n';
  return out + sse_event(json);
}

std::string sse_done() { return "data: [DONE]\n\n"; }

std::string sse_ping() { return ": ping\n\n"; }

std::string sse_error(const ApiError& error) { return sse_event(format_error(error)); }

}  // namespace monocle::api
