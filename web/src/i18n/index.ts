// SPDX-License-Identifier: Apache-2.0
import { signal } from "@preact/signals";
import { en } from "./en";
import type { en as later } from "./panels_en";
import { zh } from "./zh";

export type Key = keyof typeof en | keyof typeof later;
export type Lang = "en" | "zh";

type Texts = Partial<Record<Key, string>>;
const TEXTS: Record<Lang, Texts> = { en, zh };

/** Texts of a part of the page that is fetched when it is needed. */
export function addTexts(more: Record<Lang, Texts>): void {
  Object.assign(TEXTS.en, more.en);
  Object.assign(TEXTS.zh, more.zh);
}

export const lang = signal<Lang>(navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (TEXTS[lang.value][key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** 12,345 in the reader's way. */
export function count(n: number): string {
  return new Intl.NumberFormat(lang.value).format(n);
}

export function bytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let value = n;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
  const m = Math.floor(s / 60);
  return m < 60 ? `${m} min ${Math.round(s % 60)} s` : `${Math.floor(m / 60)} h ${m % 60} min`;
}
