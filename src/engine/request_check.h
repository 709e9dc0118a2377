// SPDX-License-Identifier: Apache-2.0
// The engine's own look at a request, whoever built it: a wrong id, span or number must not reach a
// kernel.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "monocle/request.h"

namespace monocle {

struct RequestBounds {
  std::int64_t vocab = 0;    // ids are in [0, vocab)
  std::int64_t patches = 0;  // largest planned picture
  std::int32_t merge = 2;
};

Status check_request(const Request& request, const RequestBounds& bounds);

}  // namespace monocle
