// SPDX-License-Identifier: Apache-2.0
// A page the model wrote, in a frame that can do nothing: no script, no form, no address of the outside, no access to
// this page. Scripts cannot be allowed even by choice: the frame inherits this page's policy, which is as it should be.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { cleanPage } from "../render/sanitize";
import { trusted } from "../render/trusted";
import { CopyButton, IconButton, saveFile, Tabs } from "./bits";
import { CodeText } from "./code_view";

const REDRAW_MS = 700;

function Frame({ text, live }: { text: string; live: boolean }) {
  const ref = useRef<HTMLIFrameElement>(null);
  const drawn = useRef(0);
  useLayoutEffect(() => {
    const draw = (): void => {
      drawn.current = performance.now();
      if (ref.current) ref.current.srcdoc = trusted(cleanPage(text));
    };
    const wait = live ? REDRAW_MS - (performance.now() - drawn.current) : 0;
    if (wait <= 0) {
      draw();
      return;
    }
    const timer = setTimeout(draw, wait);
    return () => clearTimeout(timer);
  }, [text, live]);
  return <iframe ref={ref} class="page-frame" sandbox="" title={t("html.frame")} referrerpolicy="no-referrer" />;
}

export function HtmlView({ text, live }: { text: string; live: boolean }) {
  const [view, setView] = useState<"preview" | "source">("preview");
  return (
    <section class="panel html-view" aria-label="HTML">
      <header>
        <Tabs
          label="HTML" now={view} onPick={setView}
          tabs={[{ id: "preview", label: t("html.preview") }, { id: "source", label: t("html.source") }]}
        />
        <span class="grow" />
        <CopyButton text={() => text} />
        <IconButton icon="save" label={t("json.save")} onClick={() => saveFile(new Blob([text], { type: "text/html" }), "page.html")} />
      </header>
      {view === "preview" ? (
        <>
          <Frame text={text} live={live} />
          <p class="hint panel-foot">{t("html.note")}</p>
        </>
      ) : <CodeText text={text} lang="xml" live={live} />}
    </section>
  );
}
