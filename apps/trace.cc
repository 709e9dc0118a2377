// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "open_model.h"
#include "report.h"
#include "store/safetensors_write.h"
#include "trace_case.h"
#include "trace_run.h"

namespace monocle::app {
namespace {

struct TraceOptions {
  ModelOptions model;
  std::string cases;
  std::string name;
  std::string out;
  std::int32_t steps = 16;
};

Status run_case(const TraceOptions& options) {
  MONOCLE_ASSIGN(const std::unique_ptr<OpenedModel> opened, open_model(options.model));
  MONOCLE_ASSIGN(const TraceCase trace_case, read_trace_case(options.cases, options.name, *opened));
  MONOCLE_ASSIGN(const Trace trace, run_trace(trace_case, *opened, options.steps));
  std::vector<TensorInfo> tensors;
  for (const auto& [key, tensor] : trace) {
    tensors.push_back({key, tensor.dtype, tensor.shape, tensor.data});
  }
  return write_safetensors(options.out, tensors,
                           {{"backend", opened->backend->capabilities().name}});
}

int run_trace_command(const TraceOptions& options) {
  const Status status = run_case(options);
  return status ? 0 : report(status.error());
}

}  // namespace

Action add_trace(Flags& app) {
  auto options = std::make_shared<TraceOptions>();
  app.footer(
      "Example: monocle trace --model DIR --cases DIR/goldens/index.json --case image1 --out "
      "out.safetensors");
  app.add_option("--cases", options->cases, "index.json of a reference directory").required();
  app.add_option("--case", options->name, "Which case of it").required();
  app.add_option("-o,--out", options->out, "Where to write the tensors (safetensors)").required();
  app.add_option("--steps", options->steps, "Greedy tokens to generate")
      .capture_default_str()
      .range(1, 4096);
  options->model.add(app);
  return [options] { return run_trace_command(*options); };
}

}  // namespace monocle::app
