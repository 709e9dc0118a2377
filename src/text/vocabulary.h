// SPDX-License-Identifier: Apache-2.0
// The base vocabulary: id -> bytes and bytes -> id, in one arena and one flat index. Filled by the
// loader, then read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/token.h"

namespace monocle {

class Vocabulary {
 public:
  enum class Insert : std::uint8_t { kOk, kIdTaken, kBytesTaken };

  void reserve(std::size_t tokens, std::size_t bytes);
  // id >= 0, 1 to 65535 bytes. A token that is not `encodable` can be decoded but is never found by
  // its bytes.
  Insert insert(TokenId id, std::string_view bytes, bool encodable);

  [[nodiscard]] bool contains(TokenId id) const;
  [[nodiscard]] std::string_view bytes_of(TokenId id) const;  // empty for an id without a token
  // `guess` is tried first; any value will do.
  [[nodiscard]] std::optional<TokenId> find(std::string_view bytes, TokenId guess = -1) const;
  [[nodiscard]] TokenId end_id() const {
    return static_cast<TokenId>(pieces_.size());
  }  // highest id + 1

 private:
  struct Piece {
    std::uint32_t offset;
    std::uint16_t length;  // 0: no token has this id
    bool encodable;
  };
  struct Slot {
    std::uint32_t tag;
    TokenId id;  // -1: empty
  };
  [[nodiscard]] std::size_t slot_of(std::string_view bytes, std::uint64_t hash) const;
  void grow_index(std::size_t capacity);

  std::string arena_;
  std::vector<Piece> pieces_;  // by id
  std::vector<Slot> slots_;
  std::size_t indexed_ = 0;
};

}  // namespace monocle
