// SPDX-License-Identifier: Apache-2.0
#include "api/ids.h"

#include <fmt/format.h>

#include <random>
#include <span>

#include "base/hash.h"

namespace monocle::api {

std::string make_id(std::string_view prefix) {
  // The system's source itself, not a generator seeded from it: ids must not be guessable.
  thread_local std::random_device source;
  std::string id(prefix);
  for (int i = 0; i < 4; ++i) {
    id += fmt::format("{:08x}", source());
  }
  return id;
}

std::string call_id(std::string_view reply_id, std::int32_t choice, std::int32_t call) {
  const std::string text = fmt::format("{}/{}/{}", reply_id, choice, call);
  const Hash128 hash = hash128(std::as_bytes(std::span(text)));
  return fmt::format("call_{:016x}{:08x}", hash.low, hash.high & 0xffffffffU);
}

}  // namespace monocle::api
