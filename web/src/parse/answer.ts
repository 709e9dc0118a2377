// SPDX-License-Identifier: Apache-2.0
// Cuts an answer into blocks, also while it is still arriving. Adding text changes only the last blocks, so all earlier
// ones keep their rendered form.

import { readJson } from "./json";

export type Block =
  | { kind: "text"; text: string }
  | { kind: "code"; lang: string; text: string; closed: boolean }
  | { kind: "math"; text: string; closed: boolean };

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])(?:\s|$)/;
const MARKUP_START = /^\s*(?:<\?xml[^>]*>\s*)?<(!doctype\s+html|html|mxfile|mxgraphmodel)(?=[\s>])/i;
/** An answer that opens with such an element is a page without its <html>. */
const PIECE_START = /^\s*<(?:head|body|style|header|nav|main|section|article|div|form|h[1-6]|table|ul|p|button|input|footer)(?=[\s>])/i;
const JSON_START = /^\s*(?:\[\s*(?:[[{"\]\d-]|$)|\{\s*(?:["}]|$))/;
const CALL = /^\s*<tool_call>\s*/;

interface Cut {
  block: Block;
  /** Index just after the block in the lines. */
  next: number;
}

function fence(lines: readonly string[], at: number): Cut | null {
  const open = FENCE.exec(lines[at]!);
  if (!open) return null;
  const mark = open[1]!;
  const close = new RegExp(`^ {0,3}${mark[0]}{${mark.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !close.test(lines[end]!)) end++;
  const closed = end < lines.length;
  return {
    block: { kind: "code", lang: open[2]!.toLowerCase(), text: lines.slice(at + 1, end).join("\n"), closed },
    next: end + 1,
  };
}

function math(lines: readonly string[], at: number): Cut | null {
  const line = lines[at]!.trim();
  const [open, close] = line.startsWith("$$") ? ["$$", "$$"] : line.startsWith("\\[") ? ["\\[", "\\]"] : ["", ""];
  if (open === "") return null;
  let text = "";
  for (let end = at; end < lines.length; end++) {
    const part = end === at ? line.slice(2) : lines[end]!;
    const stop = part.indexOf(close);
    if (stop >= 0) {
      if (part.slice(stop + 2).trim() !== "") return null;
      return { block: { kind: "math", text: text + part.slice(0, stop), closed: true }, next: end + 1 };
    }
    text += `${part}\n`;
  }
  return { block: { kind: "math", text, closed: false }, next: lines.length };
}

function markup(lines: readonly string[], at: number): Cut | null {
  const start = MARKUP_START.exec(lines.slice(at, at + 2).join("\n"));
  if (!start) return null;
  const name = start[1]!.toLowerCase().startsWith("mx") ? start[1]!.toLowerCase() : "html";
  const close = `</${name}>`;
  let end = at;
  while (end < lines.length && !lines[end]!.toLowerCase().includes(close)) end++;
  const closed = end < lines.length;
  const text = lines.slice(at, end + 1).join("\n");
  return { block: { kind: "code", lang: name === "html" ? "html" : "drawio", text, closed }, next: end + 1 };
}

/** JSON that stands without a fence, alone or inside <tool_call>. */
function bareJson(lines: readonly string[], at: number): Cut | null {
  if (!CALL.test(lines[at]!) && !JSON_START.test(lines[at]!)) return null;
  const rest = lines.slice(at).join("\n");
  const call = CALL.exec(rest);
  const start = call ? call[0].length : 0;
  const read = readJson(rest, start);
  if (read.state === "bad") return null;
  let after = rest.slice(read.at);
  if (call) after = after.replace(/^\s*<\/tool_call>/, "");
  const tail = after.indexOf("\n");
  const sameLine = tail < 0 ? after : after.slice(0, tail);
  if (read.state === "whole" && sameLine.trim() !== "") return null;
  const used = read.state === "whole" ? rest.length - after.length : rest.length;
  const count = rest.slice(0, used).split("\n").length;
  const text = rest.slice(start, read.at).trim();
  return { block: { kind: "code", lang: "json", text, closed: read.state === "whole" }, next: at + count };
}

function startsOther(line: string): boolean {
  return FENCE.test(line) || MARKUP_START.test(line) || CALL.test(line) || /^\s*(?:\$\$|\\\[)/.test(line);
}

/** A paragraph, list, table or quotation. A list goes on over blank lines. */
function prose(lines: readonly string[], at: number): Cut {
  const list = LIST_ITEM.test(lines[at]!);
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    if (startsOther(line) && !/^\s{2,}/.test(line)) break;
    if (line.trim() === "") {
      let next = end;
      while (next < lines.length && lines[next]!.trim() === "") next++;
      const goesOn = next < lines.length && list && (LIST_ITEM.test(lines[next]!) || /^\s{2,}\S/.test(lines[next]!));
      if (!goesOn) break;
      end = next;
    }
  }
  return { block: { kind: "text", text: lines.slice(at, end).join("\n") }, next: end };
}

export function splitAnswer(answer: string): Block[] {
  if (PIECE_START.test(answer)) return [{ kind: "code", lang: "html", text: answer, closed: false }];
  const lines = answer.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    if (lines[at]!.trim() === "") {
      at++;
      continue;
    }
    const cut = fence(lines, at) ?? math(lines, at) ?? markup(lines, at) ?? bareJson(lines, at) ?? prose(lines, at);
    blocks.push(cut.block);
    at = cut.next;
  }
  return blocks;
}

/** The languages whose blocks are shown as something other than code. */
export function viewOf(block: Block): "json" | "html" | "drawio" | "code" {
  if (block.kind !== "code") return "code";
  if (["json", "json5", "jsonc"].includes(block.lang)) return "json";
  if (["html", "htm", "xhtml"].includes(block.lang)) return "html";
  if (block.lang === "drawio" || block.lang === "mxgraph") return "drawio";
  if (["xml", "", "svg"].includes(block.lang) && /^\s*(?:<\?xml[^>]*>\s*)?<(?:mxfile|mxGraphModel)[\s>]/.test(block.text)) {
    return "drawio";
  }
  if (block.lang === "" && JSON_START.test(block.text) && readJson(block.text).state !== "bad") return "json";
  return "code";
}
