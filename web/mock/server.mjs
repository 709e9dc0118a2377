// SPDX-License-Identifier: Apache-2.0
// A stand-in for `monocle serve`: the same wire format, canned answers, the same headers. Serves web/dist or the folder
// in MONOCLE_PAGE_DIST. `npm run mock`, then open http://127.0.0.1:7861.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { answerTo } from "./answers.mjs";
import { pictureSize } from "./picture_size.mjs";

export const CSP = [
  "default-src 'self'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' blob: data:", "media-src blob:", "connect-src 'self'",
  "frame-src blob: 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  "require-trusted-types-for 'script'", "trusted-types monocle",
].join("; ");

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml", ".woff2": "font/woff2",
};
const SLEEP = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const BLOCK = 16;

function fail(response, status, code, message, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code } }));
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

function partsOf(body) {
  return body.messages.flatMap((m) => (typeof m.content === "string" ? [{ type: "text", text: m.content }] : m.content));
}

function questionOf(body) {
  const last = body.messages[body.messages.length - 1];
  const parts = typeof last.content === "string" ? [{ type: "text", text: last.content }] : last.content;
  return parts.filter((p) => p.type === "text").map((p) => p.text).join("\n");
}

export function estimateOf(body, limit) {
  const parts = partsOf(body);
  const images = parts.filter((p) => p.type === "image_url").map((p) => {
    const { width, height } = pictureSize(Buffer.from(p.image_url.url.split(",")[1], "base64"));
    const round = (n) => Math.max(32, Math.round(n / 32) * 32);
    return { width, height, sent_width: round(width), sent_height: round(height), tokens: (round(width) / 32) * (round(height) / 32) };
  });
  // The model looks at two frames of a video at a time.
  const videoTokens = parts.filter((p) => p.type === "video_url").reduce((sum, p) => {
    const frames = p.video_url.url.split(",").slice(1);
    const { width, height } = pictureSize(Buffer.from(frames[0], "base64"));
    return sum + Math.ceil(frames.length / 2) * Math.ceil(width / 32) * Math.ceil(height / 32);
  }, 0);
  const words = parts.filter((p) => p.type === "text").reduce((n, p) => n + Math.ceil(p.text.length / 4), 0);
  const imageTokens = images.reduce((n, i) => n + i.tokens, 0);
  const prompt = words + imageTokens + videoTokens + 8;
  return {
    prompt_tokens: prompt, image_tokens: imageTokens, video_tokens: videoTokens, images, kv_bytes: prompt * 6144, max_model_len: limit, fits: prompt < limit,
    predicted_ms: { vision: (imageTokens + videoTokens) * 0.6, prefill: prompt * 0.4, decode_per_token: 12 },
  };
}

