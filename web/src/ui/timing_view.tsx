// SPDX-License-Identifier: Apache-2.0
// Where the time of an answer went: the server's own split, one bar, and the numbers beside it.

import { useEffect, useRef, useState } from "preact/hooks";
import { PHASES, type Timing, type Usage } from "../api/types";
import { count, duration, t } from "../i18n";
import type { Message } from "../state/chat";
import { Facts } from "./facts";
import { Icon } from "./icons";

function rateOf(usage: Usage | undefined, timing: Timing | undefined, message: Message): number | null {
  const tokens = usage?.completion_tokens ?? 0;
  const ms = timing?.decode ?? (message.seen ? message.seen.total - message.seen.first : 0);
  return tokens > 1 && ms > 0 ? ((tokens - 1) * 1000) / ms : null;
}

export function TimingView({ message }: { message: Message }) {
  const [open, setOpen] = useState(false);
  const more = useRef<HTMLDivElement>(null);
  useEffect(() => more.current?.scrollIntoView({ block: "nearest" }), [open]);
  const { usage, timing, seen } = message;
  if (!usage && !timing && !seen) return null;
  const first = timing?.first_token ?? seen?.first;
  const rate = rateOf(usage, timing, message);
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  const image = usage?.prompt_tokens_details?.image_tokens ?? 0;
  const video = usage?.prompt_tokens_details?.video_tokens ?? 0;
  const parts = PHASES.map((phase) => ({ phase, ms: timing?.[phase] ?? 0 })).filter(({ ms }) => ms > 0);
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  const line = [
    first === undefined ? "" : t("stats.first", { time: duration(first) }),
    rate === null ? "" : t("stats.rate", { rate: rate.toFixed(rate < 10 ? 1 : 0) }),
    usage ? t("stats.tokens", { in: count(usage.prompt_tokens ?? 0), out: count(usage.completion_tokens ?? 0) }) : "",
  ];

  return (
    <div class="timing">
      <button type="button" class="timing-line" aria-expanded={open} title={t("stats.show")} onClick={() => setOpen(!open)}>
        <Icon name="clock" size={14} />
        <span><Facts of={line} /></span>
        <Icon name={open ? "down" : "right"} size={14} />
      </button>
      {open && (
        <div class="timing-more" ref={more}>
          {parts.length > 0 && (
            <>
              <div class="timing-bar" role="img" aria-label={parts.map(({ phase, ms }) => `${t(`phase.${phase}`)} ${duration(ms)}`).join(", ")}>
                {parts.map(({ phase, ms }) => <span key={phase} data-phase={phase} style={{ flexGrow: String(ms) }} />)}
              </div>
              <dl class="timing-legend">
                {parts.map(({ phase, ms }) => (
                  <div key={phase}>
                    <dt><span class="swatch" data-phase={phase} />{t(`phase.${phase}`)}</dt>
                    <dd>{duration(ms)}</dd>
                  </div>
                ))}
              </dl>
            </>
          )}
          <p>
            <Facts of={[
              total > 0 ? t("stats.total", { time: duration(total) }) : "",
              image > 0 ? t("stats.image", { n: count(image) }) : "",
              video > 0 ? t("stats.video", { n: count(video) }) : "",
              cached > 0 ? t("stats.cached", { n: count(cached) }) : "",
              message.model ?? "",
            ]} />
          </p>
        </div>
      )}
    </div>
  );
}
