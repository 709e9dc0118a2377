// SPDX-License-Identifier: Apache-2.0
// A request as a program that runs as it stands. Pictures are read from files of the names they were added under.

import type { ChatBody, Part } from "./api/types";

export const LANGUAGES = ["curl", "python", "javascript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** An address of a picture in a body to be shown as code: "file:photo.png" with its type. */
export function placeholder(name: string, mime: string): string {
  return `picture:${mime}:${name}`;
}

interface Picture {
  mime: string;
  name: string;
}

function pictureOf(url: string): Picture | null {
  const match = /^picture:([^:]*):([\s\S]*)$/.exec(url);
  return match ? { mime: match[1]!, name: match[2]! } : null;
}

/** Replaces every picture by a token that JSON.stringify leaves alone, so that it can be swapped for code. */
function withTokens(body: ChatBody): { body: ChatBody; pictures: Picture[] } {
  const pictures: Picture[] = [];
  const swap = (part: Part): Part => {
    const picture = part.type === "image_url" ? pictureOf(part.image_url.url) : null;
    if (!picture) return part;
    pictures.push(picture);
    return { type: "image_url", image_url: { url: `@@PICTURE${pictures.length - 1}@@` } };
  };
  const messages = body.messages.map((m) => ({ ...m, content: typeof m.content === "string" ? m.content : m.content.map(swap) }));
  return { body: { ...body, messages }, pictures };
}

const quoteShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(given: ChatBody, origin: string): string {
  const { body, pictures } = withTokens(given);
  // Inside an unquoted here-document the shell still reads \, $ and `.
  const json = JSON.stringify(body, null, 2).replace(/[\\$`]/g, "\\$&");
  const filled = json.replace(/@@PICTURE(\d+)@@/g, (_, n: string) => {
    const { mime, name } = pictures[Number(n)]!;
    return `data:${mime};base64,$(base64 -w0 -- ${quoteShell(name)})`;
  });
  return [
    `curl -sS ${quoteShell(`${origin}/v1/chat/completions`)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -H "Authorization: Bearer \${MONOCLE_API_KEY:-none}" \\`,
    `  --data-binary @- <<END_OF_REQUEST`,
    filled,
    "END_OF_REQUEST",
  ].join("\n");
}

function python(given: ChatBody, origin: string): string {
  const { body, pictures } = withTokens(given);
  const { response_format: format, top_k, ...plain } = body;
  const value = (v: unknown, depth: number): string => {
    const pad = "    ".repeat(depth);
    if (v === null || v === undefined) return "None";
    if (typeof v === "boolean") return v ? "True" : "False";
    if (typeof v === "string") {
      const token = /^@@PICTURE(\d+)@@$/.exec(v);
      const picture = token ? pictures[Number(token[1])] : undefined;
      return picture ? `picture(${JSON.stringify(picture.name)}, ${JSON.stringify(picture.mime)})` : JSON.stringify(v);
    }
    if (Array.isArray(v)) return v.length === 0 ? "[]" : `[\n${v.map((x) => `${pad}    ${value(x, depth + 1)},\n`).join("")}${pad}]`;
    if (typeof v === "object") {
      const rows = Object.entries(v).map(([k, x]) => `${pad}    ${JSON.stringify(k)}: ${value(x, depth + 1)},\n`);
      return rows.length === 0 ? "{}" : `{\n${rows.join("")}${pad}}`;
    }
    return String(v);
  };
  const rows = Object.entries(plain).map(([k, v]) => `    ${k}=${value(v, 1)},`);
  if (format !== undefined) rows.push(`    response_format=${value(format, 1)},`);
  if (top_k !== undefined) rows.push(`    extra_body={"top_k": ${top_k}},`);
  const reader = [
    "def picture(name, mime):",
    '    with open(name, "rb") as file:',
    '        return f"data:{mime};base64,{base64.b64encode(file.read()).decode()}"',
    "", "",
  ];
  return [
    ...(pictures.length > 0 ? ["import base64"] : []),
    "import os", "", "from openai import OpenAI  # pip install openai", "",
    ...(pictures.length > 0 ? ["", ...reader] : []),
    `client = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=os.environ.get("MONOCLE_API_KEY", "none"))`,
    "answer = client.chat.completions.create(", ...rows, ")",
    "print(answer.choices[0].message.content)",
  ].join("\n");
}

function javascript(given: ChatBody, origin: string): string {
  const { body, pictures } = withTokens(given);
  const json = JSON.stringify(body, null, 2).replace(/"@@PICTURE(\d+)@@"/g, (_, n: string) => {
    const { mime, name } = pictures[Number(n)]!;
    return `await picture(${JSON.stringify(name)}, ${JSON.stringify(mime)})`;
  });
  const reader = [
    'import { readFile } from "node:fs/promises";', "",
    "const picture = async (name, mime) => `data:${mime};base64,${await readFile(name, \"base64\")}`;", "",
  ];
  return [
    "// Node 18 or newer, as a module (.mjs)",
    ...(pictures.length > 0 ? reader : []),
    `const response = await fetch(${JSON.stringify(`${origin}/v1/chat/completions`)}, {`,
    '  method: "POST",',
    "  headers: {",
    '    "Content-Type": "application/json",',
    "    Authorization: `Bearer ${process.env.MONOCLE_API_KEY ?? \"none\"}`,",
    "  },",
    `  body: JSON.stringify(${json.replaceAll("\n", "\n  ")}),`,
    "});",
    "const answer = await response.json();",
    "if (!response.ok) throw new Error(answer.error.message);",
    "console.log(answer.choices[0].message.content);",
  ].join("\n");
}

export function snippet(language: Language, body: ChatBody, origin: string): string {
  return { curl, python, javascript }[language](body, origin);
}
