// SPDX-License-Identifier: Apache-2.0
// The shapes that travel between the page and its server. Every field of an answer may be missing: servers differ.

export interface Capabilities {
  image?: boolean;
  video?: boolean;
  pdf?: boolean;
}

export interface Model {
  id: string;
  max_model_len?: number;
  capabilities?: Capabilities;
  /** The project's own small model, which must never be taken for Qwen3-VL. */
  demo?: boolean;
}

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number; image_tokens?: number; video_tokens?: number } | null;
}

export const PHASES = ["upload", "media", "queue", "vision", "prefill", "decode"] as const;
export type Phase = (typeof PHASES)[number];
export type Timing = Partial<Record<Phase | "first_token", number>>;

export interface Chunk {
  model?: string;
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: Usage | null;
  timing_ms?: Timing;
  error?: { message?: string; code?: string | null; type?: string };
}

export interface Estimate {
  prompt_tokens?: number;
  image_tokens?: number;
  /** Of all videos; `images` lists pictures only. */
  video_tokens?: number;
  images?: { width: number; height: number; sent_width: number; sent_height: number; tokens: number }[];
  kv_bytes?: number;
  predicted_ms?: { vision?: number; prefill?: number; decode_per_token?: number };
  max_model_len?: number;
  fits?: boolean;
}

export interface Status {
  model?: string;
  device?: string;
  version?: string;
  uptime_s?: number;
  queue?: { waiting?: number; running?: number; max_running?: number };
  kv_blocks?: { total?: number; used?: number; cached?: number };
  memory?: { rss_bytes?: number; weights_bytes?: number; kv_bytes?: number };
  defaults?: { temperature?: number; top_p?: number; top_k?: number; max_tokens?: number };
}

export type Part =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string } }
  | { type: "video_url"; video_url: { url: string }; timestamps?: number[]; fps?: number };

export interface ChatBody {
  model?: string;
  messages: { role: string; content: string | Part[] }[];
  stream?: boolean;
  stream_options?: { include_usage: boolean };
  temperature?: number;
  top_p?: number;
  top_k?: number;
  max_tokens?: number;
  seed?: number;
  response_format?: unknown;
}