/** Options: dist, demo, key (asked for), wait (ms before the first token), pause (ms between pieces), piece (characters). */
export function mockServer(options = {}) {
  const state = {
    dist: process.env.MONOCLE_PAGE_DIST ?? fileURLToPath(new URL("../dist", import.meta.url)),
    demo: true, video: true, key: "", wait: 150, pause: 4, piece: 6, limit: 8192, answer: null, requests: [], stopped: 0, running: 0,
    ...options,
  };

  async function page(request, response) {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    const file = path === "/" ? "/index.html" : path;
    try {
      const bytes = await readFile(join(state.dist, file));
      const headers = { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "X-Content-Type-Options": "nosniff" };
      if (file === "/index.html") Object.assign(headers, { "Content-Security-Policy": CSP, "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin" });
      response.writeHead(200, headers);
      response.end(bytes);
    } catch {
      fail(response, 404, "not_found", `No ${file} here.`);
    }
  }

  async function chat(request, response) {
    const body = await bodyOf(request);
    state.requests.push(body);
    const question = questionOf(body);
    if (/mock:busy/.test(question)) return fail(response, 429, "queue_full", "The queue is full: 64 of 64 requests wait.", { "Retry-After": "3" });
    if (/mock:refuse/.test(question)) return fail(response, 400, "context_length_exceeded", "This model's maximum context length is 8192 tokens, you requested 9000.");
    const text = state.answer ?? answerTo(question);
    const cost = estimateOf(body, state.limit);
    const id = `chatcmpl-${Date.now()}`;
    const chunk = (more) => `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 1, model: "monocle-demo", choices: [], usage: null, ...more })}\n\n`;
    if (!body.stream) {
      response.writeHead(200, { "Content-Type": "application/json" });
      return response.end(JSON.stringify({ id, object: "chat.completion", model: "monocle-demo", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }] }));
    }
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" });
    let gone = false;
    response.on("close", () => {
      gone = !response.writableEnded;
      if (gone) state.stopped++;
    });
    state.running++;
    try {
      response.write(": ping\n\n");
      response.write(chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] }));
      await SLEEP(/mock:slow/.test(question) ? 4000 : state.wait);
      const letters = [...text];
      for (let at = 0; at < letters.length && !gone; at += state.piece) {
        if (/mock:break/.test(question) && at > 60) {
          response.write(`data: ${JSON.stringify({ error: { message: "The engine failed in this step.", type: "server_error", code: "engine_error" } })}\n\n`);
          return;
        }
        response.write(chunk({ choices: [{ index: 0, delta: { content: letters.slice(at, at + state.piece).join("") }, finish_reason: null }] }));
        if (state.pause > 0) await SLEEP(state.pause);
      }
      if (gone) return;
      const tokens = Math.ceil(letters.length / 3);
      response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: /mock:length/.test(question) ? "length" : "stop" }] }));
      response.write(chunk({
        usage: {
          prompt_tokens: cost.prompt_tokens, completion_tokens: tokens, total_tokens: cost.prompt_tokens + tokens,
          prompt_tokens_details: { cached_tokens: body.messages.length > 1 ? 64 : 0, image_tokens: cost.image_tokens, video_tokens: cost.video_tokens },
        },
        timing_ms: { upload: 3.2, media: 11.4, queue: 1.1, vision: cost.image_tokens * 0.61, prefill: cost.prompt_tokens * 0.42, decode: tokens * 12.4, first_token: 16 + cost.prompt_tokens },
      }));
      response.write("data: [DONE]\n\n");
    } finally {
      state.running--;
      response.end();
    }
  }

  const status = () => ({
    model: "monocle-demo", device: "CPU, AVX-512, 2 threads", version: "0.1.0", uptime_s: 4711,
    queue: { waiting: 0, running: state.running, max_running: 32 },
    kv_blocks: { total: 2048, used: state.running * 60, cached: 320 },
    memory: { rss_bytes: 214e6, weights_bytes: 28.3e6, kv_bytes: 2048 * BLOCK * 6144 },
    defaults: { temperature: 0, top_p: 1, top_k: 0, max_tokens: 1024 },
  });

  const server = createServer(async (request, response) => {
    try {
      const path = new URL(request.url, "http://x").pathname;
      const api = path.startsWith("/v1/") || path.startsWith("/ui/");
      if (api && state.key !== "" && request.headers.authorization !== `Bearer ${state.key}`) {
        return fail(response, 401, "invalid_api_key", "The API key is missing or wrong.");
      }
      const json = (value) => {
        response.writeHead(200, { "Content-Type": "application/json" });
        response.end(JSON.stringify(value));
      };
      if (path === "/v1/models") {
        return json({ object: "list", data: [{ id: state.demo ? "monocle-demo" : "Qwen3-VL-2B-Instruct", object: "model", created: 1, owned_by: "monocle", max_model_len: state.limit, capabilities: { image: true, video: state.video, pdf: false }, demo: state.demo }] });
      }
      if (path === "/ui/status") return json(status());
      if (path === "/v1/estimate") return json(estimateOf(await bodyOf(request), state.limit));
      if (path === "/v1/chat/completions") return await chat(request, response);
      return await page(request, response);
    } catch (error) {
      if (!response.headersSent) fail(response, 500, "mock", String(error));
      else response.destroy();
    }
  });
  return { server, state };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 7861);
  mockServer().server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
}
