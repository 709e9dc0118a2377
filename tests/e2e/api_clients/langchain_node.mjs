// SPDX-License-Identifier: Apache-2.0
// LangChain.js ChatOpenAI.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { answer, assert, check, key, look, model as name, url, weather } from "./checks.mjs";

const require = createRequire(process.env.MONOCLE_NODE_MODULES + "/");
const load = async (module) => import(pathToFileURL(require.resolve(module)));
const { ChatOpenAI, OpenAIEmbeddings } = await load("@langchain/openai");
const { HumanMessage } = await load("@langchain/core/messages");
const { z } = await load("zod");

const model = new ChatOpenAI({
  model: name,
  apiKey: key,
  maxTokens: 400,
  temperature: 0,
  maxRetries: 0,
  streamUsage: true,
  configuration: { baseURL: url },
});
const messages = [new HumanMessage({ content: look[0].content })];

await check("invoke", async () => {
  const reply = await model.invoke(messages);
  assert.equal(reply.content, answer);
  assert.ok(reply.usage_metadata.total_tokens > 0);
});

await check("stream_with_usage", async () => {
  let whole;
  for await (const chunk of await model.stream(messages)) whole = whole ? whole.concat(chunk) : chunk;
  assert.equal(whole.content, answer);
  assert.equal(whole.usage_metadata.total_tokens, whole.usage_metadata.input_tokens + whole.usage_metadata.output_tokens);
});

await check("bind_tools", async () => {
  const reply = await model.bindTools([weather], { tool_choice: "required" }).invoke(messages);
  assert.equal(reply.tool_calls[0].name, "get_weather");
});

await check("with_structured_output", async () => {
  const shape = model.withStructuredOutput(z.object({ round: z.boolean() }), { name: "shape", method: "jsonSchema" });
  assert.equal(typeof (await shape.invoke(messages)).round, "boolean");
});

await check("embeddings", async () => {
  const remote = new OpenAIEmbeddings({ model: name, apiKey: key, maxRetries: 0, configuration: { baseURL: url } });
  const [first, second] = await remote.embedDocuments(["The small model", "reads"]);
  const query = await remote.embedQuery("The small model");
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  assert.ok(dot(first, query) > 0.999);
  assert.ok(dot(second, query) < 0.999);
});
