// SPDX-License-Identifier: Apache-2.0
// The blocks of an answer, each in the form that suits it. While text arrives only the last block changes, so only it is
// rendered again: the others keep their text and with it their component.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { lang } from "../i18n";
import type { Picture } from "../media/picture";
import { splitAnswer, viewOf, type Block } from "../parse/answer";
import { renderMarkdown } from "../render/markdown";
import { mathReady, renderMath } from "../render/math";
import { CodeView } from "./code_view";
import { DiagramView } from "./diagram_view";
import { HtmlView } from "./html_view";
import { JsonView } from "./json_view";

function Prose({ text }: { text: string }) {
  const ref = useRef<HTMLDivElement>(null);
  const ready = mathReady.value;
  const language = lang.value;
  useLayoutEffect(() => ref.current?.replaceChildren(renderMarkdown(text)), [text, ready, language]);
  return <div ref={ref} class="prose" />;
}

function Formula({ text }: { text: string }) {
  const ref = useRef<HTMLDivElement>(null);
  const ready = mathReady.value;
  useLayoutEffect(() => ref.current ? renderMath(ref.current, text, true) : undefined, [text, ready]);
  return <div ref={ref} class="formula scroll" tabIndex={0} />;
}

interface Context {
  pictures: readonly Picture[];
  schema: unknown;
}

function BlockView({ block, live, pictures, schema }: { block: Block; live: boolean } & Context) {
  if (block.kind === "text") return <Prose text={block.text} />;
  if (block.kind === "math") return <Formula text={block.text} />;
  const open = live && !block.closed;
  switch (viewOf(block)) {
    case "json": return <JsonView text={block.text} live={open} pictures={pictures} schema={schema} />;
    case "html": return <HtmlView text={block.text} live={open} />;
    case "drawio": return <DiagramView text={block.text} live={open} />;
    case "code": return <CodeView text={block.text} lang={block.lang} live={open} />;
  }
}

export function AnswerView({ text, live, pictures, schema }: { text: string; live: boolean } & Context) {
  const blocks = useMemo(() => splitAnswer(text), [text]);
  return (
    <div class={`answer-blocks ${live ? "live" : ""}`}>
      {blocks.map((block, i) => <BlockView key={`${i}${block.kind}`} block={block} live={live} pictures={pictures} schema={schema} />)}
    </div>
  );
}
