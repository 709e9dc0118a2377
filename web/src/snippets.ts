// SPDX-License-Identifier: Apache-2.0
// A request as a program that runs as it stands. Pictures are read from files of the names they were added under, videos
// from folders of their frames.

import type { ChatBody, Part } from "./api/types";
import { CLIP_MIME, stepOf, type Clip } from "./media/clip";

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

const isClip = ({ mime }: Picture): boolean => mime === CLIP_MIME;
const folderOf = (name: string): string => `${name}.frames`;
/** Frames in a second: shorter to read than the time of each, and it holds for however many files there are. */
const rateOf = (times: number[]): number => Number((1 / stepOf({ times, duration: 0 })).toPrecision(4));

/** Replaces every picture by a token that JSON.stringify leaves alone, so that it can be swapped for code. */
function withTokens(body: ChatBody): { body: ChatBody; pictures: Picture[] } {
  const pictures: Picture[] = [];
  const swap = (part: Part): Part => {
    if (part.type === "text") return part;
    const picture = pictureOf(part.type === "image_url" ? part.image_url.url : part.video_url.url);
    if (!picture) return part;
    const url = `@@PICTURE${pictures.push(picture) - 1}@@`;
    if (part.type === "image_url") return { type: "image_url", image_url: { url } };
    return { type: "video_url", video_url: { url }, fps: rateOf(part.timestamps ?? []) };
  };
  const messages = body.messages.map((m) => ({ ...m, content: typeof m.content === "string" ? m.content : m.content.map(swap) }));
  return { body: { ...body, messages }, pictures };
}

const quoteShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** How the folder of a video's frames is made. */
export function cutCommand(name: string, clip: Clip, width: number, height: number): string {
  const folder = folderOf(name);
  return `mkdir ${quoteShell(folder)} && ffmpeg -i ${quoteShell(name)} -vf fps=${rateOf(clip.times)},scale=${width}:${height} ${quoteShell(`${folder}/%04d.jpg`)}`;
}

/** In place of a token, where the shell reads the request. */
function shellUri(picture: Picture): string {
  const { mime, name } = picture;
  if (!isClip(picture)) return `data:${mime};base64,$(base64 -w0 -- ${quoteShell(name)})`;
  const folder = quoteShell(folderOf(name));
  return `data:${mime};base64,$(for f in ./${folder}/*.jpg; do base64 -w0 "$f"; printf ,; done | sed 's/,$//')`;
}

function curl(given: ChatBody, origin: string): string {
  const { body, pictures } = withTokens(given);
  // Inside an unquoted here-document the shell still reads \, $ and `.
  const json = JSON.stringify(body, null, 2).replace(/[\\$`]/g, "\\$&");
  const filled = json.replace(/@@PICTURE(\d+)@@/g, (_, n: string) => shellUri(pictures[Number(n)]!));
  return [
    `curl -sS ${quoteShell(`${origin}/v1/chat/completions`)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -H "Authorization: Bearer \${MONOCLE_API_KEY:-none}" \\`,
    `  --data-binary @- <<END_OF_REQUEST`,
    filled,
    "END_OF_REQUEST",
  ].join("\n");
}

/** The call that reads a picture or a video: the same words in Python and JavaScript. */
function callOf(picture: Picture): string {
  const { name, mime } = picture;
  return isClip(picture) ? `frames(${JSON.stringify(folderOf(name))})` : `picture(${JSON.stringify(name)}, ${JSON.stringify(mime)})`;
}

function readersFor(pictures: Picture[], picture: string[], frames: string[]): string[] {
  return [...(pictures.some((p) => !isClip(p)) ? picture : []), ...(pictures.some(isClip) ? frames : [])];
}

const PY_PICTURE = [
  "", "def picture(name, mime):",
  '    with open(name, "rb") as file:',
  '        return f"data:{mime};base64,{base64.b64encode(file.read()).decode()}"',
  "", "",
];
const PY_FRAMES = [
  "", "def frames(folder):",
  '    files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]',
  '    return "data:video/jpeg;base64," + ",".join(base64.b64encode(open(name, "rb").read()).decode() for name in files)',
  "", "",
];

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
      return picture ? callOf(picture) : JSON.stringify(v);
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
  return [
    ...(pictures.length > 0 ? ["import base64"] : []),
    "import os", "", "from openai import OpenAI  # pip install openai", "",
    ...readersFor(pictures, PY_PICTURE, PY_FRAMES),
    `client = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=os.environ.get("MONOCLE_API_KEY", "none"))`,
    "answer = client.chat.completions.create(", ...rows, ")",
    "print(answer.choices[0].message.content)",
  ].join("\n");
}

const JS_PICTURE = ["const picture = async (name, mime) => `data:${mime};base64,${await readFile(name, \"base64\")}`;", ""];
const JS_FRAMES = [
  "const frames = async (folder) => {",
  "  const files = (await readdir(folder)).sort().map((name) => readFile(`${folder}/${name}`, \"base64\"));",
  "  return `data:video/jpeg;base64,${(await Promise.all(files)).join()}`;",
  "};", "",
];

function javascript(given: ChatBody, origin: string): string {
  const { body, pictures } = withTokens(given);
  const json = JSON.stringify(body, null, 2).replace(/"@@PICTURE(\d+)@@"/g, (_, n: string) => {
    return `await ${callOf(pictures[Number(n)]!)}`;
  });
  return [
    "// Node 18 or newer, as a module (.mjs)",
    ...(pictures.length > 0 ? ['import { readdir, readFile } from "node:fs/promises";', ""] : []),
    ...readersFor(pictures, JS_PICTURE, JS_FRAMES),
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
