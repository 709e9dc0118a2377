// SPDX-License-Identifier: Apache-2.0
// Talks to the server the page came from, and to no other.

import { readEvents } from "./sse";
import type { ChatBody, Chunk, Estimate, Model, Status } from "./types";

/** A refusal in the server's own words, or in ours when the connection failed. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    /** Seconds the server asks us to wait, 0 if it does not say. */
    readonly retryAfter: number,
  ) {
    super(message);
  }
}

let key = "";
export function useKey(value: string): void {
  key = value.trim();
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  let message = "";
  let code = "";
  try {
    const error = (JSON.parse(text) as { error?: { message?: string; code?: string | null } }).error;
    message = error?.message ?? "";
    code = error?.code ?? "";
  } catch {
    message = text.slice(0, 300);
  }
  const wait = Number(response.headers.get("Retry-After") ?? 0);
  return new ApiError(message || `HTTP ${response.status}`, response.status, code, Number.isFinite(wait) ? wait : 0);
}

async function call(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (key) headers["Authorization"] = `Bearer ${key}`;
  const init: RequestInit = { headers, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.method = "POST";
    init.body = JSON.stringify(body);
  }
  if (signal) init.signal = signal;
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("", 0, "unreachable", 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

export async function fetchModel(): Promise<Model> {
  const list = (await (await call("/v1/models")).json()) as { data?: Model[] };
  const model = list.data?.[0];
  if (!model) throw new ApiError("The server lists no model.", 200, "no_model", 0);
  return model;
}

export async function fetchStatus(): Promise<Status> {
  return (await (await call("/ui/status")).json()) as Status;
}

export async function fetchEstimate(body: ChatBody, signal: AbortSignal): Promise<Estimate> {
  return (await (await call("/v1/estimate", body, signal)).json()) as Estimate;
}

/** The chunks of one streamed answer. Throws ApiError, also for an error in the middle; AbortError when stopped. */
export async function* streamChat(body: ChatBody, signal: AbortSignal): AsyncGenerator<Chunk> {
  const response = await call("/v1/chat/completions", body, signal);
  if (!response.body) throw new ApiError("The answer has no body.", response.status, "no_body", 0);
  try {
    for await (const event of readEvents(response.body)) {
      const chunk = JSON.parse(event) as Chunk;
      if (chunk.error) throw new ApiError(chunk.error.message ?? "", 200, chunk.error.code ?? "stream_error", 0);
      yield chunk;
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    if (error instanceof SyntaxError) throw new ApiError("The stream holds a line that is not JSON.", 200, "bad_stream", 0);
    throw new ApiError("", 0, "connection_lost", 0);
  }
}
