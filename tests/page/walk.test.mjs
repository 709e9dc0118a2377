// SPDX-License-Identifier: Apache-2.0
// A reader walks through every feature of the page.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { ask, openPage, settled, skipped, startBrowser, startServer } from "./harness.mjs";
import { draw, file, screenshotOfForm, withOrientation } from "./pictures.mjs";

const run = promisify(execFile);
let browser;
let server;
let opened;
let page;

const open = async (options = {}, path = "") => {
  if (opened) await opened.context.close();
  opened = await openPage(browser, server.url + path, options);
  page = opened.page;
};
const png = async (name = "shapes.png", width = 640, height = 480) => file(name, "image/png", await draw(page, width, height));
const lastReply = () => page.locator(".reply").last();
const bodies = () => server.state.requests;
const lastBody = () => bodies()[bodies().length - 1];
const picturesIn = (body) => body.messages.flatMap((m) => (Array.isArray(m.content) ? m.content : [])).filter((p) => p.type === "image_url");
const action = (name) => lastReply().getByRole("button", { name, exact: true });

describe("the page", { skip: skipped || false, timeout: 240_000 }, () => {
  before(async () => {
    server = await startServer({ pause: 1, wait: 30 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    Object.assign(server.state, { requests: [], key: "", answer: null, demo: true, stopped: 0, limit: 8192, piece: 6 });
    await open();
  });
  afterEach(async () => {
    const { sins } = opened;
    await opened.context.close();
    opened = null;
    // A refused request is logged by the browser itself, whatever the page does about it.
    assert.deepEqual(sins.filter((sin) => !/status of (?:400|401|429)/.test(sin)), []);
  });

  it("says that the demo model is not Qwen3-VL, and does not say it of others", async () => {
    await page.waitForSelector(".demo-notice");
    assert.match(await page.locator(".demo-notice").innerText(), /It is not Qwen3-VL/);
    server.state.demo = false;
    await open();
    await page.waitForFunction(() => document.querySelector(".status-model")?.textContent === "Qwen3-VL-2B-Instruct");
    assert.equal(await page.locator(".demo-notice, .demo-chip").count(), 0);
  });

  it("adds pictures by choice, drop and paste, sends their very bytes before the text, and refuses what it cannot send", async () => {
    const picture = await png();
    await page.setInputFiles("#file-input", [picture]);
    await page.waitForSelector(".attachment img");
    const give = (kind, name, type, base64) => page.evaluate(([event, n, t, data]) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], n, { type: t }));
      const target = event === "paste" ? document.getElementById("question") : window;
      const init = { bubbles: true, cancelable: true };
      if (event === "paste") return target.dispatchEvent(new ClipboardEvent("paste", { ...init, clipboardData: transfer }));
      target.dispatchEvent(new DragEvent("dragenter", { ...init, dataTransfer: transfer }));
      return target.dispatchEvent(new DragEvent("drop", { ...init, dataTransfer: transfer }));
    }, [kind, name, type, base64]);
    const second = await draw(page, 64, 64);
    await give("drop", "dropped.png", "image/png", second.toString("base64"));
    const third = await draw(page, 80, 40, "image/jpeg");
    await give("paste", "pasted.jpg", "image/jpeg", third.toString("base64"));
    await page.waitForFunction(() => document.querySelectorAll(".attachment").length === 3);
    for (const [name, head, words] of [["a.pdf", "%PDF-1.4", /PDF/], ["a.mp4", "\0\0\0 ftypisom", /video/], ["a.png", "not a picture", /not supported/], ["b.png", "\x89PNG\r\n\x1a\nbroken", /damaged/]]) {
      await give("drop", name, "", Buffer.from(head, "latin1").toString("base64"));
      await page.waitForFunction((source) => new RegExp(source).test(document.querySelector(".toast")?.textContent ?? ""), words.source);
    }
    await page.getByRole("button", { name: "Remove dropped.png" }).click();
    await page.fill("#question", "mock:count What is this?");
    await page.press("#question", "Enter");
    await settled(page);
    const sent = picturesIn(lastBody()).map((p) => p.image_url.url);
    assert.equal(sent.length, 2);
    assert.equal(sent[0], `data:image/png;base64,${picture.buffer.toString("base64")}`);
    assert.equal(sent[1], `data:image/jpeg;base64,${third.toString("base64")}`);
    assert.equal(lastBody().messages[0].content[2].text, "mock:count What is this?");
  });

  it("shows what a picture costs before it is sent, and when it does not fit", async () => {
    await page.setInputFiles("#file-input", [await png("a.png", 640, 480)]);
    await page.waitForSelector("[data-testid=cost]");
    assert.match(await page.locator(".attachment-cost").innerText(), /640×480 → sent as 640×480, 300 tokens/);
    assert.match(await page.locator("[data-testid=cost]").innerText(), /of 8,192 tokens · .* cache · about .* to the first word/);
    assert.equal(bodies().length, 0);
    server.state.limit = 100;
    await page.fill("#question", "More words");
    await page.waitForSelector(".cost.warn");
    assert.match(await page.locator(".cost").innerText(), /does not fit/);
  });

  it("renders Markdown with tables, code and formulas while it arrives; pictures of others are links", async () => {
    await ask(page, "mock:markdown go");
    await page.waitForSelector(".answer-blocks.live");
    await settled(page);
    await page.waitForSelector(".prose math");
    await page.waitForSelector(".formula math");
    await page.waitForSelector(".code-view .hljs-keyword");
    assert.equal(await lastReply().locator("table tbody tr").count(), 3);
    assert.equal(await lastReply().locator("td").nth(1).evaluate((td) => getComputedStyle(td).textAlign), "-webkit-right");
    assert.equal(await lastReply().locator("img").count(), 0);
    const remote = lastReply().getByRole("link", { name: "Picture not loaded: chart" });
    assert.equal(await remote.getAttribute("rel"), "noopener noreferrer nofollow");
    await action("Source").click();
    assert.match(await lastReply().locator(".raw").innerText(), /^## Summary/);
  });

  it("renders only the last block again while an answer grows", async () => {
    server.state.pause = 1;
    server.state.piece = 40;
    await ask(page, "mock:long go");
    await page.waitForSelector(".prose >> nth=3");
    await page.evaluate(() => {
      window.changed = new Set();
      const watch = new MutationObserver((list) => {
        for (const { target } of list) {
          const block = target.parentElement?.closest(".prose") ?? target.closest?.(".prose");
          if (block) window.changed.add([...document.querySelectorAll(".prose")].indexOf(block));
        }
      });
      for (const block of [...document.querySelectorAll(".prose")].slice(0, 3)) watch.observe(block, { childList: true, subtree: true, characterData: true });
    });
    await settled(page, 60_000);
    assert.deepEqual(await page.evaluate(() => [...window.changed]), []);
    assert.equal(await page.locator(".prose").count(), 400);
  });

  it("stops: the connection closes and what came stays", async () => {
    server.state.pause = 20;
    await ask(page, "mock:long go");
    await page.waitForSelector(".prose");
    await page.getByRole("button", { name: "Stop" }).click();
    await settled(page);
    assert.match(await lastReply().innerText(), /Paragraph 0[\s\S]*Stopped\./);
    await page.waitForTimeout(100);
    assert.equal(server.state.stopped, 1);
    await ask(page, "mock:slow go");
    await page.waitForSelector(".waiting");
    await page.press("#question", "Escape");
    await settled(page);
    assert.equal(server.state.stopped, 2);
    server.state.pause = 1;
  });

  it("answers again, edits and branches without losing a version", async () => {
    await ask(page, "mock:count one");
    await settled(page);
    await action("Again").click();
    await page.waitForSelector(".reply .versions");
    await settled(page);
    assert.match(await lastReply().locator(".versions").innerText(), /2\/2/);
    await page.locator(".question").hover();
    await page.locator(".question").getByRole("button", { name: "Edit" }).click();
    assert.equal(await page.inputValue("#question"), "mock:count one");
    await page.fill("#question", "mock:text two");
    await page.press("#question", "Enter");
    await settled(page);
    assert.match(await page.locator(".question").innerText(), /two/);
    assert.equal(lastBody().messages.length, 1);
    await page.locator(".question").getByRole("button", { name: "Previous version" }).click();
    assert.match(await page.locator(".question .bubble").innerText(), /one/);
    assert.equal(await lastReply().locator(".prose").innerText(), "3");
    await action("Branch off").click();
    await page.waitForFunction(() => document.querySelectorAll(".history li").length === 2);
    await ask(page, "mock:text three");
    await settled(page);
    assert.equal(lastBody().messages.length, 3);
    assert.equal(await page.locator(".history li").count(), 2);
  });

  it("draws boxes and points where they belong, whatever the size and the camera's orientation", async () => {
    const jpeg = await draw(page, 400, 300, "image/jpeg");
    for (const [name, mime, bytes, width, height] of [
      ["wide.png", "image/png", await draw(page, 1000, 250), 1000, 250],
      ["tall.png", "image/png", await draw(page, 30, 90), 30, 90],
      ["sideways.jpg", "image/jpeg", withOrientation(jpeg, 6), 300, 400],
      ["mirrored.jpg", "image/jpeg", withOrientation(jpeg, 2), 400, 300],
    ]) {
      await page.keyboard.press("Escape");
      await open();
      await ask(page, "mock:boxes", { files: [file(name, mime, bytes)] });
      await settled(page);
      const stage = await page.locator(".reply .marked-stage img").boundingBox();
      assert.ok(Math.abs(stage.width / stage.height - width / height) < 0.03 * (width / height), `${name}: ${stage.width}x${stage.height}`);
      const marks = page.locator(".reply .mark");
      assert.equal(await marks.count(), 4);
      for (const mark of await marks.all()) {
        const place = (await mark.getAttribute("data-place")).split(",").map(Number);
        const at = await mark.boundingBox();
        assert.ok(Math.abs(at.x - stage.x - (place[0] / 1000) * stage.width) < 1.5, `${name} x`);
        assert.ok(Math.abs(at.y - stage.y - (place[1] / 1000) * stage.height) < 1.5, `${name} y`);
        if (place.length === 4) assert.ok(Math.abs(at.width - Math.max(6, ((place[2] - place[0]) / 1000) * stage.width)) < 1.5, `${name} width`);
      }
      const first = await page.locator(".place-list code").first().innerText();
      assert.equal(first, [62 * width, 88 * height, 438 * width, 470 * height].map((n) => Math.round(n / 1000)).join(", "));
    }
  });

  it("links marks and list, shows the grid, copies pixels, and opens the picture large", async () => {
    await ask(page, "mock:bareboxes", { files: [await png("shapes.png", 1000, 500)] });
    await settled(page);
    await page.locator(".place-list li").nth(1).hover();
    assert.ok(await page.locator(".mark").nth(1).evaluate((m) => m.classList.contains("lit")));
    await page.locator(".place-list button").nth(2).focus();
    assert.ok(await page.locator(".mark").nth(2).evaluate((m) => m.classList.contains("lit")));
    await page.getByRole("button", { name: "0–1000" }).click();
    assert.equal(await page.locator(".place-list code").first().innerText(), "62, 88, 438, 470");
    await page.getByRole("button", { name: "Copy as pixels" }).click();
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
    assert.deepEqual(copied[0], { label: "red circle", box: [62, 44, 438, 235] });
    assert.deepEqual(copied[3].point, [250, 380]);
    await page.locator(".reply .stage-button").click();
    await page.waitForSelector("dialog.zoomed[open]");
    assert.equal(await page.locator("dialog.zoomed .mark").count(), 4);
    await page.getByRole("button", { name: "100 %" }).click();
    assert.equal((await page.locator("dialog.zoomed .marked-stage").boundingBox()).width, 1000);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("dialog[open]").count(), 0);
  });

  it("draws boxes of a truncated answer and says that it is incomplete", async () => {
    await ask(page, "mock:cutjson", { files: [await png()] });
    await settled(page);
    assert.equal(await page.locator(".reply .mark").count(), 1);
    assert.match(await page.locator(".json-view .badge").innerText(), /Incomplete/);
  });

  it("shows an action path as numbered steps that can be played, also a single tool call", async () => {
    await ask(page, "mock:steps", { files: [file("login.png", "image/png", await screenshotOfForm(page))] });
    await settled(page);
    assert.deepEqual(await page.locator(".step-dot b").allInnerTexts(), ["1·2", "3", "4", "5"]);
    assert.match(await page.locator(".step-list li").nth(1).innerText(), /Type\s+Phone number\s+13800138000/);
    await page.getByRole("button", { name: "Next step" }).click();
    assert.deepEqual(await page.locator(".step-dot b").allInnerTexts(), ["1"]);
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".step-dot").length >= 2);
    // On a slow machine the last step may be reached before the click: then there is nothing to pause.
    await page.locator(".steps .with-text").click();
    await ask(page, "mock:call");
    await settled(page);
    assert.equal(await lastReply().locator(".step-dot").getAttribute("data-step"), "512,300");
    assert.match(await lastReply().locator(".step-list").innerText(), /Click/);
  });

  it("shows JSON as a tree with copy, and says whether it keeps to the schema", async () => {
    await page.getByRole("button", { name: "Extract fields" }).first().click();
    await page.fill("#fields", "name, date, total");
    assert.match(await page.inputValue("#question"), /these fields from the image: name, date, total\./);
    await page.press("#question", "Enter");
    await settled(page);
    assert.deepEqual(lastBody().response_format.json_schema.schema.required, ["name", "date", "total"]);
    assert.match(await page.locator(".json-view .badge").innerText(), /Fits the schema/);
    assert.match(await page.locator(".json-tree").innerText(), /name: "Ada Lovelace"/);
    await page.locator(".json-view").getByRole("button", { name: "Copy" }).click();
    assert.equal(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).date, "1843-09-05");
    await page.getByRole("button", { name: "Extract fields" }).first().click();
    await page.fill("#question", "mock:badfields");
    await page.press("#question", "Enter");
    await settled(page);
    assert.match(await lastReply().locator(".badge").innerText(), /Does not fit/);
    assert.match(await lastReply().locator(".problems").innerText(), /\/name: is number[\s\S]*lacks "total"/);
    await ask(page, "mock:badjson");
    await settled(page);
    assert.match(await lastReply().locator(".json-view").innerText(), /Not valid JSON[\s\S]*Line 2, column 7/);
    await page.getByRole("button", { name: "Extract fields" }).first().click();
    await page.fill("#fields", '{"type": "obj');
    assert.ok(await page.getByRole("button", { name: "Send" }).isDisabled());
  });

  it("previews HTML in a frame that can do nothing", async () => {
    const title = await page.title();
    await ask(page, "mock:html");
    await settled(page);
    const frame = page.locator("iframe.page-frame");
    assert.equal(await frame.getAttribute("sandbox"), "");
    const inside = page.frameLocator("iframe.page-frame");
    await inside.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(await inside.locator("script").count(), 0);
    assert.equal(await inside.locator("img[src]").count(), 0);
    assert.equal(await inside.locator(".card").evaluate((card) => getComputedStyle(card).width), "280px");
    assert.equal(await page.title(), title);
    await page.getByRole("button", { name: "Source" }).first().click();
    assert.match(await page.locator(".html-view .code-text").innerText(), /<script>/);
  });

  it("draws Draw.io XML without the network, plain and compressed, and names what it does not know", async () => {
    await ask(page, "mock:drawio");
    await settled(page);
    await page.waitForSelector(".diagram-paper svg");
    const text = await page.locator(".diagram-paper svg").evaluate((svg) => svg.textContent);
    for (const label of ["Order received", "In stock?", "the parcel", "Invoice", "yes"]) assert.ok(text.includes(label), label);
    assert.match(await page.locator(".diagram-view").innerText(), /mxgraph\.cisco\.server/);
    const model = '<mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/><mxCell id="a" value="Packed" vertex="1" parent="1"><mxGeometry x="0" y="0" width="80" height="40" as="geometry"/></mxCell></root></mxGraphModel>';
    const { deflateRawSync } = await import("node:zlib");
    server.state.answer = `<mxfile><diagram>${deflateRawSync(encodeURIComponent(model)).toString("base64")}</diagram></mxfile>`;
    await ask(page, "again");
    await settled(page);
    await lastReply().locator(".diagram-paper svg").waitFor();
    assert.match(await lastReply().locator(".diagram-paper svg").evaluate((svg) => svg.textContent), /Packed/);
    server.state.answer = "<mxfile><diagram>@@@@</diagram></mxfile>";
    await ask(page, "again");
    await settled(page);
    await page.waitForFunction(() => /cannot be drawn/.test(document.querySelector(".message:last-of-type")?.textContent ?? ""));
    const download = page.waitForEvent("download");
    await page.locator(".diagram-view").first().getByRole("button", { name: "Save .drawio" }).click();
    assert.equal((await download).suggestedFilename(), "diagram.drawio");
  });

  it("fills in every preset in both languages", async () => {
    for (const [lang, words] of [["en", ["Read the text in the image.", "Locate every instance", "Goal:", "Rebuild this page", "Draw.io"]], ["zh", ["读出图中的文字。", "定位图中", "目标：", "还原成", "Draw.io"]]]) {
      server.state.demo = false;
      await open({ lang });
      await page.waitForFunction(() => document.querySelector(".status-model")?.textContent.startsWith("Qwen"));
      for (const [i, word] of [1, 3, 4, 5, 6].entries()) {
        await page.locator(".tasks button").nth(word).click();
        assert.ok((await page.inputValue("#question")).includes(words[i]), `${lang} ${words[i]}`);
      }
      assert.equal(await page.evaluate(() => document.documentElement.lang), lang === "zh" ? "zh-CN" : "en");
    }
  });

  it("splits the time of a message", async () => {
    await ask(page, "mock:count x", { files: [await png()] });
    await settled(page);
    assert.match(await lastReply().locator(".timing-line").innerText(), /to first word/);
    await lastReply().locator(".timing-line").click();
    const legend = await lastReply().locator(".timing-legend").innerText();
    for (const phase of ["Sending", "Decoding", "Waiting", "Vision", "Reading", "Writing"]) assert.ok(legend.includes(phase), phase);
    assert.match(await lastReply().locator(".timing-more p").innerText(), /300 for pictures/);
  });

  it("keeps history in this browser: after reload, found by a word, deleted and back", async () => {
    await ask(page, "mock:count How many zebras?", { files: [await png()] });
    await settled(page);
    await page.getByRole("button", { name: "New chat" }).click();
    await ask(page, "mock:text Read the receipt");
    await settled(page);
    await page.reload();
    await page.waitForSelector(".history li");
    assert.equal(await page.locator(".history li").count(), 2);
    assert.match(await page.locator(".reply").innerText(), /ACME/);
    await page.fill("#search", "zebra");
    assert.equal(await page.locator(".history li").count(), 1);
    await page.locator(".history a").click();
    await page.waitForSelector(".thumb img");
    assert.equal(await page.locator(".thumb img").evaluate((img) => img.naturalWidth), 640);
    await page.locator(".history li").hover();
    await page.getByRole("button", { name: /Delete/ }).click();
    assert.match(await page.locator(".nav-note").innerText(), /zebra/);
    await page.getByRole("button", { name: "Undo" }).click();
    assert.equal(await page.locator(".history li").count(), 1);
    const inChats = await page.evaluate(async () => {
      const db = await new Promise((resolve) => { const r = indexedDB.open("monocle"); r.onsuccess = () => resolve(r.result); });
      return new Promise((resolve) => { const r = db.transaction("chats").objectStore("chats").getAll(); r.onsuccess = () => resolve(JSON.stringify(r.result)); });
    });
    assert.ok(!inChats.includes("base64"));
  });

  it("exports and imports chats with their pictures, and refuses other files", async () => {
    await ask(page, "mock:count Keep me", { files: [await png()] });
    await settled(page);
    await page.getByRole("button", { name: "Settings" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    const saved = await readFile(await (await download).path(), "utf8");
    assert.equal(JSON.parse(saved).chats.length, 1);
    await open();
    await page.getByRole("button", { name: "Settings" }).click();
    const load = (text) => page.setInputFiles("#import-input", [file("x.json", "application/json", Buffer.from(text))]);
    for (const bad of ["{", "[]", '{"format":"other"}', "null"]) {
      await load(bad);
      await page.waitForFunction(() => /not an export/.test(document.querySelector(".toast")?.textContent ?? ""));
    }
    await load(saved);
    await page.waitForFunction(() => /1 chats imported/.test(document.querySelector(".toast")?.textContent ?? ""));
    await page.keyboard.press("Escape");
    await page.locator(".history a").click();
    await page.waitForSelector(".thumb img");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Delete all chats" }).click();
    await page.getByRole("button", { name: /Really delete/ }).click();
    await page.waitForFunction(() => document.querySelectorAll(".history li").length === 0);
  });

  it("shows the server's defaults in the settings and sends only what was changed", async () => {
    await page.waitForFunction(() => /Idle/.test(document.querySelector(".status-line")?.textContent ?? ""));
    await page.getByRole("button", { name: "Settings" }).click();
    await page.waitForSelector("#set-max_tokens");
    assert.equal(await page.getAttribute("#set-max_tokens", "placeholder"), "Server: 1024");
    await page.fill("#set-temperature", "9");
    assert.match(await page.locator("#bad-temperature").innerText(), /Between 0 and 2/);
    await page.fill("#set-temperature", "0.7");
    await page.fill("#set-system", "Be short.");
    await page.keyboard.press("Escape");
    await ask(page, "mock:count x");
    await settled(page);
    const { temperature, top_p, max_tokens, messages } = lastBody();
    assert.deepEqual([temperature, top_p, max_tokens, messages[0]], [0.7, undefined, undefined, { role: "system", content: "Be short." }]);
  });

  it("shows live status, and that the server is gone", async () => {
    await page.locator(".status-button").click();
    await page.waitForSelector(".meter-row");
    const text = await page.locator(".dialog").innerText();
    assert.match(text, /0 of 32 running, 0 waiting[\s\S]*of 2,048 blocks[\s\S]*weights 27\.0 MB/);
    await page.keyboard.press("Escape");
    await page.route("**/ui/status", (route) => route.fulfill({ status: 200, contentType: "application/json", body: JSON.stringify({ queue: { running: 2, waiting: 5, max_running: 2 } }) }));
    await page.waitForFunction(() => /2 running · 5 waiting/.test(document.querySelector(".status-line")?.textContent ?? ""));
    await page.unroute("**/ui/status");
  });

  it("asks for a key when the server wants one, and explains refusals and broken streams", async () => {
    server.state.key = "secret";
    await open();
    await ask(page, "mock:count x");
    await settled(page);
    assert.match(await page.locator(".failure").innerText(), /asks for an API key/);
    await page.getByRole("button", { name: "Enter a key" }).click();
    await page.fill("#set-key", "secret");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".reply .prose");
    await settled(page);
    for (const [question, words] of [["mock:busy", /wait 3 s[\s\S]*64 of 64/], ["mock:refuse", /maximum context length is 8192/], ["mock:break mock:markdown", /engine failed/]]) {
      await ask(page, question);
      await page.waitForTimeout(100);
      await settled(page);
      assert.match(await lastReply().innerText(), words);
    }
    await ask(page, "mock:length mock:count");
    await settled(page);
    assert.match(await lastReply().innerText(), /token limit/);
  });

  it("works by keyboard alone", async () => {
    const key = (name) => page.keyboard.press(name);
    const blur = () => page.evaluate(() => document.activeElement?.blur());
    await key("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await key("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "question");
    await page.keyboard.type("mock:count How many?");
    await key("Shift+Enter");
    await page.keyboard.type("two lines");
    await key("Enter");
    await settled(page);
    assert.equal(lastBody().messages[0].content, "mock:count How many?\ntwo lines");
    await key("ArrowUp");
    assert.match(await page.inputValue("#question"), /How many/);
    await key("Escape");
    assert.equal(await page.inputValue("#question"), "");
    await blur();
    await key("?");
    await page.waitForSelector("dialog[open] .keys");
    await key("Escape");
    await blur();
    await key("r");
    await page.waitForSelector(".reply .versions");
    await settled(page);
    await key("c");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "3");
    await key("d");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await key("b");
    assert.equal(await page.locator("#sidebar").count(), 0);
    await key("Control+k");
    await page.waitForSelector("#search:focus");
    await blur();
    await key("n");
    await page.waitForSelector(".empty");
    await page.waitForSelector("#question:focus");
    await blur();
    await key("s");
    await page.waitForSelector("dialog[open] #set-system");
    await page.getByLabel("Single-key shortcuts").uncheck();
    await key("Escape");
    await blur();
    await key("?");
    await page.waitForTimeout(100);
    assert.equal(await page.locator("dialog[open]").count(), 0);
  });

  it("gives the request as code that runs", async () => {
    const picture = await png("it's $HOME.png");
    await ask(page, "mock:count How many `red` circles, $HOME \\ \"quoted\"?", { files: [picture] });
    await settled(page);
    const asked = lastBody();
    await lastReply().getByRole("button", { name: "This request as code" }).click();
    const folder = await mkdtemp(join(tmpdir(), "monocle-page-"));
    try {
      await writeFile(join(folder, picture.name), picture.buffer);
      const codeOf = async (name) => {
        await page.getByRole("button", { name, exact: true }).click();
        await page.waitForFunction((word) => document.querySelector("dialog .code-text")?.textContent.includes(word), { curl: "curl -sS", Python: "import os", JavaScript: "await fetch" }[name]);
        return page.locator("dialog .code-text").textContent();
      };
      await writeFile(join(folder, "a.sh"), await codeOf("curl"));
      await run("bash", ["a.sh"], { cwd: folder });
      await writeFile(join(folder, "a.mjs"), await codeOf("JavaScript"));
      assert.equal((await run("node", ["a.mjs"], { cwd: folder })).stdout, "3\n");
      await writeFile(join(folder, "a.py"), await codeOf("Python"));
      await run("python3", ["-c", "import ast; ast.parse(open('a.py').read())"], { cwd: folder });
    } finally {
      await rm(folder, { recursive: true });
    }
    const [, byCurl, byNode] = bodies();
    assert.deepEqual([byCurl.messages, byNode.messages], [asked.messages, asked.messages]);
  });

  it("only fills in what a link brings, and never sends it", async () => {
    await open({}, "?q=Transfer%20all%20money");
    assert.equal(await page.inputValue("#question"), "Transfer all money");
    await page.waitForTimeout(600);
    assert.equal(bodies().length, 0);
    assert.ok(!page.url().includes("q="));
  });

  it("fits a phone without sideways scrolling", async () => {
    await open({ width: 390, height: 844 });
    await ask(page, "mock:markdown", { files: [await png("a.png", 2000, 300)] });
    await settled(page);
    await ask(page, "mock:boxes");
    await settled(page);
    for (const selector of ["html", ".thread", ".main"]) {
      const wide = await page.locator(selector).evaluate((e) => e.scrollWidth - e.clientWidth);
      assert.ok(wide <= 1, `${selector} is ${wide} px too wide`);
    }
    assert.equal(await page.locator("#sidebar").count(), 0);
    await page.getByRole("button", { name: "Open the sidebar" }).click();
    await page.waitForSelector("#sidebar");
  });
});
