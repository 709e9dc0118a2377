// SPDX-License-Identifier: Apache-2.0
// What an answer says about places in a picture: boxes, points and steps, on the model's grid of 0..1000 in both
// directions whatever the size of the picture. Reads the forms Qwen3-VL is trained on and their close relatives.

export const GRID = 1000;
const MAX_FOUND = 1000;
const MAX_DEPTH = 8;

export type XY = readonly [number, number];

export interface Place {
  kind: "box" | "point";
  /** Two corners of a box (top left, bottom right) or the point twice. */
  from: XY;
  to: XY;
  label: string;
  /** Which of several pictures, from 0, if the answer says so. */
  picture: number | null;
  /** True when a number was outside 0..1000 and the place was moved to the border. */
  clamped: boolean;
}

export interface Step {
  /** The model's own word: "click", "left_click", "type". */
  verb: string;
  point: XY | null;
  /** Where a drag or swipe ends. */
  to: XY | null;
  /** What is typed, pressed, answered or waited for. */
  detail: string;
  label: string;
  clamped: boolean;
}

export interface Findings {
  places: Place[];
  steps: Step[];
}

type Dict = Record<string, unknown>;

function isDict(value: unknown): value is Dict {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numbers(value: unknown, count: number): number[] | null {
  if (!Array.isArray(value) || value.length !== count) return null;
  return value.every((n) => typeof n === "number" && Number.isFinite(n)) ? (value as number[]) : null;
}

function first<T>(item: Dict, keys: readonly string[], read: (value: unknown) => T | null): T | null {
  for (const key of keys) {
    if (key in item) {
      const found = read(item[key]);
      if (found !== null) return found;
    }
  }
  return null;
}

function words(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((v) => typeof v === "string")) return value.join(" + ");
  return null;
}

const clamp = (n: number): number => Math.min(GRID, Math.max(0, n));
const outside = (list: readonly number[]): boolean => list.some((n) => n < 0 || n > GRID);
const pair = (n: readonly number[]): XY => [clamp(n[0]!), clamp(n[1]!)];

const BOX_KEYS = ["bbox_2d", "bbox", "box_2d", "box"] as const;
const POINT_KEYS = ["point_2d", "point", "coordinate", "coordinates"] as const;
const LABEL_KEYS = ["label", "text_content", "name", "category", "text", "value", "description"] as const;
const DETAIL_KEYS = ["text", "keys", "key", "direction", "button", "status", "pixels", "amount", "time", "seconds"] as const;
const END_KEYS = ["to", "end", "coordinate2", "end_point", "target"] as const;
const PICTURE_KEYS = ["image_index", "img_idx", "picture"] as const;

function box(item: Dict): number[] | null {
  return first(item, BOX_KEYS, (value) => {
    const nested = Array.isArray(value) && Array.isArray(value[0]) && value.length === 1 ? value[0] : value;
    return numbers(nested, 4);
  });
}

function point(item: Dict): number[] | null {
  return first(item, POINT_KEYS, (value) => numbers(value, 2));
}

function place(item: Dict): Place | null {
  const corners = box(item);
  const spot = corners ?? point(item);
  if (!spot) return null;
  const a = pair(spot);
  const b = corners ? pair(corners.slice(2)) : a;
  return {
    kind: corners ? "box" : "point",
    from: [Math.min(a[0], b[0]), Math.min(a[1], b[1])],
    to: [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
    label: first(item, LABEL_KEYS, words) ?? "",
    picture: first(item, PICTURE_KEYS, (n) => (typeof n === "number" && Number.isInteger(n) && n >= 0 ? n : null)),
    clamped: outside(spot),
  };
}

function step(item: Dict, verb: string): Step {
  const corners = box(item);
  const centre = corners && [(corners[0]! + corners[2]!) / 2, (corners[1]! + corners[3]!) / 2];
  const at = point(item) ?? centre;
  const end = first(item, END_KEYS, (value) => numbers(value, 2));
  const label = first(item, ["label", "name", "target", "element", "description"], (v) => (typeof v === "string" ? v : null));
  return {
    verb,
    point: at && pair(at),
    to: end && pair(end),
    detail: first(item, DETAIL_KEYS, words) ?? "",
    label: label ?? "",
    clamped: outside([...(at ?? []), ...(end ?? [])]),
  };
}

function argumentsOf(item: Dict): unknown {
  const given = item["arguments"] ?? item["parameters"];
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

function walk(value: unknown, found: Findings, depth: number): void {
  if (depth > MAX_DEPTH || found.places.length + found.steps.length >= MAX_FOUND) return;
  if (Array.isArray(value)) {
    for (const item of value) walk(item, found, depth + 1);
    return;
  }
  if (!isDict(value)) return;
  const call = argumentsOf(value);
  if (call !== undefined && typeof value["name"] === "string") {
    walk(call, found, depth + 1);
    return;
  }
  const verb = value["op"] ?? value["action"];
  if (typeof verb === "string") {
    found.steps.push(step(value, verb));
    return;
  }
  const here = place(value);
  if (here) found.places.push(here);
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === "object" && inner !== null && !(here && isPlaceKey(key))) walk(inner, found, depth + 1);
  }
}

function isPlaceKey(key: string): boolean {
  return ([...BOX_KEYS, ...POINT_KEYS] as string[]).includes(key);
}

export function findingsOf(value: unknown): Findings {
  const found: Findings = { places: [], steps: [] };
  walk(value, found, 0);
  return found;
}

/** A grid coordinate in pixels of a picture side. */
export function toPixels(at: XY, width: number, height: number): XY {
  return [Math.round((at[0] / GRID) * width), Math.round((at[1] / GRID) * height)];
}
