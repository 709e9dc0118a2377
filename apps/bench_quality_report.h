// SPDX-License-Identifier: Apache-2.0
// A quality run as one HTML file that needs nothing else: tables with intervals, and pictures of
// answers, the first ones as they came and the worst.
#pragma once

#include <string>

#include "base/result.h"
#include "bench_quality_result.h"

namespace monocle::app {

// `earlier` may be null.
Result<std::string> quality_report(const QualityRun& run, const EarlierRun* earlier);

}  // namespace monocle::app
