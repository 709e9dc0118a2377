// SPDX-License-Identifier: Apache-2.0
// A Draw.io answer as a drawing. The drawing library is fetched with the first diagram.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { CopyButton, IconButton, saveFile, Tabs } from "./bits";
import { CodeText } from "./code_view";
import type { Drawing } from "../render/diagram";

const ZOOM = 1.25;

function Canvas({ drawing }: { drawing: Drawing }) {
  const ref = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState<number | null>(null);
  useEffect(() => ref.current?.replaceChildren(drawing.svg), [drawing]);
  useEffect(() => {
    drawing.svg.setAttribute("width", scale === null ? "100%" : String(drawing.width * scale));
    drawing.svg.setAttribute("height", scale === null ? "100%" : String(drawing.height * scale));
  }, [drawing, scale]);
  const fitted = (): number => Math.min(1, (ref.current?.clientWidth ?? drawing.width) / drawing.width);
  const zoom = (by: number): void => setScale(Math.min(8, Math.max(0.1, (scale ?? fitted()) * by)));
  return (
    <div class="diagram">
      <div
        class={`diagram-paper ${scale === null ? "fit" : ""}`} ref={ref} role="img" aria-label={t("diagram.frame")} tabIndex={0}
        style={{ "--height": `${drawing.height}px`, "--width": `${drawing.width}px` }}
      />
      <div class="diagram-zoom">
        <IconButton icon="minus" label={t("diagram.zoom.out")} onClick={() => zoom(1 / ZOOM)} />
        <IconButton icon="zoom" label={t("diagram.zoom.fit")} onClick={() => setScale(null)} />
        <IconButton icon="plus" label={t("diagram.zoom.in")} onClick={() => zoom(ZOOM)} />
      </div>
    </div>
  );
}

type State = { drawing: Drawing } | { problem: string } | null;

export function DiagramView({ text, live }: { text: string; live: boolean }) {
  const [view, setView] = useState<"preview" | "source">("preview");
  const [state, setState] = useState<State>(null);
  useEffect(() => {
    if (live) return;
    let alive = true;
    void import("../render/diagram")
      .then(({ drawDiagram }) => drawDiagram(text))
      .then((drawing) => alive && setState({ drawing }))
      .catch((error: unknown) => alive && setState({ problem: error instanceof Error ? error.message : String(error) }));
    return () => void (alive = false);
  }, [text, live]);
  const unknown = state && "drawing" in state ? state.drawing.unknown : [];
  return (
    <section class="panel diagram-view" aria-label="Draw.io">
      <header>
        <Tabs
          label="Draw.io" now={view} onPick={setView}
          tabs={[{ id: "preview", label: t("diagram.preview") }, { id: "source", label: t("diagram.source") }]}
        />
        <span class="grow" />
        <CopyButton text={() => text} />
        <IconButton
          icon="save" label={t("diagram.save")}
          onClick={() => saveFile(new Blob([text], { type: "application/xml" }), "diagram.drawio")}
        />
      </header>
      {view === "source" ? <CodeText text={text} lang="xml" live={live} />
        : live || state === null ? <p class="note panel-body">{t("diagram.arriving")}</p>
        : "problem" in state ? (
          <>
            <p class="note warn panel-body">{t("diagram.bad", { problem: state.problem })}</p>
            <CodeText text={text} lang="xml" live={false} />
          </>
        ) : <Canvas drawing={state.drawing} />}
      {view === "preview" && unknown.length > 0 && (
        <p class="hint panel-foot">{t("diagram.shapes", { names: unknown.slice(0, 5).join(", ") })}</p>
      )}
    </section>
  );
}
