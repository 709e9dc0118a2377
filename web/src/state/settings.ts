// SPDX-License-Identifier: Apache-2.0
// What the reader chose, kept in this browser. A number that is null leaves the choice to the server.

import { effect, signal } from "@preact/signals";
import { useKey } from "../api/client";
import { lang, type Lang } from "../i18n";

export type Theme = "auto" | "light" | "dark";

export interface Settings {
  theme: Theme;
  system: string;
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  max_tokens: number | null;
  key: string;
  singleKeys: boolean;
  enterSends: boolean;
  sidebar: boolean;
  fields: string;
}

export type NumberSetting = "temperature" | "top_p" | "top_k" | "max_tokens";
export const RANGES: Record<NumberSetting, { min: number; max: number; step: number }> = {
  temperature: { min: 0, max: 2, step: 0.1 },
  top_p: { min: 0.01, max: 1, step: 0.01 },
  top_k: { min: 0, max: 1000, step: 1 },
  max_tokens: { min: 1, max: 262144, step: 1 },
};

const DEFAULTS: Settings = {
  theme: "auto", system: "", temperature: null, top_p: null, top_k: null, max_tokens: null, key: "",
  singleKeys: true, enterSends: true, sidebar: true, fields: "",
};
const PLACE = "monocle.settings";

function load(): Settings & { lang?: Lang } {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Partial<Settings> & { lang?: Lang };
    return { ...DEFAULTS, ...kept };
  } catch {
    return { ...DEFAULTS };
  }
}

const { lang: keptLang, ...kept } = load();
export const settings = signal<Settings>(kept);
if (keptLang === "en" || keptLang === "zh") lang.value = keptLang;

export function change(values: Partial<Settings>): void {
  settings.value = { ...settings.value, ...values };
}

/** Runs for as long as the page lives. */
export function applySettings(): void {
  effect(() => {
    useKey(settings.value.key);
    document.documentElement.lang = lang.value === "zh" ? "zh-CN" : "en";
    const theme = settings.value.theme;
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(PLACE, JSON.stringify({ ...settings.value, lang: lang.value }));
    } catch {
      // Storage may be full or forbidden; the choice then lasts as long as the page.
    }
  });
}
