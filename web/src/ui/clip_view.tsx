// SPDX-License-Identifier: Apache-2.0
// The frames of a video over the whole window, as the model gets them: a slider with their times, and a strip of them.

import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { clock, type Clip } from "../media/clip";
import { framesOf, type Picture } from "../media/picture";
import "../style/clip.css";
import { IconButton, useModal } from "./bits";
import { clipFacts } from "./clip_mark";
import { Facts } from "./facts";
import { Shown } from "./picture_view";

const FRAME_MS = 500;
/** As many as stay wide enough to be recognised. */
const STRIP = matchMedia("(max-width: 720px)").matches ? 6 : 12;

function useFrames(hash: string): string[] {
  const [urls, setUrls] = useState<string[]>([]);
  useEffect(() => {
    let made: string[] | null = [];
    void framesOf(hash).catch(() => null).then((frames) => {
      if (!made || !frames) return;
      made = frames.map((frame) => URL.createObjectURL(frame));
      setUrls(made);
    });
    return () => {
      made?.forEach((url) => URL.revokeObjectURL(url));
      made = null;
    };
  }, [hash]);
  return urls;
}

/** 0:03.5 */
const exact = (seconds: number): string => `${clock(seconds)}.${Math.floor((seconds % 1) * 10 + 1e-6)}`;

interface StripProps {
  urls: string[];
  now: number;
  onPick: (frame: number) => void;
}

/** For the eye and the mouse; the slider below says the same to everybody. */
function Strip({ urls, now, onPick }: StripProps) {
  const shown = Math.min(STRIP, urls.length);
  const frames = Array.from({ length: shown }, (_, i) => Math.round((i * (urls.length - 1)) / Math.max(1, shown - 1)));
  const lit = frames.filter((frame) => frame <= now).length - 1;
  return (
    <div class="clip-strip" aria-hidden="true">
      {frames.map((frame, i) => <img key={i} class={i === lit ? "lit" : ""} src={urls[frame]} alt="" draggable={false} onClick={() => onPick(frame)} />)}
    </div>
  );
}

function Controls({ clip, urls, now, onPick }: StripProps & { clip: Clip }) {
  const [playing, setPlaying] = useState(false);
  const last = clip.times.length - 1;
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => (now < last ? onPick(now + 1) : setPlaying(false)), FRAME_MS);
    return () => clearTimeout(timer);
  }, [playing, now]);
  const go = (frame: number): void => {
    setPlaying(false);
    onPick(Math.min(last, Math.max(0, frame)));
  };
  const play = (): void => {
    if (!playing && now === last) onPick(0);
    setPlaying(!playing);
  };
  const at = exact(clip.times[now]!);
  return (
    <footer class="clip-controls">
      <Strip urls={urls} now={now} onPick={go} />
      <div class="row">
        <IconButton icon="left" label={t("clip.previous")} disabled={now === 0} onClick={() => go(now - 1)} />
        <IconButton icon={playing ? "pause" : "play"} label={t(playing ? "steps.pause" : "steps.play")} onClick={play} />
        <IconButton icon="right" label={t("clip.next")} disabled={now === last} onClick={() => go(now + 1)} />
        <input
          type="range" min={0} max={last} step={1} value={now} aria-label={t("clip.frame")} autofocus
          aria-valuetext={t("clip.at", { at, n: now + 1, all: last + 1 })} onInput={(event) => go(Number(event.currentTarget.value))}
        />
        <output>{at} / {exact(clip.duration)}</output>
      </div>
    </footer>
  );
}

export default function ClipView({ picture, clip, onClose }: { picture: Picture; clip: Clip; onClose: () => void }) {
  const modal = useModal(onClose);
  const urls = useFrames(picture.hash);
  const [now, setNow] = useState(0);
  const { name, width, height } = picture;
  const url = urls[now];
  return (
    <dialog {...modal} class="zoomed clip" aria-label={name}>
      <header>
        <strong>{name}</strong>
        <span><Facts of={[`${width}×${height}`, ...clipFacts(clip)]} /></span>
        <span class="grow" />
        <IconButton icon="close" label={t("picture.close")} onClick={onClose} />
      </header>
      <div class="clip-stage">
        {url ? <img src={url} alt={t("clip.at", { at: exact(clip.times[now]!), n: now + 1, all: clip.times.length })} width={width} height={height} /> : <Shown picture={picture} />}
      </div>
      <Controls clip={clip} urls={urls} now={now} onPick={setNow} />
    </dialog>
  );
}
