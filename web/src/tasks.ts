// SPDX-License-Identifier: Apache-2.0
// The presets: an instruction in the reader's language and what its answer is expected to be. An instruction is only
// put into the text box; the user sees and may change every word that is sent.

import type { Key, Lang } from "./i18n";
import { schemaOfFields } from "./parse/schema";

export const TASKS = ["ask", "text", "fields", "find", "gui", "html", "drawio", "steps"] as const;
export type TaskId = (typeof TASKS)[number];

export function isTask(value: unknown): value is TaskId {
  return (TASKS as readonly unknown[]).includes(value);
}

export const taskName = (task: TaskId): Key => `task.${task}`;
export const taskHint = (task: TaskId): Key => `task.${task}.hint`;

/** «…» marks the part that the user is meant to replace: it is selected, and sent without the marks. */
const PROMPTS: Record<TaskId, Record<Lang, string>> = {
  ask: { en: "", zh: "" },
  text: { en: "Read the text in the image.", zh: "读出图中的文字。" },
  fields: {
    en: "Extract these fields from the image: {fields}. Answer with one JSON object; use null for a field that is not there.",
    zh: "从图中提取以下字段：{fields}。只输出一个 JSON 对象；图中没有的字段填 null。",
  },
  find: {
    en: 'Locate every instance that belongs to the following categories: "«button»". Report bbox coordinates in JSON format.',
    zh: "定位图中所有属于以下类别的目标：“«按钮»”。以 JSON 格式输出 bbox 坐标。",
  },
  gui: {
    en:
      "This is a screenshot. Goal: «open the settings». Answer with a JSON array of steps in order and nothing else, " +
      'for example [{"op":"click","point":[x,y],"label":"…"},{"op":"type","point":[x,y],"label":"…","text":"…"}]. ' +
      "op is one of click, double_click, type, scroll, drag, key, wait. Coordinates run from 0 to 1000.",
    zh:
      "这是一张屏幕截图。目标：«打开设置»。只按顺序输出 JSON 数组形式的操作步骤，" +
      '例如 [{"op":"click","point":[x,y],"label":"…"},{"op":"type","point":[x,y],"label":"…","text":"…"}]。' +
      "op 只能是 click、double_click、type、scroll、drag、key、wait。坐标范围为 0 到 1000。",
  },
  html: {
    en:
      "Rebuild this page as one HTML file with its styles inside it: same text, layout and colours. No scripts, nothing " +
      "from the network. Answer with the HTML only.",
    zh: "把这个页面还原成一个 HTML 文件，样式写在文件内：文字、布局和颜色与图中一致。不要脚本，不引用网络资源。只输出 HTML。",
  },
  drawio: {
    en:
      "Turn this flow chart into Draw.io XML: one uncompressed <mxGraphModel> with every node and every arrow, the text " +
      "of the picture in their value attributes. Answer with the XML only.",
    zh: "把这张流程图转换成 Draw.io XML：一个未压缩的 <mxGraphModel>,包含每个节点和每条连线，文字写在 value 属性中。只输出 XML。",
  },
  steps: { en: "List the steps in the video with their times.", zh: "列出视频中的操作步骤及起止时间。" },
};

/** The demo model was trained on these words and understands few others (train/data/prompts.py). */
const DEMO_PROMPTS: Partial<Record<TaskId, Record<Lang, string>>> = {
  gui: { en: "Click «Log in»", zh: "点击«登录»" },
  html: { en: "Convert the screenshot to HTML.", zh: "把截图转换为HTML。" },
  drawio: { en: "Convert the flow chart to Draw.io XML.", zh: "把流程图转换为Draw.io。" },
};
const DEMO_FIELDS = ["甲方", "金额", "签署日期"];
const DEMO_CONTRACT: Record<Lang, string> = {
  en: "Extract party A, the amount and the signing date of the contract as JSON.",
  zh: "提取合同中的甲方、金额和签署日期，以JSON输出。",
};

function template(task: TaskId, lang: Lang, names: readonly string[], demo: boolean): string {
  if (demo && task === "fields" && names.join() === DEMO_FIELDS.join()) return DEMO_CONTRACT[lang];
  return (demo ? DEMO_PROMPTS[task]?.[lang] : undefined) ?? PROMPTS[task][lang];
}

/** What the fields are when nobody has named any: those the demo model can find. */
export function firstFields(demo: boolean): string {
  return demo ? DEMO_FIELDS.join(", ") : "";
}

export interface Prompt {
  text: string;
  /** What to select in the text box. */
  from: number;
  to: number;
}

export function promptOf(task: TaskId, lang: Lang, fields: string, demo: boolean): Prompt {
  const names = fieldNames(fields);
  const text = template(task, lang, names, demo).replace("{fields}", names.length > 0 ? names.join(", ") : "«…»");
  const from = text.indexOf("«");
  if (from < 0) return { text, from: text.length, to: text.length };
  return { text: text.replace("«", "").replace("»", ""), from, to: text.indexOf("»") - 1 };
}

/** True if the text is a preset's own, in any language: choosing another preset may then replace it. */
export function isPrompt(text: string, fields: string): boolean {
  return TASKS.some((task) => (["en", "zh"] as const).some((lang) =>
    [true, false].some((demo) => promptOf(task, lang, fields, demo).text === text)));
}

export function fieldNames(fields: string): string[] {
  const schema = readSchema(fields);
  if (schema) {
    const properties = schema["properties"];
    return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  }
  return [...new Set(fields.split(/[,\uff0c\u3001;\uff1b\n]/).map((name) => name.trim()).filter((name) => name !== ""))];
}

function readSchema(text: string): Record<string, unknown> | null {
  if (!text.trim().startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A JSON schema as it stands, or one made of field names; null when there is neither. "bad" is half a schema. */
export function schemaOf(fields: string): Record<string, unknown> | null | "bad" {
  if (fields.trim().startsWith("{")) return readSchema(fields) ?? "bad";
  const names = fieldNames(fields);
  return names.length > 0 ? schemaOfFields(names) : null;
}
