// SPDX-License-Identifier: Apache-2.0
#include "service/patch_store.h"

#include <utility>

namespace monocle::service {

Result<std::shared_ptr<const Patches>> PatchStore::make(const Image& image,
                                                        const qwen3_vl::PreprocessConfig& config) {
  const std::unique_lock alone(pool_mutex_, std::try_to_lock);
  MONOCLE_ASSIGN(Patches patches, qwen3_vl::preprocess_image(
                                      image, config, alone.owns_lock() ? &pool_ : nullptr, take()));
  return returning(std::move(patches));
}

Result<std::shared_ptr<const Patches>> PatchStore::make_video(const qwen3_vl::FrameSource& frames,
                                                              const qwen3_vl::VideoConfig& config) {
  const std::unique_lock alone(pool_mutex_, std::try_to_lock);
  MONOCLE_ASSIGN(
      Patches patches,
      qwen3_vl::preprocess_video(frames, config, alone.owns_lock() ? &pool_ : nullptr, take()));
  return returning(std::move(patches));
}

std::shared_ptr<const Patches> PatchStore::returning(Patches patches) {
  return std::shared_ptr<const Patches>(new Patches(std::move(patches)),
                                        [store = shared_from_this()](Patches* owned) {
                                          store->give_back(std::move(owned->pixels));
                                          delete owned;
                                        });
}

std::size_t PatchStore::kept_bytes() const {
  const std::lock_guard lock(mutex_);
  return kept_bytes_;
}

std::vector<std::uint8_t> PatchStore::take() {
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) {
    return {};
  }
  std::vector<std::uint8_t> memory = std::move(kept_.back());
  kept_.pop_back();
  kept_bytes_ -= memory.capacity();
  return memory;
}

void PatchStore::give_back(std::vector<std::uint8_t> memory) {
  const std::size_t bytes = memory.capacity();
  const std::lock_guard lock(mutex_);
  if (kept_bytes_ + bytes <= keep_bytes_) {
    kept_.push_back(std::move(memory));
    kept_bytes_ += bytes;
  }
}

}  // namespace monocle::service
