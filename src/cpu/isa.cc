// SPDX-License-Identifier: Apache-2.0
#include "cpu/isa.h"

#include <array>
#include <cstdlib>

#if MONOCLE_CPU_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace monocle::cpu {
namespace {

constexpr std::array<const char*, kIsaCount> kNames = {"portable", "avx2", "avx512", "amx"};

#if MONOCLE_CPU_X86
struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(unsigned leaf, unsigned subleaf) {
  Leaf out;
  if (__get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx) == 0) {
    return {};
  }
  return out;
}

constexpr bool bit(unsigned word, int index) { return ((word >> index) & 1U) != 0; }

// The register states that the operating system saves. Only valid when CPUID says OSXSAVE.
std::uint64_t xcr0() {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

bool amx_permitted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM, Linux 5.16
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

Isa detect() {
  constexpr std::uint64_t kYmmState = 0x6;
  constexpr std::uint64_t kZmmState = 0xe6;
  constexpr std::uint64_t kTileState = 0x60000;
  const Leaf base = cpuid(1, 0);
  const Leaf wide = cpuid(7, 0);
  const Leaf more = cpuid(7, 1);
  if (!bit(base.ecx, 27)) {  // OSXSAVE
    return Isa::kPortable;
  }
  const std::uint64_t state = xcr0();
  const bool avx2 = bit(base.ecx, 12) && bit(base.ecx, 29) && bit(wide.ebx, 5) &&
                    (state & kYmmState) == kYmmState;
  if (!avx2) {
    return Isa::kPortable;
  }
  const bool avx512 = bit(wide.ebx, 16) && bit(wide.ebx, 17) && bit(wide.ebx, 30) &&
                      bit(wide.ebx, 31) && bit(wide.ecx, 11) && bit(more.eax, 5) &&
                      (state & kZmmState) == kZmmState;
  if (!avx512) {
    return Isa::kAvx2;
  }
  const bool amx = bit(wide.edx, 22) && bit(wide.edx, 24) && bit(wide.edx, 25) &&
                   (state & kTileState) == kTileState;
  return amx && amx_permitted() ? Isa::kAmx : Isa::kAvx512;
}
#else
Isa detect() { return Isa::kPortable; }
#endif

}  // namespace

const char* isa_name(Isa isa) { return kNames[static_cast<std::size_t>(isa)]; }

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

bool isa_supported(Isa isa) { return isa <= best_isa(); }

Result<Isa> choose_isa(std::string_view forced) {
  if (forced.empty()) {
    return best_isa();
  }
  for (int i = 0; i < kIsaCount; ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (forced != isa_name(isa)) {
      continue;
    }
    if (!isa_supported(isa)) {
      return fail(ErrorCode::kUnsupported,
                  "MONOCLE_CPU_ISA={} is forced, but this machine supports at most {}", forced,
                  isa_name(best_isa()));
    }
    return isa;
  }
  return fail(ErrorCode::kInvalidArgument,
              "MONOCLE_CPU_ISA={} is not one of portable, avx2, avx512, amx", forced);
}

std::string_view isa_from_environment() {
  const char* value = std::getenv("MONOCLE_CPU_ISA");
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace monocle::cpu
