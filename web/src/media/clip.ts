// SPDX-License-Identifier: Apache-2.0
// A video as the server reads it: frames and their times. What is decided here needs no browser.

export interface Clip {
  /** The second of each frame, ascending, evenly apart. */
  times: number[];
  /** Of the video, in seconds. */
  duration: number;
}

/** What a clip is to the store and on the wire: JPEG frames, one after the other. */
export const CLIP_MIME = "video/jpeg";
/** The rate the model was trained with. */
export const USUAL_STEP = 0.5;
export const MAX_FRAMES = 240;
/** What the server takes at most; a chat out of a file may hold as many. */
const SERVER_FRAMES = 768;
const LONG_SIDE = 768;

const even = (n: number): number => Math.max(2, Math.floor(n / 2) * 2);

/** When to look at a video of this length: twice a second, or as often as MAX_FRAMES allow. */
export function frameTimes(duration: number): number[] {
  const step = Math.max(USUAL_STEP, duration / MAX_FRAMES);
  const count = Math.max(1, Math.min(MAX_FRAMES, Math.ceil(duration / step)));
  return Array.from({ length: count }, (_, i) => Math.round(i * step * 1000) / 1000);
}

/** The size of its frames: never larger than the video, and even, as encoders like it. */
export function frameSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONG_SIDE / Math.max(width, height));
  return { width: even(Math.round(width * scale)), height: even(Math.round(height * scale)) };
}

export function stepOf(clip: Clip): number {
  const last = clip.times.length - 1;
  return last > 0 ? (clip.times[last]! - clip.times[0]!) / last : USUAL_STEP;
}

/** 1:05, 1:00:05 */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (n: number): string => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${h > 0 ? `${h}:${two(m)}` : m}:${two(whole % 60)}`;
}

/** A clip out of a file somebody gives us; null if it is none. */
export function readClip(value: unknown): Clip | null {
  const { times, duration } = (value ?? {}) as Partial<Clip>;
  if (!Array.isArray(times) || times.length < 1 || times.length > SERVER_FRAMES) return null;
  const ascends = times.every((s, i) => Number.isFinite(s) && s >= (i > 0 ? times[i - 1]! : 0));
  if (!ascends) return null;
  const last = times[times.length - 1]!;
  return { times: [...times], duration: Number.isFinite(duration) && duration! >= last ? duration! : last };
}
