// SPDX-License-Identifier: Apache-2.0
#include "cpu/isa.h"

#include <array>
#include <cstdlib>
#include <string>

#if MONOCLE_CPU_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif MONOCLE_CPU_ARM
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace monocle::cpu {
namespace {

constexpr std::array<const char*, kIsaCount> kNames = {"portable", "avx2", "avx2vnni",
                                                       "avx512",   "amx",  "neon"};

// Sets of tiers.
constexpr unsigned one(Isa isa) { return 1U << static_cast<unsigned>(isa); }
#if MONOCLE_CPU_X86
constexpr unsigned kBuilt = one(Isa::kPortable) | one(Isa::kAvx2) | one(Isa::kAvx2Vnni) |
                            one(Isa::kAvx512) | one(Isa::kAmx);
#elif MONOCLE_CPU_ARM
constexpr unsigned kBuilt = one(Isa::kPortable) | one(Isa::kNeon);
#else
constexpr unsigned kBuilt = one(Isa::kPortable);
#endif

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

unsigned detect() {
  constexpr std::uint64_t kYmmState = 0x6;
  constexpr std::uint64_t kZmmState = 0xe6;
  constexpr std::uint64_t kTileState = 0x60000;
  unsigned tiers = one(Isa::kPortable);
  const Leaf base = cpuid(1, 0);
  const Leaf wide = cpuid(7, 0);
  const Leaf more = cpuid(7, 1);
  if (!bit(base.ecx, 27)) {  // OSXSAVE
    return tiers;
  }
  const std::uint64_t state = xcr0();
  const bool avx2 = bit(base.ecx, 12) && bit(base.ecx, 29) && bit(wide.ebx, 5) &&
                    (state & kYmmState) == kYmmState;
  if (!avx2) {
    return tiers;
  }
  tiers |= one(Isa::kAvx2);
  const bool avx512 = bit(wide.ebx, 16) && bit(wide.ebx, 17) && bit(wide.ebx, 30) &&
                      bit(wide.ebx, 31) && bit(wide.ecx, 11) && bit(more.eax, 5) &&
                      (state & kZmmState) == kZmmState;
  if (MONOCLE_CPU_VNNI_EVEX ? avx512 : bit(more.eax, 4)) {
    tiers |= one(Isa::kAvx2Vnni);
  }
  if (!avx512) {
    return tiers;
  }
  tiers |= one(Isa::kAvx512);
  const bool amx = bit(wide.edx, 22) && bit(wide.edx, 24) && bit(wide.edx, 25) &&
                   (state & kTileState) == kTileState;
  return amx && amx_permitted() ? tiers | one(Isa::kAmx) : tiers;
}
#elif MONOCLE_CPU_ARM
// The region is compiled for Armv8.2 with both products; it may use the atomics and the rounding
// multiplications that came with 8.1.
unsigned detect() {
  constexpr unsigned long kNeeded = HWCAP_ATOMICS | HWCAP_ASIMDRDM | HWCAP_ASIMDDP;
  const bool neon =
      (getauxval(AT_HWCAP) & kNeeded) == kNeeded && (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
  return one(Isa::kPortable) | (neon ? one(Isa::kNeon) : 0U);
}
#else
unsigned detect() { return one(Isa::kPortable); }
#endif

unsigned supported() {
  static const unsigned tiers = detect();
  return tiers;
}

std::string names_of(unsigned tiers) {
  std::string names;
  for (int i = 0; i < kIsaCount; ++i) {
    if ((tiers & one(static_cast<Isa>(i))) != 0) {
      names += names.empty() ? "" : ", ";
      names += isa_name(static_cast<Isa>(i));
    }
  }
  return names;
}

}  // namespace

const char* isa_name(Isa isa) { return kNames[static_cast<std::size_t>(isa)]; }

bool isa_built(Isa isa) { return (kBuilt & one(isa)) != 0; }

bool isa_supported(Isa isa) { return (supported() & one(isa)) != 0; }

Isa best_isa() {
  int best = kIsaCount - 1;
  while (!isa_supported(static_cast<Isa>(best))) {
    --best;  // portable is always there
  }
  return static_cast<Isa>(best);
}

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
                  "MONOCLE_CPU_ISA={} is forced, but this machine supports only {}", forced,
                  names_of(supported()));
    }
    return isa;
  }
  return fail(ErrorCode::kInvalidArgument, "MONOCLE_CPU_ISA={} is not one of {}", forced,
              names_of(kBuilt));
}

std::string_view isa_from_environment() {
  const char* value = std::getenv("MONOCLE_CPU_ISA");
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace monocle::cpu
