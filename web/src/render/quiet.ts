// SPDX-License-Identifier: Apache-2.0
// Takes event handlers and <base> out of markup before it is parsed. This is no defence: DOMPurify removes them, and the
// policy forbids them. But Chromium reports every one it meets as a violation, even in a document that can run nothing,
// and a console full of known noise hides what is not.

const SPACE = /[\t\n\f\r ]/;

/** Index after the tag that starts at `at`, and its text without handlers. Follows the HTML tokenizer's attribute states. */
function tag(html: string, at: number): { end: number; text: string } {
  let i = at + 1;
  while (i < html.length && !SPACE.test(html[i]!) && html[i] !== "/" && html[i] !== ">") i++;
  const base = /^<base$/i.test(html.slice(at, i));
  let text = html.slice(at, i);
  while (i < html.length && html[i] !== ">") {
    const start = i;
    while (i < html.length && (SPACE.test(html[i]!) || html[i] === "/")) i++;
    const gap = html.slice(start, i);
    const nameAt = i;
    while (i < html.length && !SPACE.test(html[i]!) && !"/>".includes(html[i]!) && (html[i] !== "=" || i === nameAt)) i++;
    const name = html.slice(nameAt, i);
    let valueAt = i;
    while (valueAt < html.length && SPACE.test(html[valueAt]!)) valueAt++;
    let value = "";
    if (html[valueAt] === "=") {
      i = valueAt + 1;
      while (i < html.length && SPACE.test(html[i]!)) i++;
      const quote = html[i] === '"' || html[i] === "'" ? html[i]! : "";
      let end = i + 1;
      if (quote) while (end < html.length && html[end] !== quote) end++;
      else for (end = i; end < html.length && !SPACE.test(html[end]!) && html[end] !== ">"; ) end++;
      const stop = quote ? Math.min(end + 1, html.length) : end;
      value = html.slice(valueAt, stop);
      i = stop;
    }
    // A value that holds markup may turn out to be markup, where the parser was in another state than we are.
    const kept = value.includes("<") ? withoutNoise(value) : value;
    text += /^on[a-z]/i.test(name) ? gap || " " : gap + name + kept;
  }
  const end = Math.min(i + 1, html.length);
  return { end, text: base ? "" : html[i] === ">" ? `${text}>` : text };
}

export function withoutNoise(html: string): string {
  if (!/on[a-z]+\s*=|<base/i.test(html)) return html;
  let out = "";
  let at = 0;
  for (;;) {
    const open = html.indexOf("<", at);
    if (open < 0) return out + html.slice(at);
    out += html.slice(at, open);
    if (!/[a-z]/i.test(html[open + 1] ?? "")) {
      out += "<";
      at = open + 1;
      continue;
    }
    const { end, text } = tag(html, open);
    out += text;
    at = end;
  }
}
