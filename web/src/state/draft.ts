// SPDX-License-Identifier: Apache-2.0
// The question being written: text, pictures, task, and what it would cost.

import { batch, computed, signal } from "@preact/signals";
import { fetchEstimate } from "../api/client";
import type { Estimate } from "../api/types";
import { lang, t } from "../i18n";
import { addPicture, PictureError, videoType, type Picture } from "../media/picture";
import { firstFields, isPrompt, promptOf, schemaOf, type TaskId } from "../tasks";
import { ask, editing, path, say } from "./app";
import { bodyOf } from "./body";
import { pathTo, type Message } from "./chat";
import { current } from "./app";
import { model, takesPictures, takesVideos } from "./server";
import { change, settings } from "./settings";

export const text = signal("");
export const pictures = signal<readonly Picture[]>([]);
/** Videos whose frames are being cut. */
export interface Cutting {
  id: number;
  name: string;
  done: number;
  /** 0 until it is known. */
  all: number;
  abort: AbortController;
}
export const cutting = signal<readonly Cutting[]>([]);
let cuts = 0;
export const task = signal<TaskId>("ask");
/** What to select in the text box after a preset was put there. */
export const selection = signal<{ from: number; to: number } | null>(null);

export type Cost = { state: "none" } | { state: "counting" } | { state: "known"; estimate: Estimate } | { state: "failed"; message: string };
export const cost = signal<Cost>({ state: "none" });

export const schema = computed(() => (task.value === "fields" ? schemaOf(settings.value.fields) : null));
export const sendable = computed(
  () => (text.value.trim() !== "" || pictures.value.length > 0) && cutting.value.length === 0 && schema.value !== "bad",
);

function stopCutting(): void {
  for (const { abort } of cutting.value) abort.abort();
  cutting.value = [];
}

export function clear(): void {
  batch(() => {
    stopCutting();
    text.value = "";
    pictures.value = [];
    task.value = "ask";
    editing.value = null;
    cost.value = { state: "none" };
  });
}

const demo = (): boolean => model.value?.demo === true;

export function pickTask(next: TaskId): void {
  if (next === "fields" && settings.value.fields.trim() === "") change({ fields: firstFields(demo()) });
  const fields = settings.value.fields;
  const replace = text.value.trim() === "" || isPrompt(text.value, fields);
  batch(() => {
    task.value = next;
    if (!replace) return;
    const prompt = promptOf(next, lang.value, fields, demo());
    text.value = prompt.text;
    selection.value = { from: prompt.from, to: prompt.to };
  });
}

export function setFields(value: string): void {
  const own = isPrompt(text.value, settings.value.fields);
  change({ fields: value });
  if (own) text.value = promptOf("fields", lang.value, value, demo()).text;
}

function add(picture: Picture): void {
  if (!pictures.value.some((p) => p.hash === picture.hash)) pictures.value = [...pictures.value, picture];
}

async function addVideo(file: File, type: string): Promise<void> {
  const abort = new AbortController();
  const id = ++cuts;
  const progress = (done: number, all: number): void => {
    cutting.value = cutting.value.map((cut) => (cut.id === id ? { ...cut, done, all } : cut));
  };
  cutting.value = [...cutting.value, { id, name: file.name, done: 0, all: 0, abort }];
  try {
    const { cutVideo } = await import("../media/cut");
    const clip = await cutVideo(file, type, progress, abort.signal);
    if (!abort.signal.aborted) add(clip);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    cutting.value = cutting.value.filter((cut) => cut.id !== id);
  }
}

async function addFile(file: File): Promise<void> {
  const video = await videoType(file);
  if (video !== "" && !takesVideos.value) say(t("clip.unsupported"));
  else if (video !== "") await addVideo(file, video);
  else if (!takesPictures.value) say(t("picture.unsupported"));
  else add(await addPicture(file));
}

export async function addFiles(files: Iterable<File>): Promise<void> {
  // One after the other, in the order given: the model reads them in that order.
  for (const file of [...files]) {
    try {
      await addFile(file);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      say(t(`picture.${error.problem}`, { name: error.file || "?", type: error.type }));
    }
  }
}

export function cancelCut(id: number): void {
  const cut = cutting.value.find((c) => c.id === id);
  cutting.value = cutting.value.filter((c) => c !== cut);
  cut?.abort.abort();
}

export async function halve(picture: Picture): Promise<void> {
  const fewer = await (await import("../media/cut")).halved(picture);
  if (fewer) pictures.value = pictures.value.map((p) => (p === picture ? fewer : p));
}

export function removePicture(hash: string): void {
  pictures.value = pictures.value.filter((p) => p.hash !== hash);
}

export function edit(message: Message): void {
  batch(() => {
    stopCutting();
    editing.value = message;
    text.value = message.text;
    pictures.value = message.pictures;
    task.value = message.task ?? "ask";
    selection.value = { from: message.text.length, to: message.text.length };
  });
}

export function send(): boolean {
  if (!sendable.value || schema.value === "bad") return false;
  ask({ text: text.value.trim(), pictures: [...pictures.value], task: task.value, schema: schema.value });
  clear();
  return true;
}

/** What the question would be asked after. */
export function branch(): Message[] {
  const chat = current.value;
  return editing.value && chat ? pathTo(chat, editing.value.parent) : path.value;
}

let asked: AbortController | null = null;

/** Asks the server what the draft would cost, as it would be sent. */
export async function estimate(): Promise<void> {
  asked?.abort();
  if (!sendable.value || schema.value === "bad" || !model.value) {
    cost.value = { state: "none" };
    return;
  }
  const mine = new AbortController();
  asked = mine;
  if (cost.value.state !== "known") cost.value = { state: "counting" };
  try {
    const question = { role: "user" as const, text: text.value.trim(), pictures: [...pictures.value], schema: schema.value ?? undefined };
    const body = await bodyOf([...branch(), question], model.value.id);
    const found = await fetchEstimate(body, mine.signal);
    if (asked === mine) cost.value = { state: "known", estimate: found };
  } catch (error) {
    if (asked === mine && !mine.signal.aborted) {
      cost.value = { state: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }
}
