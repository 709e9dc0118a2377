// SPDX-License-Identifier: Apache-2.0
// openai-node, unmodified: chat, streams, helpers, errors, responses. Runs with each pinned generation.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { answer, assert, check, key, look, model, picture, question, url, weather } from "./checks.mjs";

const require = createRequire(process.env.MONOCLE_NODE_MODULES + "/");
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const sdk = await load("openai");
const OpenAI = sdk.OpenAI ?? sdk.default;
const client = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 });
const chat = client.chat.completions;
const schema = {
  type: "object",
  properties: { round: { type: "boolean" } },
  required: ["round"],
  additionalProperties: false,
};

await check("models", async () => {
  const ids = [];
  for await (const one of await client.models.list()) ids.push(one.id);
  assert.deepEqual(ids, [model]);
  assert.equal((await client.models.retrieve(model)).object, "model");
});

await check("chat_with_a_picture", async () => {
  const reply = await chat.create({ model, messages: look, max_tokens: 64 });
  assert.equal(reply.choices[0].message.content, answer);
  assert.ok(reply.usage.total_tokens > 0);
});

await check("stream_with_usage", async () => {
  const stream = await chat.create({ model, messages: look, max_tokens: 64, stream: true, stream_options: { include_usage: true } });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, answer);
  assert.ok(usage.completion_tokens > 0);
});

await check("stream_helper", async () => {
  const stream = chat.stream({ model, messages: look, max_tokens: 64 });
  assert.equal(await stream.finalContent(), answer);
});

await check("parse_helper", async () => {
  const format = { type: "json_schema", json_schema: { name: "shape", strict: true, schema } };
  const reply = await chat.parse({ model, messages: look, max_tokens: 400, response_format: format });
  assert.equal(typeof JSON.parse(reply.choices[0].message.content).round, "boolean");
});

await check("tools", async () => {
  const tools = { tools: [weather], tool_choice: "required", parallel_tool_calls: false, max_tokens: 400 };
  const reply = await chat.create({ model, messages: look, ...tools });
  const call = reply.choices[0].message.tool_calls[0];
  assert.ok(["Paris", "Rome"].includes(JSON.parse(call.function.arguments).city));
  const streamed = await chat.stream({ model, messages: look, ...tools }).finalChatCompletion();
  assert.equal(streamed.choices[0].message.tool_calls[0].function.name, "get_weather");
  const messages = [...look, reply.choices[0].message, { role: "tool", tool_call_id: call.id, content: "12 C" }];
  await chat.create({ model, messages, tools: [weather], max_tokens: 8 });
});

await check("run_tools", async () => {
  let asked = 0;
  const tool = {
    type: "function",
    function: { ...weather.function, parse: JSON.parse, function: () => String(++asked) },
  };
  const runner = chat.runTools(
    { model, messages: look, tools: [tool], tool_choice: { type: "function", function: { name: "get_weather" } }, max_tokens: 400 },
    { maxChatCompletions: 2 },
  );
  await runner.done();
  assert.equal(asked, 1);
});

await check("errors", async () => {
  const wrong = new OpenAI({ baseURL: url, apiKey: "sk-wrong-wrong-wrong", maxRetries: 0 });
  await assert.rejects(wrong.models.list(), (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key");
  await assert.rejects(chat.create({ model, messages: look, n: 99 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "n");
  await assert.rejects(chat.create({ model: "none", messages: look }), (e) => e instanceof OpenAI.NotFoundError);
  const messages = [{ role: "user", content: "word ".repeat(9000) }];
  await assert.rejects(chat.create({ model, messages, stream: true }), (e) => e.code === "context_length_exceeded");
});

await check("abort", async () => {
  const control = new AbortController();
  const stream = await chat.create(
    { model, messages: look, max_tokens: 3000, stream: true, ignore_eos: true },
    { signal: control.signal },
  );
  let chunks = 0;
  for await (const _ of stream) {
    if (++chunks === 3) control.abort();
  }
  assert.ok(chunks < 100);
});

await check("completions", async () => {
  const reply = await client.completions.create({ model, prompt: "The small", max_tokens: 4 });
  assert.equal(typeof reply.choices[0].text, "string");
});

await check("embeddings", async () => {
  const plain = await client.embeddings.create({ model, input: ["a", "b"], encoding_format: "float" });
  const coded = await client.embeddings.create({ model, input: ["a", "b"] }); // it asks for base64 by itself
  assert.equal(coded.data.length, 2);
  coded.data[1].embedding.forEach((value, i) => assert.ok(Math.abs(value - plain.data[1].embedding[i]) < 1e-3));
  const short = await client.embeddings.create({ model, input: [1, 2, 3], dimensions: 8 });
  assert.equal(short.data[0].embedding.length, 8);
});

await check("responses", async () => {
  const input = [
    {
      role: "user",
      content: [
        { type: "input_image", image_url: picture, detail: "auto" },
        { type: "input_text", text: question },
      ],
    },
  ];
  const reply = await client.responses.create({ model, input, max_output_tokens: 64 });
  assert.equal(reply.output_text, answer);
  const stream = client.responses.stream({ model, input, max_output_tokens: 64 });
  assert.equal((await stream.finalResponse()).output_text, answer);
});
