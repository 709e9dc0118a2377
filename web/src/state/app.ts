// SPDX-License-Identifier: Apache-2.0
// The state of the page and everything that changes it. Components read the signals and call the functions.

import { batch, computed, signal } from "@preact/signals";
import { t } from "../i18n";
import { dataUri, keepPicture, restorePicture, type Picture } from "../media/picture";
import type { TaskId } from "../tasks";
import * as db from "./db";
import {
  forked, matches, newChat, newestLeaf, newId, patched, pathTo, readChat, withMessage, type Chat, type Message,
} from "./chat";
import { startAnswer, stopAnswer, streamOf } from "./stream";

export const chats = signal<readonly Chat[]>([]);
export const currentId = signal<string | null>(null);
export const query = signal("");
export const editing = signal<Message | null>(null);
export const ready = signal(false);

export type Panel = "settings" | "help" | "status";
export const panel = signal<Panel | null>(null);
/** The message whose request is shown as code. */
export const asCode = signal<string | null>(null);

export interface Toast {
  text: string;
  action?: { label: string; run: () => void };
}
export const toast = signal<Toast | null>(null);
const LONG_TEXT = 90;
let toastTimer = 0;
export function say(text: string, action?: Toast["action"]): void {
  clearTimeout(toastTimer);
  toast.value = action ? { text, action } : { text };
  toastTimer = window.setTimeout(() => (toast.value = null), action || text.length > LONG_TEXT ? 8000 : 4000);
}

export const current = computed(() => chats.value.find((chat) => chat.id === currentId.value) ?? null);
export const path = computed(() => (current.value ? pathTo(current.value, current.value.leaf) : []));
export const found = computed(() =>
  chats.value.filter((chat) => matches(chat, query.value)).sort((a, b) => b.updated - a.updated),
);

export function chatOf(id: string): Chat | undefined {
  return chats.value.find((chat) => chat.id === id);
}

export function store(chat: Chat): void {
  const others = chats.value.filter((other) => other.id !== chat.id);
  chats.value = [...others, chat];
  void db.put("chats", chat.id, chat).catch(() => say(t("nav.unsaved")));
}

export function show(id: string | null): void {
  batch(() => {
    currentId.value = id;
    editing.value = null;
  });
  const hash = id ? `#/c/${id}` : "#/";
  if (location.hash !== hash) history.pushState(null, "", hash);
}

function showFromAddress(): void {
  const id = /^#\/c\/([0-9a-f]+)$/.exec(location.hash)?.[1] ?? null;
  currentId.value = id !== null && chatOf(id) ? id : null;
}

export async function loadChats(): Promise<void> {
  const stored = (await db.all<unknown>("chats").catch(() => [])).map(readChat).filter((chat) => chat !== null);
  chats.value = stored.map(closeLost);
  showFromAddress();
  window.addEventListener("popstate", showFromAddress);
  ready.value = true;
}

/** An answer without an end was cut off when the page went away. */
function closeLost(chat: Chat): Chat {
  const open = Object.values(chat.messages).filter((m) => m.role === "assistant" && !m.finish && !m.failure);
  return open.reduce((c, m) => patched(c, m.id, { finish: "lost" }), chat);
}

export interface Question {
  text: string;
  pictures: Picture[];
  task: TaskId;
  schema: unknown;
}

/** Adds the question to the branch on the screen, or beside the question being edited, and starts the answer. */
export function ask(question: Question): void {
  const at = Date.now();
  const chat = current.value ?? newChat(at);
  const message: Message = {
    id: newId(), parent: editing.value ? editing.value.parent : chat.leaf, role: "user", text: question.text,
    pictures: question.pictures, at, task: question.task,
  };
  if (question.schema !== null && question.schema !== undefined) message.schema = question.schema;
  for (const picture of question.pictures) void keepPicture(picture.hash).catch(() => undefined);
  const asked = withMessage(chat, message);
  store(asked);
  show(chat.id);
  answer(asked, message);
}

function answer(chat: Chat, question: Message): void {
  const reply: Message = {
    id: newId(), parent: question.id, role: "assistant", text: "", pictures: [], at: Date.now(),
  };
  store(withMessage(chat, reply));
  startAnswer(chat.id, reply.id);
}

/** A second answer to the same question, beside the first. */
export function again(message: Message): void {
  const chat = current.value;
  const question = message.parent ? chat?.messages[message.parent] : undefined;
  if (!chat || !question) return;
  stopAnswer(message.id);
  answer(chat, question);
}

export function switchTo(message: Message): void {
  if (current.value) store({ ...current.value, leaf: newestLeaf(current.value, message.id) });
}

export function branchOff(message: Message): Chat | null {
  if (!current.value) return null;
  const copy = forked(current.value, message.id, Date.now());
  store(copy);
  show(copy.id);
  return copy;
}

export async function removeChat(id: string): Promise<Chat | undefined> {
  const chat = chatOf(id);
  if (!chat) return undefined;
  for (const message of Object.values(chat.messages)) stopAnswer(message.id);
  chats.value = chats.value.filter((other) => other.id !== id);
  if (currentId.value === id) show(null);
  await db.remove("chats", id).catch(() => undefined);
  return chat;
}

function usedPictures(): Set<string> {
  const used = new Set<string>();
  for (const chat of chats.value) {
    for (const message of Object.values(chat.messages)) for (const picture of message.pictures) used.add(picture.hash);
  }
  return used;
}

export const pictureCount = computed(() => usedPictures().size);

/** Drops the bytes of pictures and clips that no chat shows any more. Not at once, so that a deletion can be undone. */
export async function dropUnusedPictures(): Promise<void> {
  const used = usedPictures();
  for (const hash of await db.keys("pictures").catch(() => [])) {
    if (!used.has(hash)) await db.remove("pictures", hash).catch(() => undefined);
  }
}

export async function clearAll(): Promise<void> {
  for (const chat of chats.value) await removeChat(chat.id);
  await dropUnusedPictures();
}

export async function exportAll(): Promise<Blob> {
  const parts: string[] = [`{"format":"monocle-chats","version":1,"chats":${JSON.stringify(chats.value)},"pictures":{`];
  let comma = "";
  for (const hash of usedPictures()) {
    const uri = await dataUri(hash);
    if (uri === null) continue;
    parts.push(`${comma}"${hash}":${JSON.stringify(uri)}`);
    comma = ",";
  }
  parts.push("}}");
  return new Blob(parts, { type: "application/json" });
}

/** How many chats came in; null if the file is not one of ours. A chat that is here already is replaced. */
export async function importAll(text: string): Promise<number | null> {
  let file: { format?: unknown; chats?: unknown; pictures?: unknown };
  try {
    file = JSON.parse(text) as typeof file;
  } catch {
    return null;
  }
  if (file?.format !== "monocle-chats" || !Array.isArray(file.chats)) return null;
  const read = file.chats.map(readChat).filter((chat) => chat !== null).map(closeLost);
  for (const [hash, uri] of Object.entries((file.pictures ?? {}) as Record<string, unknown>)) {
    if (typeof uri === "string") await restorePicture(hash, uri).catch(() => false);
  }
  for (const chat of read) store(chat);
  return read.length;
}

export const answering = computed(() => path.value.find((message) => streamOf(message.id)) ?? null);
