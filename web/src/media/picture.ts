// SPDX-License-Identifier: Apache-2.0
// Pictures as the page keeps them: the user's own bytes, never resized or encoded again, found by their hash.

import * as db from "../state/db";
import { hashOf } from "./hash";

export interface Picture {
  hash: string;
  name: string;
  mime: string;
  bytes: number;
  /** In pixels, upright: after the camera's orientation mark is applied, which the server does as well. */
  width: number;
  height: number;
}

export type PictureProblem = "type" | "unreadable" | "size" | "pdf" | "video";

export class PictureError extends Error {
  constructor(readonly problem: PictureProblem, readonly file: string) {
    super(problem);
  }
}

export const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"] as const;
export const MAX_BYTES = 40 * 1024 * 1024;
/** Beyond this ratio of the sides the model's places drift. */
export const LONG_RATIO = 5;

const urls = new Map<string, string>();

/** The type by its first bytes: a name or a declared type may be wrong. */
export function sniff(head: Uint8Array): string {
  const ascii = String.fromCharCode(...head.slice(0, 16));
  if (ascii.startsWith("\x89PNG")) return "image/png";
  if (ascii.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (ascii.startsWith("GIF8")) return "image/gif";
  if (ascii.startsWith("BM")) return "image/bmp";
  if (ascii.startsWith("RIFF") && ascii.slice(8, 12) === "WEBP") return "image/webp";
  if (ascii.startsWith("%PDF")) return "application/pdf";
  if (ascii.slice(4, 8) === "ftyp" && !/^(?:avif|heic|heix|mif1)/.test(ascii.slice(8))) return "video/mp4";
  return "";
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
  if (mime === "video/mp4" || file.type.startsWith("video/")) throw new PictureError("video", file.name);
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

/** Stores a picture again. Another tab may have dropped it as unused while it was only in a draft. */
export async function keepPicture(hash: string): Promise<void> {
  const blob = await db.get<Blob>("pictures", hash);
  if (blob) await db.put("pictures", hash, blob);
}

/** An address of the picture for <img>; null when its bytes are gone. */
export async function urlOf(hash: string): Promise<string | null> {
  const known = urls.get(hash);
  if (known) return known;
  const blob = await db.get<Blob>("pictures", hash);
  if (!blob) return null;
  const url = urls.get(hash) ?? URL.createObjectURL(blob);
  urls.set(hash, url);
  return url;
}

export function knownUrl(hash: string): string | null {
  return urls.get(hash) ?? null;
}

export async function dataUri(hash: string): Promise<string | null> {
  const blob = await db.get<Blob>("pictures", hash);
  if (!blob) return null;
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(blob);
  });
}

/** Puts a picture of an exported file back; false if its bytes are not what its hash says. */
export async function restorePicture(hash: string, uri: string): Promise<boolean> {
  const match = /^data:([a-z]+\/[a-z]+);base64,([A-Za-z0-9+/=]*)$/.exec(uri);
  if (!match || !(ACCEPTED as readonly string[]).includes(match[1]!)) return false;
  const bytes = Uint8Array.from(atob(match[2]!), (c) => c.charCodeAt(0));
  if ((await hashOf(bytes)) !== hash) return false;
  await db.put("pictures", hash, new Blob([bytes], { type: match[1]! }));
  return true;
}
