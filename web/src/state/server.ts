// SPDX-License-Identifier: Apache-2.0
// What the page knows about its server: the model, asked once and again after a failure, and the live status, asked
// every two seconds while somebody can see it.

import { computed, signal } from "@preact/signals";
import { ApiError, fetchModel, fetchStatus } from "../api/client";
import type { Model, Status } from "../api/types";

const EVERY_MS = 2000;

export const model = signal<Model | null>(null);
export const status = signal<Status | null>(null);
export const link = signal<"connecting" | "online" | "offline" | "locked">("connecting");

export const takesPictures = computed(() => model.value?.capabilities?.image !== false);
export const takesVideos = computed(() => model.value?.capabilities?.video !== false);

let timer = 0;
let asking = false;

async function ask(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    if (!model.value || link.value !== "online") model.value = await fetchModel();
    status.value = await fetchStatus();
    link.value = "online";
  } catch (error) {
    const status_ = error instanceof ApiError ? error.status : 0;
    // A server without /ui/status still answers questions.
    if (status_ === 404 && model.value) link.value = "online";
    else link.value = status_ === 401 ? "locked" : "offline";
    if (status_ !== 404) status.value = null;
  } finally {
    asking = false;
  }
}

async function tick(): Promise<void> {
  clearTimeout(timer);
  if (document.visibilityState === "visible") await ask();
  timer = window.setTimeout(() => void tick(), EVERY_MS);
}

export function refresh(): void {
  void tick();
}

export function watchServer(): void {
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  refresh();
}
