// SPDX-License-Identifier: Apache-2.0
// Markdown to nodes: marked renders, DOMPurify cleans, then links, pictures, tables and formulas get their final form.

import { Marked } from "marked";
import { t } from "../i18n";
import { renderMath } from "./math";
import { cleanProse } from "./sanitize";

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => escapes[c]!);

// A dollar sign opens a formula only where prices do not: no space inside, no digit after the closing one.
const DOLLARS = /^\$(?!\s)((?:\\[^\n]|[^\\$\n])+?)(?<!\s)\$(?!\d)/;
const DOUBLE = /^\$\$((?:\\[^\n]|[^\\$\n])+?)\$\$/;
const PARENS = /^\\\(((?:[^\n])+?)\\\)/;

const marked = new Marked({ gfm: true, breaks: false, async: false });
marked.use({
  extensions: [
    {
      name: "formula",
      level: "inline",
      start: (src) => {
        const at = src.search(/\$|\\\(/);
        return at < 0 ? undefined : at;
      },
      tokenizer: (src) => {
        const match = DOUBLE.exec(src) ?? PARENS.exec(src) ?? DOLLARS.exec(src);
        return match ? { type: "formula", raw: match[0], text: match[1]! } : undefined;
      },
      renderer: (token) => `<span data-tex="${escaped(String(token["text"]))}"></span>`,
    },
  ],
  renderer: {
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

function link(address: string, text: string): HTMLAnchorElement {
  const a = document.createElement("a");
  a.textContent = text;
  a.href = address;
  return a;
}

function finish(fragment: DocumentFragment): void {
  for (const image of fragment.querySelectorAll("img")) {
    const address = image.getAttribute("data-remote") ?? "";
    const text = t("image.remote", { alt: image.alt || address.slice(0, 80) });
    const safe = /^https?:\/\//i.test(address);
    image.replaceWith(safe ? link(address, text) : document.createTextNode(text));
  }
  for (const a of fragment.querySelectorAll("a")) {
    if (!a.hasAttribute("href")) {
      a.replaceWith(...a.childNodes);
      continue;
    }
    a.target = "_blank";
    a.rel = "noopener noreferrer nofollow";
  }
  for (const wide of fragment.querySelectorAll("table, pre")) {
    const box = document.createElement("div");
    box.className = "scroll";
    box.tabIndex = 0;
    wide.replaceWith(box);
    box.append(wide);
  }
  for (const formula of fragment.querySelectorAll("[data-tex]")) {
    renderMath(formula, formula.getAttribute("data-tex") ?? "", false);
  }
}

export function renderMarkdown(text: string): DocumentFragment {
  const fragment = cleanProse(marked.parse(text) as string);
  finish(fragment);
  return fragment;
}
