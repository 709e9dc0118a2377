// SPDX-License-Identifier: Apache-2.0
// What monitors and the page ask for: health, status, metrics gauges. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "api/metrics.h"
#include "engine/engine_pool.h"
#include "http/server.h"
#include "service/served.h"

namespace monocle::service {

// Resident memory of this process, 0 where the system does not say.
std::int64_t resident_bytes();

// {"status": "ok", "queue": {...}}; 503 while draining or when no device works any more.
HttpReply health_reply(const EngineStats& stats, bool draining);

// GET /ui/status
std::string status_json(const Served& served, const EnginePool& engines,
                        std::chrono::seconds uptime);

// The sums of all devices, and each by its name.
api::EngineGauges gauges(const Served& served, const EnginePool& engines, std::int64_t connections);

}  // namespace monocle::service
