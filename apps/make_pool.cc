// SPDX-License-Identifier: Apache-2.0
#include "make_pool.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace monocle::app {

Result<std::unique_ptr<EnginePool>> make_pool(OpenedModel& opened, const EngineLimits& limits) {
  std::vector<EnginePool::Member> members;
  const auto add = [&](Backend& backend, Model& model) -> Status {
    MONOCLE_ASSIGN(auto engine, Engine::create(model, backend, limits));
    const std::string& full = backend.capabilities().name;
    std::string name = full.substr(0, full.find(' '));
    if (name.find(':') == std::string::npos && !opened.others.empty()) {
      name += fmt::format(":{}", members.size());
    }
    members.push_back({std::move(name), std::move(engine)});
    return {};
  };
  MONOCLE_TRY(add(*opened.backend, *opened.model));
  for (const Replica& replica : opened.others) {
    MONOCLE_TRY(add(*replica.backend, *replica.model));
  }
  return std::make_unique<EnginePool>(std::move(members));
}

std::string device_names(const OpenedModel& opened) {
  std::string names = opened.backend->capabilities().name;
  for (const Replica& replica : opened.others) {
    names += ", " + replica.backend->capabilities().name;
  }
  return names;
}

}  // namespace monocle::app
