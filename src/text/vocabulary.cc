// SPDX-License-Identifier: Apache-2.0
#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace monocle {
namespace {

std::uint64_t hash_of(std::string_view bytes) { return hash64(std::as_bytes(std::span(bytes))); }

}  // namespace

void Vocabulary::reserve(std::size_t tokens, std::size_t bytes) {
  arena_.reserve(bytes);
  pieces_.reserve(tokens);
  grow_index(std::bit_ceil(std::max<std::size_t>(16, tokens + tokens / 2)));
}

void Vocabulary::grow_index(std::size_t capacity) {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(capacity, Slot{0, -1}));
  for (const Slot& slot : old) {
    if (slot.id >= 0) {
      const std::string_view bytes = bytes_of(slot.id);
      slots_[slot_of(bytes, hash_of(bytes))] = slot;
    }
  }
}

std::size_t Vocabulary::slot_of(std::string_view bytes, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::size_t slot = static_cast<std::size_t>(hash) & mask;
  while (slots_[slot].id >= 0 && (slots_[slot].tag != tag || bytes_of(slots_[slot].id) != bytes)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

Vocabulary::Insert Vocabulary::insert(TokenId id, std::string_view bytes, bool encodable) {
  MONOCLE_CHECK(id >= 0 && !bytes.empty() && bytes.size() <= 0xffff);
  const auto index = static_cast<std::size_t>(id);
  if (contains(id)) {
    return Insert::kIdTaken;
  }
  if (index >= pieces_.size()) {
    pieces_.resize(index + 1, Piece{0, 0, false});
  }
  const std::uint64_t hash = hash_of(bytes);
  std::size_t slot = 0;
  if (encodable) {
    if ((indexed_ + 1) * 4 > slots_.size() * 3) {
      grow_index(std::max<std::size_t>(16, slots_.size() * 2));
    }
    slot = slot_of(bytes, hash);
    if (slots_[slot].id >= 0) {
      return Insert::kBytesTaken;
    }
  }
  pieces_[index] = {static_cast<std::uint32_t>(arena_.size()),
                    static_cast<std::uint16_t>(bytes.size()), encodable};
  arena_.append(bytes);
  if (encodable) {
    slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), id};
    ++indexed_;
  }
  return Insert::kOk;
}

bool Vocabulary::contains(TokenId id) const {
  return id >= 0 && id < end_id() && pieces_[static_cast<std::size_t>(id)].length > 0;
}

std::string_view Vocabulary::bytes_of(TokenId id) const {
  if (!contains(id)) {
    return {};
  }
  const Piece piece = pieces_[static_cast<std::size_t>(id)];
  return std::string_view(arena_).substr(piece.offset, piece.length);
}

std::optional<TokenId> Vocabulary::find(std::string_view bytes, TokenId guess) const {
  if (contains(guess) && pieces_[static_cast<std::size_t>(guess)].encodable &&
      bytes_of(guess) == bytes) {
    return guess;
  }
  if (slots_.empty()) {
    return std::nullopt;
  }
  const TokenId id = slots_[slot_of(bytes, hash_of(bytes))].id;
  return id < 0 ? std::nullopt : std::optional(id);
}

}  // namespace monocle
