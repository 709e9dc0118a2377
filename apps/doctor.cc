// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "command.h"
#include "cpu/isa.h"
#include "cpu/linear_table.h"
#include "open_model.h"
#include "quant/format.h"
#include "report.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;

// A program that a later feature uses when it is there.
struct Optional {
  const char* program;
  const char* purpose;
  const char* package;
};

constexpr std::array kOptional{
    Optional{"ffmpeg", "decoding video files", "apt-get install ffmpeg"},
    Optional{"pdftoppm", "pages of PDF files", "apt-get install poppler-utils"},
    Optional{"nvidia-smi", "an NVIDIA GPU and its driver", "install the NVIDIA driver"},
};

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    if (access((folders.substr(at, end - at) + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      const std::size_t colon = line.find(':');
      return colon == std::string::npos ? line : line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::uint64_t meminfo_bytes(const std::string& key) {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == key + ":" && info >> kilobytes) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

// What computes a linear layer when one token is decoded and when a prompt is read.
Json linear_kernels(cpu::Isa isa) {
  Json kernels = Json::array();
  for (const FormatInfo& format : formats()) {
    for (const DType x : {DType::kF32, DType::kBF16}) {
      for (const std::int64_t rows : {1, 512}) {
        const cpu::LinearKernel kernel = cpu::linear_kernel({format.format, x, isa, rows});
        kernels.push_back({{"weights", std::string(format.name)},
                           {"input", dtype_name(x)},
                           {"rows", rows},
                           {"kernel", kernel.name}});
      }
    }
  }
  return kernels;
}

Json collect() {
  Json isas = Json::array();
  for (int i = 0; i < cpu::kIsaCount; ++i) {
    const auto isa = static_cast<cpu::Isa>(i);
    if (!cpu::isa_built(isa)) {
      continue;  // of another architecture
    }
    isas.push_back({{"name", cpu::isa_name(isa)}, {"supported", cpu::isa_supported(isa)}});
  }
  const auto chosen = cpu::choose_isa(cpu::isa_from_environment());
  Json kernels = Json::array();
  if (chosen) {
    kernels = linear_kernels(*chosen);
  }
  Json optional = Json::array();
  for (const Optional& part : kOptional) {
    optional.push_back({{"program", part.program},
                        {"for", part.purpose},
                        {"found", on_path(part.program)},
                        {"how", part.package}});
  }
  const auto model = default_model_path();
  return {{"version", MONOCLE_VERSION},
          {"processor", processor_name()},
          {"usable_cpus", usable_cpus()},
          {"memory_bytes", meminfo_bytes("MemTotal")},
          {"memory_available_bytes", meminfo_bytes("MemAvailable")},
          {"instruction_sets", isas},
          {"chosen", chosen ? cpu::isa_name(*chosen) : "none"},
          {"chosen_problem", chosen ? "" : chosen.error().message},
          {"linear_kernels", kernels},
          {"optional", optional},
          {"default_model", model ? *model : ""},
          {"default_model_problem", model ? "" : model.error().message}};
}

void print_text(const Json& facts) {
  const auto text = [&](const char* key) { return facts[key].get<std::string>(); };
  fmt::print("monocle {}\n\nProcessor   {}, {} usable CPUs\n", text("version"), text("processor"),
             facts["usable_cpus"].get<int>());
  fmt::print("Memory      {:.1f} GiB, {:.1f} GiB available\n",
             facts["memory_bytes"].get<double>() / (1 << 30),
             facts["memory_available_bytes"].get<double>() / (1 << 30));
  fmt::print("Kernels    ");
  for (const Json& isa : facts["instruction_sets"]) {
    fmt::print(" {}{}", isa["name"].get<std::string>(),
               isa["supported"].get<bool>() ? "" : " (not here)");
  }
  fmt::print("; chosen: {} {}\n", text("chosen"), text("chosen_problem"));
  for (const Json& row : facts["linear_kernels"]) {
    fmt::print("              {:<5} weights, {:<5} input, {:>4} rows  {}\n",
               row["weights"].get<std::string>(), row["input"].get<std::string>(),
               row["rows"].get<int>(), row["kernel"].get<std::string>());
  }
  fmt::print("Model       {}{}\n\nOptional parts\n", text("default_model"),
             text("default_model_problem"));
  for (const Json& part : facts["optional"]) {
    const bool found = part["found"].get<bool>();
    fmt::print("  {:<12}{:<9}{}{}\n", part["program"].get<std::string>(),
               found ? "found" : "missing", part["for"].get<std::string>(),
               found ? "" : ": " + part["how"].get<std::string>());
  }
}

}  // namespace

Action add_doctor(Flags& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "Print one JSON object");
  return [json] {
    const Json facts = collect();
    if (*json) {
      fmt::print("{}\n", facts.dump(2));
    } else {
      print_text(facts);
    }
    return facts["chosen"] == "none" ? kExitBadInput : 0;
  };
}

}  // namespace monocle::app
