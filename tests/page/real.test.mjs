// SPDX-License-Identifier: Apache-2.0
// The main path against a real server with the demo model: MONOCLE_PAGE_URL=http://127.0.0.1:7860/ node --test ...

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ask, openPage, realServer, root, settled, skipped, startBrowser } from "./harness.mjs";
import { draw, file, withOrientation } from "./pictures.mjs";

const samples = join(root, "models/demo/samples");
const expected = JSON.parse(readFileSync(join(samples, "expected.json"), "utf8"));
const skip = skipped || (realServer === "" ? "MONOCLE_PAGE_URL is not set" : false);

let browser;
let opened;
let page;

async function fresh(options = {}) {
  if (opened) await opened.context.close();
  opened = await openPage(browser, realServer, options);
  page = opened.page;
  await page.waitForFunction(() => document.querySelector(".dot")?.classList.contains("online"));
}

describe("the page in front of a real server", { skip, timeout: 300_000 }, () => {
  before(async () => {
    browser = await startBrowser();
    await fresh();
  });
  after(async () => {
    assert.deepEqual(opened?.sins ?? [], []);
    await browser?.close();
  });

  it("names the demo model as what it is", async () => {
    assert.match(await page.locator(".demo-notice").innerText(), /It is not Qwen3-VL/);
  });

  it("shows the cost the server calculates, and then the answer, its tokens and its time", async () => {
    const texts = expected.filter(({ answer }) => !/^[[{<]/.test(answer)).slice(0, 3);
    for (const { file: name, question, answer } of texts) {
      const bytes = readFileSync(join(samples, name));
      await page.setInputFiles("#file-input", [file(name, name.endsWith("png") ? "image/png" : "image/jpeg", bytes)]);
      await page.fill("#question", question);
      await page.waitForFunction(() => /→/.test(document.querySelector(".attachment-cost")?.textContent ?? ""));
      const price = (await page.locator(".attachment-cost").innerText()).match(/([\d,]+) tokens/)[1];
      assert.notEqual(price, "0");
      await page.press("#question", "Enter");
      await settled(page, 60_000);
      const reply = page.locator(".reply").last();
      assert.equal((await reply.locator(".prose").innerText()).trim(), answer);
      await reply.locator(".timing-line").click();
      const more = await reply.locator(".timing-more").innerText();
      assert.match(more, new RegExp(`${price} for pictures`));
      // A picture or a prompt that the server remembers costs nothing, and then says so.
      assert.match(more, /Vision|from cache/);
      assert.match(more, /Writing/);
      await page.getByRole("button", { name: "New chat" }).click();
    }
  });

  it("draws the steps of the demo model over its screenshot", async (t) => {
    const sample = expected.find(({ answer }) => answer.startsWith('[{"op"'));
    if (!sample) return t.skip("the demo model was not trained for steps");
    await ask(page, sample.question, { files: [file(sample.file, "image/png", readFileSync(join(samples, sample.file)))] });
    await settled(page, 60_000);
    const wanted = JSON.parse(sample.answer).map(({ point }) => point.join(","));
    const drawn = await page.locator(".step-dot").evaluateAll((dots) => dots.map((dot) => dot.dataset.step));
    assert.deepEqual(drawn, [...new Set(wanted)]);
    await page.getByRole("button", { name: "New chat" }).click();
  });

  it("counts a sideways photograph upright", async () => {
    const bytes = withOrientation(await draw(page, 400, 300, "image/jpeg"), 6);
    await page.setInputFiles("#file-input", [file("sideways.jpg", "image/jpeg", bytes)]);
    await page.waitForFunction(() => /→/.test(document.querySelector(".attachment-cost")?.textContent ?? ""));
    const [, w, h] = (await page.locator(".attachment-cost").innerText()).match(/sent as (\d+)×(\d+)/).map(Number);
    assert.ok(h > w, `sent as ${w}×${h}`);
    assert.match(await page.locator(".attachment-cost").innerText(), /^300×400/);
    await page.getByRole("button", { name: "Remove sideways.jpg" }).click();
  });

  it("stops, answers again and keeps both", async () => {
    await ask(page, "What can you do?");
    await settled(page, 60_000);
    await page.locator(".reply").last().getByRole("button", { name: "Again", exact: true }).click();
    await page.waitForSelector(".reply .versions");
    await settled(page, 60_000);
    assert.match(await page.locator(".reply").last().locator(".versions").innerText(), /2\/2/);
  });

  it("sends a schema and says whether the answer keeps to it", async () => {
    await page.getByRole("button", { name: "New chat" }).click();
    await page.locator(".tasks button").nth(2).click();
    await page.fill("#fields", '{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":9}},"required":["n"],"additionalProperties":false}');
    await page.setInputFiles("#file-input", [file("line.png", "image/png", readFileSync(join(samples, "line-en.png")))]);
    await page.press("#question", "Enter");
    await settled(page, 60_000);
    await page.waitForSelector(".json-view .badge");
    assert.match(await page.locator(".json-view .badge").innerText(), /Fits the schema/);
  });

  it("shows live status", async () => {
    await page.locator(".status-button").click();
    await page.waitForSelector("dialog .meter-row");
    const text = await page.locator(".dialog").innerText();
    assert.match(text, /\d+ of \d+ running, \d+ waiting[\s\S]*of [\d,]+ blocks[\s\S]*weights/);
    await page.keyboard.press("Escape");
  });

  it("is served with its policy and compressed", async () => {
    const response = await page.request.get(realServer);
    const headers = response.headers();
    for (const rule of ["default-src 'self'", "frame-ancestors 'none'", "object-src 'none'"]) {
      assert.ok(headers["content-security-policy"].includes(rule), rule);
    }
    assert.equal(headers["content-encoding"], "gzip");
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await response.text())[1];
    const asset = await page.request.get(new URL(script, realServer).href);
    assert.match(asset.headers()["cache-control"], /immutable/);
    const licences = await page.request.get(new URL("/assets/licenses.txt", realServer).href);
    assert.equal(licences.status(), 200);
    assert.doesNotMatch(licences.headers()["cache-control"], /immutable/);
  });

  it("refuses another site's request before anything is generated", async () => {
    const url = new URL("/v1/chat/completions", realServer).href;
    const data = JSON.stringify({ messages: [{ role: "user", content: "x" }] });
    const cross = await page.request.post(url, { data, headers: { Origin: "http://evil.example", "Content-Type": "application/json" } });
    assert.equal(cross.status(), 403);
    const plain = await page.request.post(url, { data, headers: { Origin: "http://evil.example", "Content-Type": "text/plain" } });
    assert.ok([403, 415].includes(plain.status()), String(plain.status()));
  });

  it("starts nothing for a page on another port, whatever that page tries", async () => {
    const finished = async () => {
      const text = await (await page.request.get(new URL("/metrics", realServer).href)).text();
      return [...text.matchAll(/^vllm:request_success_total\{[^}]*\} (\S+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
    };
    const site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>other</title>"));
    await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
    const context = await browser.newContext();
    const other = await context.newPage();
    await other.goto(`http://127.0.0.1:${site.address().port}/`);
    const before = await finished();
    const results = await other.evaluate(async (url) => {
      const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], max_tokens: 1 });
      const tries = [
        { mode: "no-cors", body }, { mode: "no-cors", body, headers: { "Content-Type": "text/plain" } }, { mode: "cors", body },
        { mode: "cors", body, headers: { "Content-Type": "application/json" } }, { mode: "no-cors", body: new URLSearchParams({ body }) },
      ];
      const beacon = navigator.sendBeacon(url, body);
      const kinds = await Promise.all(tries.map((one) => fetch(url, { method: "POST", ...one }).then((r) => r.type, () => "blocked")));
      return [beacon, ...kinds];
    }, new URL("/v1/chat/completions", realServer).href);
    // What another site gets is at most an answer that it cannot read.
    assert.deepEqual(results, [true, "opaque", "opaque", "blocked", "blocked", "opaque"]);
    assert.equal(await finished(), before);
    await context.close();
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
  });
});
