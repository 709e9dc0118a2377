// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "command.h"
#include "engine/engine_pool.h"
#include "engine/kv_cache.h"
#include "http/server.h"
#include "local_server.h"
#include "make_pool.h"
#include "report.h"
#include "serve_memory.h"
#include "serve_options.h"
#include "service/service.h"

namespace monocle::app {
namespace {

using Clock = std::chrono::steady_clock;

// Of memory that is kept for the patches of the next pictures: five of the largest.
constexpr std::size_t kPatchBytes = std::size_t{512} << 20;

double gib(double bytes) { return bytes / static_cast<double>(1 << 30); }

// Replies of two servers agree when program, weights and arithmetic do.
std::string fingerprint(const OpenedModel& opened, const ServeOptions& options) {
  const std::string facts =
      fmt::format("{} {} {} {} {}", MONOCLE_VERSION, opened.model->facts().weight_bytes,
                  options.model.quant, options.model.compute, opened.backend->capabilities().name);
  return fmt::format("fp_{:016x}", hash64(std::as_bytes(std::span(facts))));
}

// As a browser on this machine writes it: "every address" is no address one can go to.
std::string shown_host(const std::string& host) {
  if (host == "0.0.0.0" || host == "::") {
    return "127.0.0.1";
  }
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

class Server {
 public:
  explicit Server(const ServeOptions& options) : options_(options) {}

  Status start() {
    MONOCLE_TRY(check_exposure(options_));
    MONOCLE_ASSIGN(service::GuardRules rules, guard_rules(options_));
    if (options_.makes_key()) {
      MONOCLE_ASSIGN(key_, make_key());
      MONOCLE_ASSIGN(rules.keys, api::ApiKeys::parse(key_, "--random-key"));
    }
    {
      Progress progress;
      progress.phase("loading the model");
      const auto plan = [this](OpenedModel& opened) -> Status {
        MONOCLE_ASSIGN(plan_, plan_serve(options_, opened));
        return {};
      };
      MONOCLE_ASSIGN(opened_, open_replicas(options_.model, plan));
      MONOCLE_ASSIGN(engines_, make_pool(*opened_, plan_.limits));
    }
    MONOCLE_ASSIGN(service::Served served, describe());
    service_ = std::make_unique<service::Service>(std::move(served), std::move(rules), *engines_,
                                                  service::ServiceOptions{});
    return listen();
  }

  void announce() const {
    const std::string url = fmt::format("http://{}:{}", shown_host(options_.host), http_->port());
    fmt::print("monocle {} serves {}\n", MONOCLE_VERSION, name_);
    if (demo_) {
      fmt::print("  This is the small demo model, trained by this project. It is not Qwen3-VL.\n");
    }
    for (const DevicePlan& device : plan_.devices) {
      fmt::print("  memory of {}, {:.2f} GiB allowed\n", device.device,
                 gib(static_cast<double>(device.memory.limit)));
      for (const MemoryPlan::Line& line : device.memory.lines()) {
        fmt::print("    {:<34}{:>8.2f} GiB\n", line.name, gib(static_cast<double>(line.bytes)));
      }
    }
    fmt::print("  page    {}/\n  API     {}/v1\n", url, url);
    if (!key_.empty()) {
      fmt::print("  key     {}  (for this run; the page asks for it, clients send it)\n", key_);
    }
    if (admin_) {
      fmt::print("  admin   http://{}:{}\n", options_.admin.substr(0, options_.admin.rfind(':')),
                 admin_->port());
    }
    fmt::print("Stop with Ctrl-C.\n");
    std::fflush(stdout);
  }

  [[nodiscard]] std::uint16_t port() const { return http_->port(); }
  [[nodiscard]] const OpenedModel& opened() const { return *opened_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  // What the file holds by now; a file with a mistake changes nothing.
  void reload_keys() {
    if (options_.key_file.empty()) {
      std::fprintf(stderr, "monocle: nothing to read again: there is no --api-key-file\n");
      return;
    }
    Result<service::GuardRules> rules = guard_rules(options_);
    if (!rules) {
      std::fprintf(stderr, "monocle: the keys stay as they are: %s\n",
                   rules.error().message.c_str());
      return;
    }
    std::fprintf(stderr, "monocle: %zu keys read from %s\n", rules->keys->size(),
                 options_.key_file.c_str());
    service_->replace_keys(std::move(*rules->keys));
  }

  void stop() {
    const std::chrono::milliseconds grace = std::chrono::seconds(options_.grace_s);
    service_->drain();
    http_->stop(grace);
    engines_->stop(std::chrono::milliseconds(0));
    if (admin_) {
      admin_->stop(std::chrono::milliseconds(0));
    }
  }

 private:
  Result<service::Served> describe() {
    std::string path = options_.model.path;
    if (path.empty()) {
      MONOCLE_ASSIGN(path, default_model_path());
    }
    demo_ = is_demo_model(path);
    service::Served served;
    const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
    const std::filesystem::path last =
        absolute.has_filename() ? absolute.filename() : absolute.parent_path().filename();
    served.root = last.string();
    served.names = options_.names;
    if (served.names.empty()) {
      served.names = {demo_ ? "monocle-demo" : served.root};
    }
    name_ = served.names.front();
    served.demo = demo_;
    served.version = MONOCLE_VERSION;
    served.fingerprint = fingerprint(*opened_, options_);
    served.device = fmt::format("{}, {} threads", device_names(*opened_),
                                options_.model.device.resolved_threads());
    served.created = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    served.config = &opened_->config;
    served.generation = &opened_->generation;
    served.image = &opened_->image;
    served.video = opened_->video ? &*opened_->video : nullptr;
    served.tokenizer = &*opened_->tokenizer;
    served.patches =
        std::make_shared<service::PatchStore>(std::clamp(usable_cpus() / 2, 1, 8), kPatchBytes);
    served.facts = opened_->model->facts();
    served.limits = plan_.limits;
    served.kv_token_bytes =
        KvShape::of(served.facts, served.limits.kv, served.limits.block_tokens).token_bytes();
    served.max_image_side = options_.image_side;
    return served;
  }

  Status listen() {
    HttpOptions http;
    http.address = options_.host;
    http.port = options_.port;
    // They decode pictures and write prompts. Where the engine computes on the same CPUs they have
    // a third of its weight: answers that run go on, new ones still begin.
    http.worker_threads = std::clamp(usable_cpus() / 2, 2, 16);
    http.worker_niceness = 5;
    service_->attach(http);
    MONOCLE_ASSIGN(http_, HttpServer::start(std::move(http),
                                            [this](const std::shared_ptr<HttpExchange>& exchange) {
                                              service_->handle(exchange);
                                            }));
    service_->count_connections([this] { return http_->stats().connections; });
    if (options_.admin.empty()) {
      return {};
    }
    HttpOptions admin;
    MONOCLE_ASSIGN(std::tie(admin.address, admin.port), parse_address(options_.admin));
    admin.worker_threads = 1;
    admin.immediate = [this](const HttpRequest& request) { return service_->admin(request); };
    MONOCLE_ASSIGN(admin_, HttpServer::start(std::move(admin),
                                             [](const std::shared_ptr<HttpExchange>& exchange) {
                                               exchange->reply({404, {}, "not found\n"});
                                             }));
    return {};
  }

  const ServeOptions& options_;
  // Order matters: each needs those above it.
  std::unique_ptr<OpenedModel> opened_;
  ServePlan plan_;
  std::unique_ptr<EnginePool> engines_;
  std::unique_ptr<service::Service> service_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<HttpServer> admin_;
  std::string key_;  // made for this run, else empty
  std::string name_;
  bool demo_ = false;
};

int run_serve(const ServeOptions& options) {
  // Blocked before any thread starts, so that only this one ever takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  Server server(options);
  if (const Status started = server.start(); !started) {
    return report(started.error());
  }
  server.announce();
  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == SIGHUP) {
    server.reload_keys();
  }
  std::fprintf(stderr, "monocle: stopping; running requests get %d s, a second signal ends them\n",
               options.grace_s);
  // The second signal ends the process the ordinary way; there are no keys to read any more.
  std::signal(SIGHUP, SIG_IGN);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  server.stop();
  return 0;
}

struct Running {
  explicit Running(const ServeOptions& given) : options(given), server(options) {}
  ~Running() { server.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  const ServeOptions options;
  Server server;
};

}  // namespace

Result<LocalServer> start_local_server(const ServeOptions& options) {
  auto running = std::make_shared<Running>(options);
  MONOCLE_TRY(running->server.start());
  return LocalServer{fmt::format("http://127.0.0.1:{}/v1", running->server.port()),
                     running->server.name(), running->server.opened().backend->capabilities().name,
                     std::move(running)};
}

Action add_serve(Flags& app) {
  auto options = std::make_shared<ServeOptions>();
  app.footer(
      "Examples: monocle serve\n"
      "          monocle serve --model Qwen3-VL-2B-Instruct --quant int8 --port 8000\n"
      "\n"
      "The web page is at http://127.0.0.1:7860/, the API (OpenAI's) at http://127.0.0.1:7860/v1.");
  options->add(app);
  return [options] { return run_serve(*options); };
}

}  // namespace monocle::app
