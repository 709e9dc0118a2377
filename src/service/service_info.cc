// SPDX-License-Identifier: Apache-2.0
// The routes that tell: models, tokens, estimates, status, the page.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/chat_parse.h"
#include "api/errors.h"
#include "api/models_format.h"
#include "api/openapi.h"
#include "api/tokenize_format.h"
#include "api/tokenize_parse.h"
#include "page/page.h"
#include "service/service.h"
#include "service/status.h"

namespace monocle::service {
namespace {

constexpr std::string_view kContentSecurityPolicy =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; media-src blob:; connect-src 'self'; frame-src blob: 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types monocle";

api::ModelEntry entry(const Served& served, const std::string& name) {
  api::ModelEntry model;
  model.id = name;
  model.root = served.root;
  model.created = served.created;
  model.max_model_len = served.context_tokens();
  model.video = served.video != nullptr;
  model.demo = served.demo;
  return model;
}

bool accepts_gzip(const HttpRequest& request) {
  return request.header("accept-encoding").find("gzip") != std::string_view::npos;
}

std::vector<HttpHeader> page_headers(const PageFile& file) {
  return {{"Content-Type", std::string(file.mime)},
          {"ETag", std::string(file.etag)},
          {"Cache-Control",
           page_file_is_immutable(file) ? "public, max-age=31536000, immutable" : "no-cache"},
          {"Vary", "Accept-Encoding"},
          {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"}};
}

}  // namespace

api::ApiResult<void> Service::check_model(const std::string& name) const {
  const bool known = name.empty() || std::find(served_.names.begin(), served_.names.end(), name) !=
                                         served_.names.end();
  return known ? api::ApiResult<void>() : tl::unexpected(api::model_not_found(name));
}

void Service::models(const Exchange& exchange) {
  const std::string route = route_of(exchange->request().path);
  if (route == "models") {
    std::vector<api::ModelEntry> entries;
    for (const std::string& name : served_.names) {
      entries.push_back(entry(served_, name));
    }
    reply_json(exchange, api::format_models(entries));
    return;
  }
  const std::string name = route.substr(std::string_view("models/").size());
  if (auto known = check_model(name); !known) {
    refuse(exchange, known.error());
    return;
  }
  reply_json(exchange, api::format_model(entry(served_, name)));
}

void Service::tokenize(const Exchange& exchange) {
  auto request = api::parse_tokenize(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  api::TokenizeReply reply;
  reply.max_model_len = served_.context_tokens();
  if (request->chat) {
    auto prepared = prepare_chat(served_, *request->chat, MediaUse::kSizes);
    if (!prepared) {
      refuse(exchange, prepared.error());
      return;
    }
    reply.tokens = std::move(prepared->request.prompt.token_ids);
    for (const api::EstimatedImage& image : prepared->images) {
      reply.image_tokens += image.tokens;
    }
    reply.video_tokens = prepared->video_tokens;
  } else {
    reply.tokens = served_.tokenizer->encode(request->prompt, SpecialTokens::kAsText);
  }
  if (request->return_token_strs) {
    for (const std::int32_t id : reply.tokens) {
      reply.token_strs.emplace_back(served_.tokenizer->bytes_of(id));
    }
  }
  reply_json(exchange, api::format_tokenize(reply));
}

void Service::detokenize(const Exchange& exchange) {
  auto request = api::parse_detokenize(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  reply_json(exchange, api::format_detokenize(served_.tokenizer->decode(request->tokens, false)));
}

void Service::estimate(const Exchange& exchange) {
  auto request = api::parse_chat(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  auto prepared = prepare_chat(served_, *request, MediaUse::kSizes);
  if (!prepared) {
    refuse(exchange, prepared.error());
    return;
  }
  api::Estimate estimate;
  estimate.prompt_tokens = std::ssize(prepared->request.prompt.token_ids);
  estimate.images = std::move(prepared->images);
  for (const api::EstimatedImage& image : estimate.images) {
    estimate.image_tokens += image.tokens;
  }
  estimate.video_tokens = prepared->video_tokens;
  estimate.max_model_len = served_.context_tokens();
  estimate.fits = fit_context(served_, request->generation, prepared->request).has_value();
  const std::int64_t tokens = estimate.prompt_tokens + request->generation.max_tokens.value_or(0);
  estimate.kv_bytes = tokens * static_cast<std::int64_t>(served_.kv_token_bytes);
  const Rates rates = speed_.rates();
  estimate.vision_ms = rates.vision_ms_per_token *
                       static_cast<double>(estimate.image_tokens + estimate.video_tokens);
  estimate.prefill_ms = rates.prefill_ms_per_token * static_cast<double>(estimate.prompt_tokens);
  estimate.decode_per_token_ms = rates.decode_ms_per_token;
  reply_json(exchange, api::format_estimate(estimate));
}

void Service::status(const Exchange& exchange) {
  const auto uptime = std::chrono::steady_clock::now() - started_;
  reply_json(exchange, status_json(served_, engines_,
                                   std::chrono::duration_cast<std::chrono::seconds>(uptime)));
}

void Service::version(const Exchange& exchange) {
  reply_json(exchange, nlohmann::json{{"version", served_.version}}.dump());
}

void Service::openapi(const Exchange& exchange) {
  reply_json(exchange, std::string(api::openapi_json()));
}

void Service::reply_page(const Exchange& exchange) {
  const HttpRequest& request = exchange->request();
  const PageFile* file = find_page_file(request.path);
  if (file == nullptr) {
    refuse(exchange, api::unknown_route(request.method, request.path));
    return;
  }
  std::vector<HttpHeader> headers = page_headers(*file);
  if (request.header("if-none-match") == file->etag) {
    exchange->reply({304, std::move(headers), {}});
    return;
  }
  if (!accepts_gzip(request)) {
    // Every browser does; whoever does not is told what would work.
    api::ApiError error;
    error.status = 406;
    error.message = "the page is sent compressed: accept gzip (curl --compressed)";
    error.code = "gzip_required";
    refuse(exchange, error);
    return;
  }
  headers.push_back({"Content-Encoding", "gzip"});
  const char* bytes = reinterpret_cast<const char*>(file->gzip.data());
  exchange->reply({200, std::move(headers), std::string(bytes, file->gzip.size())});
}

}  // namespace monocle::service
