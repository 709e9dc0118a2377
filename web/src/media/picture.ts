// SPDX-License-Identifier: Apache-2.0
// Pictures as the page keeps them: the user's own bytes, never resized or encoded again, found by their hash. A video is
// kept beside them as its frames, one record under the hash of them all; its first frame stands for it where one does.

import * as db from "../state/db";
import { CLIP_MIME, type Clip } from "./clip";
import { hashOf } from "./hash";

export interface Picture {
  hash: string;
  name: string;
  mime: string;
  bytes: number;
  /** In pixels, upright: after the camera's orientation mark is applied, which the server does as well. */
  width: number;
  height: number;
  /** Of a video: then all the rest is about its frames. */
  clip?: Clip;
}

export type PictureProblem = "type" | "unreadable" | "size" | "pdf" | "video" | "blind";

export class PictureError extends Error {
  constructor(readonly problem: PictureProblem, readonly file: string, readonly type = "") {
    super(problem);
  }
}

export const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"] as const;
export const MAX_BYTES = 40 * 1024 * 1024;
/** Beyond this ratio of the sides the model's places drift. */
export const LONG_RATIO = 5;

const HEAD = 16;
const WEBM = "\x1a\x45\xdf\xa3";
const urls = new Map<string, string>();
type Stored = Blob | Blob[];

/** The type by its first bytes: a name or a declared type may be wrong. */
export function sniff(head: Uint8Array): string {
  const ascii = String.fromCharCode(...head.slice(0, HEAD));
  if (ascii.startsWith("\x89PNG")) return "image/png";
  if (ascii.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (ascii.startsWith("GIF8")) return "image/gif";
  if (ascii.startsWith("BM")) return "image/bmp";
  if (ascii.startsWith("RIFF") && ascii.slice(8, 12) === "WEBP") return "image/webp";
  if (ascii.startsWith("%PDF")) return "application/pdf";
  if (ascii.slice(4, 8) === "ftyp" && !/^(?:avif|heic|heix|mif1)/.test(ascii.slice(8))) return "video/mp4";
  if (ascii.startsWith(WEBM)) return "video/webm";
  return "";
}

/** The type of a video; empty for anything else. Containers without a mark of their own are taken at their word. */
export async function videoType(file: File): Promise<string> {
  const found = sniff(new Uint8Array(await file.slice(0, HEAD).arrayBuffer())) || file.type;
  return found.startsWith("video/") ? found : "";
}

async function sizeOf(url: string): Promise<{ width: number; height: number }> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

export async function addPicture(file: File): Promise<Picture> {
  if (file.size > MAX_BYTES) throw new PictureError("size", file.name);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const mime = sniff(bytes);
  if (mime === "application/pdf") throw new PictureError("pdf", file.name);
  if (!(ACCEPTED as readonly string[]).includes(mime)) throw new PictureError("type", file.name);
  const hash = await hashOf(bytes);
  const blob = new Blob([bytes], { type: mime });
  const url = urls.get(hash) ?? URL.createObjectURL(blob);
  try {
    const size = await sizeOf(url);
    urls.set(hash, url);
    await db.put("pictures", hash, blob).catch(() => undefined);
    return { hash, name: file.name || "picture", mime, bytes: file.size, ...size };
  } catch {
    if (!urls.has(hash)) URL.revokeObjectURL(url);
    throw new PictureError("unreadable", file.name);
  }
}

async function hashOfAll(frames: Blob[]): Promise<string> {
  return hashOf(new Uint8Array(await new Blob(frames).arrayBuffer()));
}

export async function addClip(name: string, frames: Blob[], size: Required<Pick<Picture, "clip" | "width" | "height">>): Promise<Picture> {
  const hash = await hashOfAll(frames);
  await db.put("pictures", hash, frames).catch(() => undefined);
  return { hash, name: name || "video", mime: CLIP_MIME, bytes: frames.reduce((sum, frame) => sum + frame.size, 0), ...size };
}

/** Stores a picture again. Another tab may have dropped it as unused while it was only in a draft. */
export async function keepPicture(hash: string): Promise<void> {
  const stored = await db.get<Stored>("pictures", hash);
  if (stored) await db.put("pictures", hash, stored);
}

/** The frames of a clip; a picture is its only one. */
export async function framesOf(hash: string): Promise<Blob[] | null> {
  const stored = await db.get<Stored>("pictures", hash);
  return stored === undefined ? null : [stored].flat();
}

/** An address of the picture for <img>; null when its bytes are gone. */
export async function urlOf(hash: string): Promise<string | null> {
  const known = urls.get(hash);
  if (known) return known;
  const blob = (await framesOf(hash))?.[0];
  if (!blob) return null;
  const url = urls.get(hash) ?? URL.createObjectURL(blob);
  urls.set(hash, url);
  return url;
}

export function knownUrl(hash: string): string | null {
  return urls.get(hash) ?? null;
}

function uriOf(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(blob);
  });
}

/** The last clip: its cost is asked for again with every pause in typing. */
let written = { hash: "", uri: "" };

export async function dataUri(hash: string): Promise<string | null> {
  if (written.hash === hash) return written.uri;
  const stored = await db.get<Stored>("pictures", hash);
  if (!stored) return null;
  if (!Array.isArray(stored)) return uriOf(stored);
  const frames = await Promise.all(stored.map(uriOf));
  written = { hash, uri: `data:${CLIP_MIME};base64,${frames.map((uri) => uri.slice(uri.indexOf(",") + 1)).join(",")}` };
  return written.uri;
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** Puts a picture or clip of an exported file back; false if its bytes are not what its hash says. */
export async function restorePicture(hash: string, uri: string): Promise<boolean> {
  const [, mime = "", base64 = ""] = /^data:([a-z]+\/[a-z]+);base64,([A-Za-z0-9+/=,]*)$/.exec(uri) ?? [];
  const clip = mime === CLIP_MIME;
  if (!clip && !(ACCEPTED as readonly string[]).includes(mime)) return false;
  const blobs = base64.split(",").map((part) => new Blob([bytesOf(part)], { type: clip ? "image/jpeg" : mime }));
  if ((!clip && blobs.length > 1) || (await hashOfAll(blobs)) !== hash) return false;
  await db.put("pictures", hash, clip ? blobs : blobs[0]);
  return true;
}
