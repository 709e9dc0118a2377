// SPDX-License-Identifier: Apache-2.0
#include "serve_options.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "engine/kv_cache.h"
#include "read_file.h"

namespace monocle::app {
namespace {

constexpr std::int64_t kDefaultContext = 16384;
// Requests at full length that the host's default cache holds. More may run: few are that long.
constexpr std::int64_t kFullLength = 32;
constexpr const char* kServer = "Server";
constexpr const char* kEngine = "Engine";

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

void add_server_flags(Flags& app, ServeOptions& o) {
  app.add_option("--host", o.host, "Address to listen on; others than loopback need --api-key-file")
      .capture_default_str()
      .envname("MONOCLE_HOST")
      .group(kServer);
  app.add_option("-p,--port", o.port, "Port to listen on, 0 = any free one")
      .capture_default_str()
      .group(kServer);
  app.add_option("--admin", o.admin,
                 "ADDRESS:PORT of a second listener with /health and /metrics only, without keys")
      .group(kServer);
  app.add_option("--api-key-file", o.key_file,
                 "File with one key per line; requests must bring one")
      .envname("MONOCLE_API_KEY_FILE")
      .group(kServer);
  app.add_flag("--no-auth", o.no_auth, "Listen beyond loopback without keys")
      .envname("MONOCLE_NO_AUTH")
      .group(kServer);
  app.add_flag("--random-key", o.random_key,
               "Make a key for this run and print it, unless --api-key-file or --no-auth is given")
      .envname("MONOCLE_RANDOM_KEY")
      .group(kServer);
  app.add_option("--allowed-host", o.hosts,
                 "A name that the Host header may have besides the listener's own; may be repeated")
      .one_value()
      .group(kServer);
  app.add_option("--allowed-origin", o.origins,
                 "An origin whose pages may call the API (CORS); may be repeated")
      .one_value()
      .group(kServer);
  app.add_option("--served-model-name", o.names, "Names that requests may use for the model")
      .group(kServer);
  app.add_option("--grace", o.grace_s, "Seconds that running requests get when the server stops")
      .capture_default_str()
      .range(0, 3600)
      .group(kServer);
}

void add_memory_flags(Flags& app, ServeOptions& o) {
  app.add_option("--kv-cache-mib", o.kv_mib,
                 "Memory for keys and values (default: for all requests at full length, on the CPU "
                 "for 32, or what --memory leaves)")
      .range(1, 1 << 24)
      .group(kEngine);
  app.add_option("--memory,--gpu-memory", o.memory,
                 "Memory of a device that may be in use in the end: bytes (6G, 5500M) or a share "
                 "(0.8). Default: 0.9 of a GPU; on the CPU a quarter of what is free for keys and "
                 "values")
      .group(kEngine);
}

void add_engine_flags(Flags& app, ServeOptions& o) {
  app.add_option("--max-num-seqs", o.sequences,
                 "Requests that generate at the same time (default: 128, on a GPU 256)")
      .range(1, 1024)
      .group(kEngine);
  app.add_option("--max-num-batched-tokens", o.step_tokens,
                 "Tokens computed in one step (default: 512, on a GPU 4096)")
      .range(16, 65536)
      .group(kEngine);
  app.add_option("--max-model-len", o.context,
                 "Longest prompt and answer together (default: the model's, at most 16384)")
      .range(16, 1 << 20)
      .group(kEngine);
  app.add_option("--max-queue", o.queue, "Requests that may wait; more are refused with 429")
      .capture_default_str()
      .range(0, 100000)
      .group(kEngine);
  app.add_option("--max-image-tokens", o.image_tokens,
                 "Largest picture in tokens of 32x32 pixels; larger ones are shrunk")
      .capture_default_str()
      .range(4, 16384)
      .group(kEngine);
  app.add_option("--max-video-tokens", o.video_tokens,
                 "Largest video in tokens of 32x32 pixels of two frames; larger ones are shrunk")
      .capture_default_str()
      .range(4, 16384)
      .group(kEngine);
  app.add_option("--max-image-size", o.image_side,
                 "Longest side of a picture in pixels; larger ones are shrunk, 0 = no limit")
      .capture_default_str()
      .envname("MAX_IMAGE_SIZE")
      .range(0, 16384)
      .group(kEngine);
  app.add_flag("--sliding-window", o.sliding_window,
               "Keep the first and the latest tokens of a request only: flat memory, older context "
               "is forgotten")
      .envname("ENABLE_SLIDING_WINDOW")
      .group(kEngine);
  app.add_option("--window-tokens", o.window_tokens, "With --sliding-window: latest tokens seen")
      .capture_default_str()
      .range(16, 1 << 20)
      .group(kEngine);
  app.add_option("--sink-tokens", o.sink_tokens, "With --sliding-window: first tokens always seen")
      .capture_default_str()
      .range(0, 1 << 20)
      .group(kEngine);
  app.add_flag("--no-prefix-cache", o.no_prefix_cache, "Compute every prompt from its beginning")
      .group(kEngine);
  app.add_option(
         "--draft-tokens", o.draft_tokens,
         "Guess this many tokens from the prompt's own text and verify them in one step; the "
         "text stays the same")
      .capture_default_str()
      .range(0, 16)
      .group(kEngine);
}

// Holds videos to --max-video-tokens; the patches of the largest.
std::int64_t bound_videos(const ServeOptions& options, const EngineLimits& limits,
                          qwen3_vl::VideoConfig& video) {
  const qwen3_vl::PreprocessConfig& frame = video.frame;
  const std::int64_t tokens = std::min<std::int64_t>(options.video_tokens, limits.context_tokens);
  const std::int64_t pixels_per_token =
      std::int64_t{frame.factor()} * frame.factor() * frame.temporal_patch_size;
  qwen3_vl::PixelLimits& pixels = video.frame.pixels;
  pixels.max_pixels = std::min(pixels.max_pixels, tokens * pixels_per_token);
  pixels.min_pixels = std::min(pixels.min_pixels, pixels.max_pixels);
  return pixels.max_pixels / pixels_per_token * frame.merge_size * frame.merge_size;
}

}  // namespace

void ServeOptions::add(Flags& app) {
  add_server_flags(app, *this);
  add_engine_flags(app, *this);
  add_memory_flags(app, *this);
  model.device.serves = true;
  model.add(app);
  app.get_option("--model").envname("MONOCLE_MODEL");
  app.get_option("--quant").envname("QUANTIZE");
  app.get_option("--kv").envname("KV_DTYPE");
}

Status check_exposure(const ServeOptions& options) {
  const bool guarded = !options.key_file.empty() || options.no_auth || options.random_key;
  if (!is_loopback(options.host) && !guarded) {
    return fail(ErrorCode::kInvalidArgument,
                "--host {} lets other machines in: give --api-key-file FILE, --random-key, or "
                "--no-auth if everybody who reaches the port may use it",
                options.host);
  }
  return {};
}

Result<std::string> make_key() {
  std::array<unsigned char, 20> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail(ErrorCode::kUnavailable, "--random-key: the system gives no random bytes: {}",
                errno_text(errno));
  }
  return fmt::format("mk-{:02x}", fmt::join(bytes, ""));
}

