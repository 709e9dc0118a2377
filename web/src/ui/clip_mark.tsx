// SPDX-License-Identifier: Apache-2.0
import { count, t } from "../i18n";
import { clock, stepOf, USUAL_STEP, type Clip } from "../media/clip";
import { Icon } from "./icons";

/** What tells the first frame of a video from a picture. */
export function ClipMark({ time }: { time?: string }) {
  return <span class="clip-mark" aria-hidden="true"><Icon name="play" size={time ? 16 : 14} />{time}</span>;
}

/** How long, how many frames, and how far apart where that is more than usual. */
export function clipFacts(clip: Clip): string[] {
  const step = stepOf(clip);
  const s = Number(step.toFixed(step < 10 ? 1 : 0));
  return [
    clock(clip.duration), t("clip.frames", { n: count(clip.times.length) }),
    step > USUAL_STEP * 1.05 ? t("clip.rate", { s }) : "",
  ];
}
