// SPDX-License-Identifier: Apache-2.0
// Answers that are arriving. The text lives in its own signal, so that a new word re-renders one block of one message;
// the chat is replaced once, at the end.

import { signal, type Signal } from "@preact/signals";
import { ApiError, streamChat } from "../api/client";
import type { Chunk, Timing, Usage } from "../api/types";
import { bodyOf, MissingPicture } from "./body";
import { chatOf, store } from "./app";
import * as db from "./db";
import { patched, pathTo, type Failure, type Message } from "./chat";
import { model } from "./server";

const SAVE_EVERY_MS = 2000;

export interface Stream {
  chatId: string;
  text: Signal<string>;
  phase: Signal<"sending" | "waiting" | "writing">;
  started: number;
  abort: AbortController;
}

const streams = signal<ReadonlyMap<string, Stream>>(new Map());

export function streamOf(messageId: string): Stream | undefined {
  return streams.value.get(messageId);
}

function setStream(messageId: string, stream: Stream | null): void {
  const next = new Map(streams.value);
  if (stream) next.set(messageId, stream);
  else next.delete(messageId);
  streams.value = next;
}

export function stopAnswer(messageId: string): void {
  streamOf(messageId)?.abort.abort();
}

function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) {
    return { message: error.message, code: error.code, status: error.status, retryAfter: error.retryAfter };
  }
  if (error instanceof MissingPicture) return { message: "", code: "picture_missing", status: 0, retryAfter: 0 };
  return { message: error instanceof Error ? error.message : String(error), code: "page", status: 0, retryAfter: 0 };
}

class Collector {
  text = "";
  usage: Usage | undefined;
  timing: Timing | undefined;
  finish = "";
  model = "";
  firstAt = 0;
  private frame = 0;
  private savedAt = performance.now();

  constructor(private readonly messageId: string, private readonly stream: Stream) {}

  take(chunk: Chunk): void {
    const choice = chunk.choices?.[0];
    const piece = choice?.delta?.content ?? "";
    if (this.stream.phase.value === "sending") this.stream.phase.value = "waiting";
    if (piece !== "") {
      this.firstAt ||= performance.now();
      this.text += piece;
      this.frame ||= requestAnimationFrame(() => this.flush());
    }
    if (choice?.finish_reason) this.finish = choice.finish_reason;
    if (chunk.usage) this.usage = chunk.usage;
    if (chunk.timing_ms) this.timing = chunk.timing_ms;
    if (chunk.model) this.model = chunk.model;
  }

  private flush(): void {
    this.frame = 0;
    this.stream.phase.value = "writing";
    this.stream.text.value = this.text;
    if (performance.now() - this.savedAt < SAVE_EVERY_MS) return;
    this.savedAt = performance.now();
    const chat = chatOf(this.stream.chatId);
    if (chat) void db.put("chats", chat.id, patched(chat, this.messageId, { text: this.text })).catch(() => undefined);
  }

  close(change: Partial<Message>): void {
    cancelAnimationFrame(this.frame);
    const now = performance.now();
    const end: Partial<Message> = { text: this.text, ...change };
    if (this.usage) end.usage = this.usage;
    if (this.timing) end.timing = this.timing;
    if (this.model) end.model = this.model;
    if (this.firstAt > 0) end.seen = { first: this.firstAt - this.stream.started, total: now - this.stream.started };
    const chat = chatOf(this.stream.chatId);
    if (chat) store(patched(chat, this.messageId, end));
    setStream(this.messageId, null);
  }
}

export function startAnswer(chatId: string, messageId: string): void {
  const stream: Stream = {
    chatId, text: signal(""), phase: signal("sending"), started: performance.now(), abort: new AbortController(),
  };
  setStream(messageId, stream);
  void run(messageId, stream);
}

async function run(messageId: string, stream: Stream): Promise<void> {
  const collector = new Collector(messageId, stream);
  try {
    const chat = chatOf(stream.chatId);
    const reply = chat?.messages[messageId];
    if (!chat || !reply) throw new Error("The chat is gone.");
    const body = await bodyOf(pathTo(chat, reply.parent), model.value?.id);
    const sent = { ...body, stream: true, stream_options: { include_usage: true } };
    for await (const chunk of streamChat(sent, stream.abort.signal)) collector.take(chunk);
    collector.close({ finish: collector.finish || "stop" });
  } catch (error) {
    if (stream.abort.signal.aborted) collector.close({ finish: "stopped" });
    else collector.close({ finish: "error", failure: failureOf(error) });
  }
}
