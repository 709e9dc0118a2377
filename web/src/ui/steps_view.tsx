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

function Overlay({ steps, now }: { steps: readonly Step[]; now: number | null }) {
  const visible = steps.map((step, i) => ({ step, i })).filter(({ step, i }) => step.point !== null && (now === null || i <= now));
  const trail = visible.map(({ step }) => step.point!.join(",")).join(" ");
  return (
    <div class="marks">
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
        <polyline class="trail back" points={trail} />
        <polyline class="trail" points={trail} />
        {visible.filter(({ step }) => step.to).map(({ step, i }) => (
          <g key={i} class="drag">
            <line class="back" x1={step.point![0]} y1={step.point![1]} x2={step.to![0]} y2={step.to![1]} />
            <line x1={step.point![0]} y1={step.point![1]} x2={step.to![0]} y2={step.to![1]} />
          </g>
        ))}
      </svg>
      {visible.map(({ step, i }) => (
        <span
          key={i} class={`step-dot ${now === i ? "lit" : ""}`} data-step={step.point!.join(",")}
          style={{ left: `${step.point![0] / 10}%`, top: `${step.point![1] / 10}%` }}
        >{i + 1}</span>
      ))}
      {visible.filter(({ step }) => step.to).map(({ step, i }) => (
        <span key={`end${i}`} class="step-end" style={{ left: `${step.to![0] / 10}%`, top: `${step.to![1] / 10}%` }} />
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
          <button type="button" class="stage-button" aria-label={t("picture.open", { name: picture.name })} onClick={() => setZoomed(true)}>
            <Marked picture={picture} label={picture.name}>{overlay}</Marked>
          </button>
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
