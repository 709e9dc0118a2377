// SPDX-License-Identifier: Apache-2.0
// The steps of an answer, numbered over the screenshot and as a list, one by one or all at once. Nothing is executed.

import { useEffect, useState } from "preact/hooks";
import { t, type Key } from "../i18n";
import type { Picture } from "../media/picture";
import { toPixels, type Step } from "../parse/findings";
import { IconButton } from "./bits";
import { Marked } from "./picture_view";
import { Zoomed } from "./zoomed";

const STEP_MS = 1200;

const VERBS: [RegExp, Key][] = [
  [/double/, "verb.double"], [/right/, "verb.right"], [/drag|swipe/, "verb.drag"], [/long|hold/, "verb.long"],
  [/click|tap|press_element/, "verb.click"], [/type|input|write|fill/, "verb.type"], [/scroll/, "verb.scroll"],
  [/key|press|hotkey|button/, "verb.key"], [/move|hover/, "verb.move"], [/wait|sleep/, "verb.wait"],
  [/open|launch/, "verb.open"], [/answer/, "verb.answer"], [/terminate|finish|done|stop/, "verb.end"],
];

function verbName(verb: string): string {
  const known = VERBS.find(([pattern]) => pattern.test(verb.toLowerCase()));
  return known ? t(known[1]) : verb;
}

interface Stop {
  at: readonly [number, number];
  numbers: number[];
  lit: boolean;
}

/** Steps on the same spot share one mark: a field is clicked and then typed into. */
function stopsOf(steps: readonly Step[], now: number | null): Stop[] {
  const stops: Stop[] = [];
  steps.forEach((step, i) => {
    if (!step.point || (now !== null && i > now)) return;
    const [x, y] = step.point;
    const same = stops.find(({ at }) => at[0] === x && at[1] === y);
    if (same) {
      same.numbers.push(i + 1);
      same.lit ||= now === i;
    } else stops.push({ at: step.point, numbers: [i + 1], lit: now === i });
  });
  return stops;
}

function Overlay({ steps, now }: { steps: readonly Step[]; now: number | null }) {
  const stops = stopsOf(steps, now);
  const drags = steps.filter((step, i) => step.point && step.to && (now === null || i <= now));
  const trail = stops.map(({ at }) => at.join(",")).join(" ");
  return (
    <div class="marks">
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <polyline class="trail back" points={trail} />
        <polyline class="trail" points={trail} />
        {drags.map(({ point, to }, i) => (
          <g key={i} class="drag">
            <line class="back" x1={point![0]} y1={point![1]} x2={to![0]} y2={to![1]} />
            <line x1={point![0]} y1={point![1]} x2={to![0]} y2={to![1]} />
          </g>
        ))}
      </svg>
      {drags.map(({ to }, i) => <span key={i} class="step-end" style={{ left: `${to![0] / 10}%`, top: `${to![1] / 10}%` }} />)}
      {stops.map(({ at, numbers, lit }) => (
        <span
          key={at.join()} class={`step-dot ${lit ? "lit" : ""} ${at[0] < 60 ? "at-left" : ""} ${at[1] < 40 ? "at-top" : ""}`}
          data-step={at.join(",")} style={{ left: `${at[0] / 10}%`, top: `${at[1] / 10}%` }}
        ><b>{numbers.join("·")}</b></span>
      ))}
    </div>
  );
}

export function StepsView({ steps, pictures }: { steps: readonly Step[]; pictures: readonly Picture[] }) {
  const [now, setNow] = useState<number | null>(null);
  const [playing, setPlaying] = useState(false);
  const [zoomed, setZoomed] = useState(false);
  const picture = pictures[pictures.length - 1];
  const last = steps.length - 1;

  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      if (now === null || now >= last) setPlaying(false);
      else setNow(now + 1);
    }, STEP_MS);
    return () => clearTimeout(timer);
  }, [playing, now, last]);

  const play = (): void => {
    if (!playing) setNow(now === null || now >= last ? 0 : now);
    setPlaying(!playing);
  };
  const go = (by: number): void => {
    setPlaying(false);
    setNow(Math.min(last, Math.max(0, (now ?? (by > 0 ? -1 : last + 1)) + by)));
  };
  const overlay = <Overlay steps={steps} now={now} />;

  return (
    <div class="steps">
      <div class="beside">
        {picture ? (
          <Marked picture={picture} onOpen={() => setZoomed(true)}>{overlay}</Marked>
        ) : <p class="note">{t("places.nopicture")}</p>}
        <div class="beside-list">
          <ol class="step-list" aria-label={t("steps.list")}>
            {steps.map((step, i) => (
              <li key={i} class={now === i ? "lit" : ""}>
                <button type="button" aria-pressed={now === i} onClick={() => { setPlaying(false); setNow(now === i ? null : i); }}>
                  <span class="step-number" aria-hidden="true">{i + 1}</span>
                  <span class="step-text">
                    <span><strong>{verbName(step.verb)}</strong> {step.label}</span>
                    {step.detail !== "" && <q>{step.detail}</q>}
                    {step.point && picture && <code>{toPixels(step.point, picture.width, picture.height).join(", ")}</code>}
                    {step.clamped && <span class="warn">{t("places.clamped")}</span>}
                  </span>
                </button>
              </li>
            ))}
          </ol>
          <div class="row small">
            <IconButton icon="left" label={t("steps.previous")} onClick={() => go(-1)} />
            <IconButton icon={playing ? "pause" : "play"} label={t(playing ? "steps.pause" : "steps.play")} onClick={play} text />
            <IconButton icon="right" label={t("steps.next")} onClick={() => go(1)} />
            <span class="grow" />
          </div>
          <p class="hint">{t("steps.note")}</p>
        </div>
      </div>
      {zoomed && picture && <Zoomed picture={picture} onClose={() => setZoomed(false)}>{overlay}</Zoomed>}
    </div>
  );
}
