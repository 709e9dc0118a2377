// SPDX-License-Identifier: Apache-2.0
#include "backends.h"

#include "ops/reference/reference_backend.h"
#ifdef MONOCLE_PARITY_CPU
#include "cpu/cpu_backend.h"
#endif
#ifdef MONOCLE_PARITY_CUDA
#include "cuda/cuda_backend.h"
#endif

namespace monocle::parity {
namespace {

using Made = Result<std::unique_ptr<Backend>>;

struct Entry {
  const char* name;
  Made (*make)(int threads);
};

Made make_reference(int) { return std::make_unique<ReferenceBackend>(); }

#ifdef MONOCLE_PARITY_CPU
Made make_cpu(int threads) { return cpu::make_cpu_backend({.threads = threads}); }
#endif

#ifdef MONOCLE_PARITY_CUDA
// A machine without a GPU skips these tests.
Made make_cuda(int) {
  Made made = cuda::make_cuda_backend({});
  if (!made && made.error().code == ErrorCode::kUnavailable) {
    return fail(ErrorCode::kUnsupported, "{}", made.error().message);
  }
  return made;
}
#endif

constexpr Entry kBackends[] = {
    {"reference", make_reference},
#ifdef MONOCLE_PARITY_CPU
    {"cpu", make_cpu},
#endif
#ifdef MONOCLE_PARITY_CUDA
    {"cuda", make_cuda},
#endif
};

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kBackends) {
    names.emplace_back(entry.name);
  }
  return names;
}

Made make_backend(const std::string& name, int threads) {
  for (const Entry& entry : kBackends) {
    if (name == entry.name) {
      return entry.make(threads);
    }
  }
  return fail(ErrorCode::kNotFound, "no backend is called {}", name);
}

}  // namespace monocle::parity
