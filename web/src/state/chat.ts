// SPDX-License-Identifier: Apache-2.0
// A conversation is a tree: editing a question or asking again adds a branch, nothing is overwritten. `leaf` names the
// end of the branch on the screen. Chats are plain data and replaced, never changed in place.

import type { Timing, Usage } from "../api/types";
import { CLIP_MIME, readClip } from "../media/clip";
import type { Picture } from "../media/picture";
import { isTask, type TaskId } from "../tasks";

export interface Failure {
  message: string;
  code: string;
  status: number;
  retryAfter: number;
}

export interface Message {
  id: string;
  parent: string | null;
  role: "user" | "assistant";
  text: string;
  pictures: Picture[];
  /** Milliseconds since 1970. */
  at: number;
  task?: TaskId;
  schema?: unknown;
  model?: string;
  /** "stop", "length" from the server; "stopped" by the user, "lost" when the page went away meanwhile. */
  finish?: string;
  failure?: Failure;
  usage?: Usage;
  timing?: Timing;
  /** As this page saw it. */
  seen?: { first: number; total: number };
}

export interface Chat {
  id: string;
  title: string;
  created: number;
  updated: number;
  messages: Record<string, Message>;
  leaf: string | null;
}

/** Random and unguessable enough for a key; crypto.randomUUID is missing on plain http. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(10))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export function newChat(at: number): Chat {
  return { id: newId(), title: "", created: at, updated: at, messages: {}, leaf: null };
}

/** From the first message to `leaf`. */
export function pathTo(chat: Chat, leaf: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let id = leaf; id !== null && !seen.has(id); ) {
    const message: Message | undefined = chat.messages[id];
    if (!message) break;
    seen.add(id);
    path.unshift(message);
    id = message.parent;
  }
  return path;
}

export function siblingsOf(chat: Chat, message: Message): Message[] {
  return Object.values(chat.messages)
    .filter((other) => other.parent === message.parent)
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

/** The end of the newest branch below a message. */
export function newestLeaf(chat: Chat, id: string): string {
  let leaf = id;
  for (let steps = Object.keys(chat.messages).length; steps > 0; steps--) {
    const children = Object.values(chat.messages).filter((m) => m.parent === leaf);
    if (children.length === 0) break;
    leaf = children.reduce((a, b) => (b.at >= a.at ? b : a)).id;
  }
  return leaf;
}

export function withMessage(chat: Chat, message: Message): Chat {
  return {
    ...chat,
    title: chat.title || titleOf(message),
    updated: Math.max(chat.updated, message.at),
    messages: { ...chat.messages, [message.id]: message },
    leaf: message.id,
  };
}

export function patched(chat: Chat, id: string, change: Partial<Message>): Chat {
  const old = chat.messages[id];
  if (!old) return chat;
  return { ...chat, messages: { ...chat.messages, [id]: { ...old, ...change } } };
}

/** A new chat that holds only the path to a message. */
export function forked(chat: Chat, leaf: string, at: number): Chat {
  const copy = newChat(at);
  for (const message of pathTo(chat, leaf)) copy.messages[message.id] = message;
  return { ...copy, title: chat.title, leaf };
}

/** A preset's words are the same every time: its picture's name says more. */
function titleOf(message: Message): string {
  if (message.task && message.task !== "ask" && message.pictures[0]) return message.pictures[0].name;
  const line = message.text.trim().split("\n", 1)[0] ?? "";
  return line.slice(0, 80) || message.pictures[0]?.name || "";
}

export function matches(chat: Chat, query: string): boolean {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return true;
  const has = (text: string): boolean => text.toLowerCase().includes(wanted);
  return has(chat.title) || Object.values(chat.messages).some((m) => has(m.text) || m.pictures.some((p) => has(p.name)));
}

const isText = (value: unknown): value is string => typeof value === "string";

function readPicture(value: unknown): Picture | null {
  const p = value as Partial<Picture> | null;
  if (!p || !isText(p.hash) || !/^[0-9a-f]{64}$/.test(p.hash)) return null;
  const size = (n: unknown): number => (typeof n === "number" && n > 0 ? n : 1);
  const picture: Picture = {
    hash: p.hash, name: isText(p.name) ? p.name : "picture", mime: isText(p.mime) ? p.mime : "image/png",
    bytes: size(p.bytes), width: size(p.width), height: size(p.height),
  };
  const clip = readClip(p.clip);
  // Frames without their times are nothing that could be sent or shown.
  if ((clip !== null) !== (picture.mime === CLIP_MIME)) return null;
  return clip ? { ...picture, clip } : picture;
}

/** A chat out of a file somebody gives us; null if it is none. Unknown fields are dropped. */
export function readChat(value: unknown): Chat | null {
  const c = value as Partial<Chat> | null;
  if (!c || typeof c !== "object" || !isText(c.id) || typeof c.messages !== "object" || c.messages === null) return null;
  const messages: Record<string, Message> = {};
  for (const m of Object.values(c.messages) as Partial<Message>[]) {
    if (!m || !isText(m.id) || !isText(m.text) || (m.role !== "user" && m.role !== "assistant")) return null;
    const pictures = (Array.isArray(m.pictures) ? m.pictures : []).map(readPicture);
    const message: Message = {
      id: m.id, parent: isText(m.parent) ? m.parent : null, role: m.role, text: m.text,
      pictures: pictures.filter((p) => p !== null), at: Number(m.at) || 0,
    };
    if (isTask(m.task)) message.task = m.task;
    if (m.schema !== undefined) message.schema = m.schema;
    if (isText(m.model)) message.model = m.model;
    if (isText(m.finish)) message.finish = m.finish;
    if (m.usage && typeof m.usage === "object") message.usage = m.usage;
    if (m.timing && typeof m.timing === "object") message.timing = m.timing;
    messages[m.id] = message;
  }
  const leaf = isText(c.leaf) && c.leaf in messages ? c.leaf : null;
  return {
    id: c.id, title: isText(c.title) ? c.title : "", created: Number(c.created) || 0, updated: Number(c.updated) || 0,
    messages, leaf,
  };
}
