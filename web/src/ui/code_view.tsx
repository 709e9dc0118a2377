// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { highlighted } from "../render/highlight";
import { CopyButton } from "./bits";

/** Code as text at once; coloured when it is complete and the colours have arrived. */
export function CodeText({ text, lang, live }: { text: string; lang: string; live: boolean }) {
  const ref = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const host = ref.current;
    if (!host) return;
    host.textContent = text;
    if (live) return;
    let alive = true;
    void highlighted(text, lang).catch(() => null).then((nodes) => alive && nodes && host.replaceChildren(nodes));
    return () => void (alive = false);
  }, [text, lang, live]);
  return <pre class="code-text" tabIndex={0}><code ref={ref} /></pre>;
}

export function CodeView({ text, lang, live }: { text: string; lang: string; live: boolean }) {
  return (
    <section class="panel code-view" aria-label={lang || "code"}>
      <header>
        <span class="lang">{lang || "text"}</span>
        <span class="grow" />
        <CopyButton text={() => text} label={t("code.copy")} />
      </header>
      <CodeText text={text} lang={lang} live={live} />
    </section>
  );
}
