// SPDX-License-Identifier: Apache-2.0
// Cuts a video file into frames. The browser decodes it, so what it plays is what can be added, and the file itself goes
// nowhere: neither to the server nor into the store.

import { frameSize, frameTimes } from "./clip";
import { addClip, framesOf, MAX_BYTES, PictureError, type Picture } from "./picture";

const QUALITY = 0.85;
/** A browser that cannot decode a place in a file may never answer. */
const STALL_MS = 20_000;
/** How long a frame may take from decoded to shown. One that was shown already is not announced again. */
const SHOWN_MS = 250;
/** Beyond the end of any video. */
const FAR_S = 1e9;

export type Progress = (done: number, all: number) => void;

/** Waits for an event of the video; fails with it, with the user, and after a while. */
function next(video: HTMLVideoElement, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const listeners = new AbortController();
    const end = (settle: () => void) => (): void => {
      clearTimeout(timer);
      listeners.abort();
      settle();
    };
    const fail = end(() => reject(new Error(video.error?.message || event)));
    // A browser may also leave the work for when somebody looks again.
    const late = (): void => void (document.hidden ? (timer = window.setTimeout(late, STALL_MS)) : fail());
    let timer = window.setTimeout(late, STALL_MS);
    video.addEventListener(event, end(resolve), { signal: listeners.signal });
    video.addEventListener("error", fail, { signal: listeners.signal });
    signal.addEventListener("abort", fail, { signal: listeners.signal });
    if (signal.aborted) fail();
  });
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** On a busy machine "seeked" comes before the frame: until it is shown, a canvas would get the one before. */
async function seek(video: HTMLVideoElement, seconds: number, signal: AbortSignal): Promise<void> {
  const there = next(video, "seeked", signal);
  const announces = "requestVideoFrameCallback" in video;
  const shown = new Promise<void>((resolve) => announces && video.requestVideoFrameCallback(() => resolve()));
  video.currentTime = seconds;
  await there;
  if (announces) await Promise.race([shown, rest(SHOWN_MS)]);
}

/** Recordings made in a browser do not say how long they are until their end was seen. */
async function lengthOf(video: HTMLVideoElement, signal: AbortSignal): Promise<number> {
  if (Number.isFinite(video.duration)) return video.duration;
  await seek(video, FAR_S, signal);
  return Number.isFinite(video.duration) ? video.duration : video.currentTime;
}

function jpegOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no JPEG"))), "image/jpeg", QUALITY);
  });
}

interface Cut {
  frames: Blob[];
  times: number[];
  duration: number;
  width: number;
  height: number;
}

async function cutAll(video: HTMLVideoElement, progress: Progress, signal: AbortSignal): Promise<Cut> {
  const duration = await lengthOf(video, signal);
  const times = frameTimes(duration);
  const { width, height } = frameSize(video.videoWidth, video.videoHeight);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { alpha: false });
  if (!pen) throw new Error("no canvas");
  const frames: Blob[] = [];
  for (const seconds of times) {
    progress(frames.length, times.length);
    await seek(video, seconds, signal);
    pen.drawImage(video, 0, 0, width, height);
    frames.push(await jpegOf(canvas));
  }
  return { frames, times, duration, width, height };
}

const half = <T>(list: T[]): T[] => list.filter((_, i) => i % 2 === 0);

/** A request must not grow beyond what the server takes: every other frame goes until it does not. */
function thinned(cut: Cut): Cut {
  if (cut.frames.length < 2 || cut.frames.reduce((sum, frame) => sum + frame.size, 0) <= MAX_BYTES) return cut;
  return thinned({ ...cut, frames: half(cut.frames), times: half(cut.times) });
}

/** The same video with every other frame; null if its frames are gone. */
export async function halved({ hash, name, clip, width, height }: Picture): Promise<Picture | null> {
  const frames = await framesOf(hash);
  return frames && clip ? addClip(name, half(frames), { clip: { ...clip, times: half(clip.times) }, width, height }) : null;
}

/** Throws PictureError; whatever else it throws once `signal` is aborted means nothing. */
export async function cutVideo(file: File, type: string, progress: Progress, signal: AbortSignal): Promise<Picture> {
  const url = URL.createObjectURL(file);
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  try {
    const open = next(video, "loadedmetadata", signal);
    video.src = url;
    await open;
    if (video.videoWidth === 0) throw new PictureError("blind", file.name);
    const { frames, times, duration, width, height } = thinned(await cutAll(video, progress, signal));
    return await addClip(file.name, frames, { clip: { times, duration }, width, height });
  } catch (error) {
    throw error instanceof PictureError ? error : new PictureError("video", file.name, file.type || type);
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}