Result<service::GuardRules> guard_rules(const ServeOptions& options) {
  service::GuardRules rules;
  if (!options.key_file.empty()) {
    MONOCLE_ASSIGN(const auto bytes, read_file(options.key_file, std::size_t{1} << 20));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    MONOCLE_ASSIGN(rules.keys, api::ApiKeys::parse(text, options.key_file));
  }
  rules.origins = options.origins;
  // Beyond loopback the names of this machine are not ours to know.
  if (is_loopback(options.host) || !options.hosts.empty()) {
    rules.hosts = {"127.0.0.1", "localhost", "[::1]", options.host};
    rules.hosts.insert(rules.hosts.end(), options.hosts.begin(), options.hosts.end());
  }
  return rules;
}

Result<std::pair<std::string, std::uint16_t>> parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      return std::pair{text.substr(0, colon), port};
    }
  }
  return fail(ErrorCode::kInvalidArgument, "--admin '{}' is not ADDRESS:PORT", text);
}

Result<EngineLimits> engine_limits(const ServeOptions& options, OpenedModel& opened,
                                   const qwen3_vl::LoadPlan& load) {
  const ModelFacts& facts = load.facts;
  const std::int64_t most = facts.max_positions;
  if (options.context > most) {
    return fail(ErrorCode::kTooLarge, "--max-model-len {} is more than the model's {}",
                options.context, most);
  }
  EngineLimits limits;
  limits.context_tokens = options.context > 0 ? options.context : std::min(most, kDefaultContext);
  const bool gpu = !opened.backend->capabilities().host_memory;
  limits.sequences = options.sequences > 0 ? options.sequences : (gpu ? 256 : 128);
  limits.step_tokens = options.step_tokens > 0 ? options.step_tokens : (gpu ? 4096 : 512);
  // Two of the larger pictures beside half a step of text: more would make running answers wait.
  limits.media_patches = 2 * limits.step_tokens;
  limits.queue = options.queue;
  limits.merge = opened.config.vision.spatial_merge_size;
  limits.vocab = opened.tokenizer->vocab_size();
  limits.kv = load.kv;
  limits.prefix_cache = !options.no_prefix_cache;
  limits.draft_tokens = options.draft_tokens;
  if (options.sliding_window) {
    limits.window_tokens = options.window_tokens;
    limits.sink_tokens = options.sink_tokens;
  }
  limits.kv_tokens =
      limits.context_tokens *
      (gpu ? limits.sequences : std::min<std::int64_t>(limits.sequences, kFullLength));
  if (options.kv_mib > 0) {
    const KvShape shape = KvShape::of(facts, limits.kv, limits.block_tokens);
    limits.kv_tokens = (options.kv_mib << 20) / static_cast<std::int64_t>(shape.token_bytes());
  }
  const std::int64_t factor = opened.image.factor();
  qwen3_vl::PixelLimits& pixels = opened.image.pixels;
  const std::int64_t tokens = std::min<std::int64_t>(options.image_tokens, limits.context_tokens);
  pixels.max_pixels = std::min(pixels.max_pixels, tokens * factor * factor);
  pixels.min_pixels = std::min(pixels.min_pixels, pixels.max_pixels);
  limits.patches = pixels.max_pixels / (opened.image.patch_size * opened.image.patch_size);
  if (opened.video) {
    limits.patches = std::max(limits.patches, bound_videos(options, limits, *opened.video));
  }
  // A few pictures besides the largest stay encoded for the next question.
  limits.media_rows = std::max(limits.context_tokens, 4 * tokens);
  return limits;
}

}  // namespace monocle::app
