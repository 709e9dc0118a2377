// SPDX-License-Identifier: Apache-2.0
// One question about one picture, streamed. No framework and no build: it must work wherever the program builds.
"use strict";

const at = (id) => document.getElementById(id);
let running = null;

function readAsDataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

async function bodyOfForm() {
  const content = [];
  const file = at("picture").files[0];
  if (file) content.push({ type: "image_url", image_url: { url: await readAsDataUri(file) } });
  content.push({ type: "text", text: at("prompt").value });
  return { stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content }] };
}

// Calls take(object) for every data line until [DONE].
async function readEvents(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (pending + value).split("\n");
    pending = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      take(JSON.parse(data));
    }
  }
}

async function failureOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return text || `The server answered ${response.status}.`;
  }
}

function takeChunk(chunk) {
  if (chunk.error) throw new Error(chunk.error.message);
  const piece = chunk.choices?.[0]?.delta?.content;
  if (piece) at("answer").append(piece);
  if (chunk.usage) {
    at("note").textContent =
      `${chunk.usage.prompt_tokens} tokens in, ${chunk.usage.completion_tokens} out.`;
  }
}

async function ask() {
  running = new AbortController();
  at("answer").textContent = "";
  at("note").textContent = "Waiting for the server…";
  at("send").disabled = true;
  at("stop").disabled = false;
  try {
    const headers = { "Content-Type": "application/json" };
    if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
    const body = JSON.stringify(await bodyOfForm());
    const response = await fetch("/v1/chat/completions", { method: "POST", headers, body, signal: running.signal });
    if (!response.ok) throw new Error(await failureOf(response));
    at("note").textContent = "";
    await readEvents(response, takeChunk);
  } catch (error) {
    at("note").textContent = error.name === "AbortError" ? "Stopped." : error.message;
  } finally {
    running = null;
    at("send").disabled = false;
    at("stop").disabled = true;
  }
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running) ask();
});
at("stop").addEventListener("click", () => running?.abort());
at("picture").addEventListener("change", () => {
  const file = at("picture").files[0];
  const preview = at("preview");
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.hidden = !file;
  if (file) preview.src = URL.createObjectURL(file);
});

fetch("/v1/models").then((response) => response.json()).then((list) => {
  const model = list.data[0];
  document.title = `monocle · ${model.id}`;
  const demo = model.demo ? " This is a small demo model that the project trained itself. It is not Qwen3-VL." : "";
  at("about").textContent += ` Model: ${model.id}.${demo}`;
}).catch(() => { at("note").textContent = "The server's model could not be read."; });
