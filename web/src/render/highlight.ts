// SPDX-License-Identifier: Apache-2.0
// Colours for code, fetched with the first block that is complete.

import { cleanTokens } from "./sanitize";

type Highlight = (code: string, lang: string) => string | null;
let loading: Promise<Highlight> | null = null;
const MAX_CHARACTERS = 100_000;

async function load(): Promise<Highlight> {
  const { hljs } = await import("./languages");
  return (code, lang) => (hljs.getLanguage(lang) ? hljs.highlight(code, { language: lang, ignoreIllegals: true }).value : null);
}

/** Coloured nodes, or null for a language that is not known. */
export async function highlighted(code: string, lang: string): Promise<DocumentFragment | null> {
  if (lang === "" || code.length > MAX_CHARACTERS) return null;
  loading ??= load();
  const html = (await loading)(code, lang);
  return html === null ? null : cleanTokens(html);
}
