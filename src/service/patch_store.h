// SPDX-License-Identifier: Apache-2.0
// Memory for the patches of pictures, used again and again: a large picture's are 12 MB, and the
// system takes longer to hand out so many fresh pages than the picture takes to be cut. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "media/image.h"
#include "model/qwen3_vl/preprocess.h"
#include "monocle/media.h"

namespace monocle::service {

class PatchStore : public std::enable_shared_from_this<PatchStore> {
 public:
  // threads: for a picture that comes alone; of several at once each has its caller's thread.
  // keep_bytes: of memory that waits for the next picture at most.
  PatchStore(int threads, std::size_t keep_bytes) : pool_(threads), keep_bytes_(keep_bytes) {}

  // The memory comes back when the last owner lets go, wherever that is.
  Result<std::shared_ptr<const Patches>> make(const Image& image,
                                              const qwen3_vl::PreprocessConfig& config);

  Result<std::shared_ptr<const Patches>> make_video(const qwen3_vl::FrameSource& frames,
                                                    const qwen3_vl::VideoConfig& config);

  [[nodiscard]] std::size_t kept_bytes() const;

 private:
  std::shared_ptr<const Patches> returning(Patches patches);
  std::vector<std::uint8_t> take();
  void give_back(std::vector<std::uint8_t> memory);

  std::mutex pool_mutex_;  // held by the picture that uses the pool
  ThreadPool pool_;
  const std::size_t keep_bytes_;
  mutable std::mutex mutex_;
  std::vector<std::vector<std::uint8_t>> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace monocle::service
