// SPDX-License-Identifier: Apache-2.0
// The request for a branch of a chat: what is sent, what is estimated and what is shown as code are one thing.

import type { ChatBody, Part } from "../api/types";
import { dataUri } from "../media/picture";
import type { Message } from "./chat";
import { settings } from "./settings";

export class MissingPicture extends Error {}

export type AddressOf = (hash: string, name: string) => Promise<string> | string;

async function stored(hash: string): Promise<string> {
  const uri = await dataUri(hash).catch(() => null);
  if (uri === null) throw new MissingPicture(hash);
  return uri;
}

type Asked = Pick<Message, "role" | "text" | "pictures" | "schema">;

export async function bodyOf(path: readonly Asked[], modelId: string | undefined, address: AddressOf = stored): Promise<ChatBody> {
  const { system, temperature, top_p, top_k, max_tokens } = settings.value;
  const body: ChatBody = { messages: [] };
  if (modelId !== undefined) body.model = modelId;
  if (system.trim() !== "") body.messages.push({ role: "system", content: system });
  for (const message of path) {
    if (message.role === "assistant") {
      body.messages.push({ role: "assistant", content: message.text });
      continue;
    }
    const parts: Part[] = [];
    for (const { hash, name, clip } of message.pictures) {
      const url = await address(hash, name);
      if (clip) parts.push({ type: "video_url", video_url: { url }, timestamps: clip.times });
      else parts.push({ type: "image_url", image_url: { url } });
    }
    parts.push({ type: "text", text: message.text });
    body.messages.push({ role: "user", content: message.pictures.length > 0 ? parts : message.text });
  }
  if (temperature !== null) body.temperature = temperature;
  if (top_p !== null) body.top_p = top_p;
  if (top_k !== null) body.top_k = top_k;
  if (max_tokens !== null) body.max_tokens = max_tokens;
  const schema = path[path.length - 1]?.schema;
  if (schema !== undefined) {
    body.response_format = { type: "json_schema", json_schema: { name: "fields", strict: true, schema } };
  }
  return body;
}
