// SPDX-License-Identifier: Apache-2.0
// The Vercel AI SDK: the openai-compatible provider (chat) and the openai provider (chat and responses).
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { answer, assert, bytes, check, key, model, question, url } from "./checks.mjs";

const require = createRequire(process.env.MONOCLE_NODE_MODULES + "/");
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const ai = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { createOpenAI } = await load("@ai-sdk/openai");
const { z } = await load("zod");

const compatible = createOpenAICompatible({
  name: "monocle",
  baseURL: url,
  apiKey: key,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const openai = createOpenAI({ baseURL: url, apiKey: key });
const models = { compatible: compatible(model), chat: openai.chat(model), responses: openai.responses(model) };
const image = Number(ai.version?.split(".")[0] ?? 0) >= 7 ? { type: "file", data: bytes, mediaType: "image/png" } : { type: "image", image: bytes };
const messages = [{ role: "user", content: [image, { type: "text", text: question }] }];
const common = { messages, maxOutputTokens: 64, maxRetries: 0, temperature: 0 };

for (const [name, languageModel] of Object.entries(models)) {
  await check(`generate_text_${name}`, async () => {
    const reply = await ai.generateText({ model: languageModel, ...common });
    assert.equal(reply.text, answer);
    assert.equal(reply.finishReason, "stop");
    assert.ok(reply.usage.totalTokens > 0);
  });

  await check(`stream_text_${name}`, async () => {
    const reply = ai.streamText({ model: languageModel, ...common });
    let text = "";
    for await (const piece of reply.textStream) text += piece;
    assert.equal(text, answer);
    assert.ok((await reply.usage).outputTokens > 0);
  });

  await check(`tools_${name}`, async () => {
    const tools = {
      get_weather: ai.tool({ description: "Weather.", inputSchema: z.object({ sunny: z.boolean() }), execute: async () => "12 C" }),
    };
    const reply = await ai.generateText({ model: languageModel, ...common, maxOutputTokens: 400, tools, toolChoice: "required" });
    assert.equal(typeof reply.toolCalls[0].input.sunny, "boolean");
    const streamed = ai.streamText({ model: languageModel, ...common, maxOutputTokens: 400, tools, toolChoice: "required" });
    assert.equal((await streamed.toolCalls)[0].toolName, "get_weather");
  });

  await check(`object_${name}`, async () => {
    const schema = z.object({ round: z.boolean() });
    const reply = await ai.generateText({
      model: languageModel,
      ...common,
      maxOutputTokens: 400,
      output: (ai.Output ?? ai.experimental_Output).object({ schema }),
    });
    assert.equal(typeof reply.output.round, "boolean");
  });
}

await check("errors", async () => {
  const long = { ...common, messages: [{ role: "user", content: "word ".repeat(9000) }] };
  await assert.rejects(ai.generateText({ model: models.chat, ...long }), (e) => e.statusCode === 400);
});
