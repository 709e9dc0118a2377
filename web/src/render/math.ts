// SPDX-License-Identifier: Apache-2.0
// TeX to MathML. The renderer is fetched with the first formula; until it is here the formula stands as it was written.

import { signal } from "@preact/signals";
import { cleanMath } from "./sanitize";

type Render = (tex: string, display: boolean) => string;
let render: Render | null = null;
let asked = false;

/** Changes when formulas can be drawn: what shows one reads it. */
export const mathReady = signal(false);

async function load(): Promise<void> {
  const [{ default: temml }] = await Promise.all([import("temml"), import("temml/dist/Temml-Local.css")]);
  render = (tex, display) =>
    temml.renderToString(tex, { displayMode: display, throwOnError: false, trust: false, maxSize: [20, 500], maxExpand: 500 });
  mathReady.value = true;
}

export function renderMath(host: Element, tex: string, display: boolean): void {
  if (render) {
    host.replaceChildren(cleanMath(render(tex, display)));
    return;
  }
  host.textContent = tex;
  if (asked) return;
  asked = true;
  void load().catch(() => (asked = false));
}
