// SPDX-License-Identifier: Apache-2.0
// A reader adds videos: frames are cut in the browser, sent with their times, kept, and refused with a reason.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { ask, openPage, settled, skipped, startBrowser, startServer } from "./harness.mjs";
import { draw, file, film } from "./pictures.mjs";

const run = promisify(execFile);
let browser;
let server;
let opened;
let page;
let movie;

const open = async (options = {}) => {
  if (opened) await opened.context.close();
  opened = await openPage(browser, server.url, options);
  page = opened.page;
};
const lastBody = () => server.state.requests[server.state.requests.length - 1];
const videosIn = (body) => body.messages.flatMap((m) => (Array.isArray(m.content) ? m.content : [])).filter((p) => p.type === "video_url");
const framesIn = (part) => part.video_url.url.replace("data:video/jpeg;base64,", "").split(",").map((frame) => Buffer.from(frame, "base64"));
const toast = (words) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector(".toast")?.textContent ?? ""), words.source);
const add = async (name, type, bytes) => {
  await page.setInputFiles("#file-input", [file(name, type, bytes)]);
  await page.waitForSelector(".attachment img");
};

describe("a video", { skip: skipped || false, timeout: 240_000 }, () => {
  before(async () => {
    server = await startServer({ pause: 1, wait: 30 });
    browser = await startBrowser();
    await open();
    movie = await film(page, 3.2);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    Object.assign(server.state, { requests: [], video: true, limit: 8192 });
    await open();
  });
  afterEach(async () => {
    const { sins } = opened;
    await opened.context.close();
    opened = null;
    assert.deepEqual(sins, []);
  });

  it("becomes frames with their times, beside pictures and before the text, and is still there after a reload", async () => {
    await add("walk.webm", "video/webm", movie);
    await page.waitForFunction(() => /0:03 · 7 frames · .* tokens/.test(document.querySelector(".attachment-cost")?.textContent ?? ""));
    await page.setInputFiles("#file-input", [file("a.png", "image/png", await draw(page, 640, 480))]);
    await page.waitForFunction(() => /640×480 → sent as 640×480, 300 tokens/.test(document.querySelector(".attachment:last-child")?.textContent ?? ""));
    await page.fill("#question", "mock:count What happens?");
    await page.press("#question", "Enter");
    await settled(page);
    const { content } = lastBody().messages[0];
    assert.deepEqual(content.map((part) => part.type), ["video_url", "image_url", "text"]);
    const [video] = videosIn(lastBody());
    assert.deepEqual(video.timestamps, [0, 0.5, 1, 1.5, 2, 2.5, 3]);
    assert.match(video.video_url.url, /^data:video\/jpeg;base64,/);
    const frames = framesIn(video);
    assert.equal(frames.length, 7);
    for (const frame of frames) assert.equal(frame.subarray(0, 3).toString("hex"), "ffd8ff");
    // The square moves, so frames differ; a busy machine may record it standing still for a moment.
    const different = new Set(frames.map((frame) => frame.toString("base64"))).size;
    assert.ok(different >= 5, `${different} different frames`);
    const thumb = page.getByRole("button", { name: "Show the frames of walk.webm, 0:03" });
    assert.equal(await thumb.locator("img").evaluate((img) => img.naturalWidth), 320);
    assert.equal(await thumb.locator(".clip-mark").innerText(), "0:03");
    await page.locator(".reply .timing-line").click();
    assert.match(await page.locator(".reply .timing-more p").innerText(), /for videos/);
    await page.reload();
    await page.waitForFunction(() => document.querySelector(".question .thumb img")?.naturalWidth === 320);
    await page.locator(".reply").getByRole("button", { name: "Again" }).click();
    await page.waitForSelector(".reply .versions");
    await settled(page);
    assert.deepEqual(videosIn(lastBody()), [video]);
  });

  it("shows its frames one by one, by mouse and by keyboard", async () => {
    await add("walk.webm", "video/webm", movie);
    await ask(page, "mock:count What happens?");
    await settled(page);
    await page.getByRole("button", { name: /Show the frames/ }).click();
    await page.waitForSelector("dialog.clip[open] .clip-strip img >> nth=6");
    const slider = page.getByRole("slider", { name: "Frame" });
    await page.waitForFunction(() => document.activeElement?.type === "range");
    const first = await page.locator(".clip-stage img").getAttribute("src");
    await page.keyboard.press("ArrowRight");
    assert.equal(await slider.getAttribute("aria-valuetext"), "0:00.5, frame 2 of 7");
    assert.notEqual(await page.locator(".clip-stage img").getAttribute("src"), first);
    await page.keyboard.press("End");
    assert.ok(await page.getByRole("button", { name: "Next frame" }).isDisabled());
    await page.locator(".clip-strip img").nth(3).click();
    assert.equal(await slider.inputValue(), "3");
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => document.querySelector(".clip-controls input")?.value === "6");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog[open]", { state: "detached" });
  });

  it("has half its frames where it does not fit", async () => {
    server.state.limit = 200;
    await add("walk.webm", "video/webm", movie);
    await page.getByRole("button", { name: "Half the frames" }).click();
    await page.waitForFunction(() => /4 frames · 1 frame every 1 s · 120 tokens/.test(document.querySelector(".attachment-cost")?.textContent ?? ""));
    await page.getByRole("button", { name: "Half the frames" }).waitFor({ state: "detached" });
    await ask(page, "mock:count What happens?");
    await settled(page);
    assert.deepEqual(videosIn(lastBody())[0].timestamps, [0, 1, 2, 3]);
    assert.equal(framesIn(videosIn(lastBody())[0]).length, 4);
  });

  it("says how far it is, and stops when it is taken away", async () => {
    const long = await film(page, 6, 64, 48);
    await page.setInputFiles("#file-input", [file("long.webm", "video/webm", long)]);
    await page.waitForSelector(".attachment progress");
    assert.ok(await page.getByRole("button", { name: "Send" }).isDisabled());
    await page.waitForFunction(() => /Cutting frames: \d+ of 1\d/.test(document.querySelector(".attachment-cost")?.textContent ?? ""));
    await page.getByRole("button", { name: "Remove long.webm" }).click();
    await page.waitForTimeout(400);
    assert.equal(await page.locator(".attachment").count(), 0);
    assert.equal(await page.locator(".toast").count(), 0);
  });

  it("is refused with a reason when the browser cannot play it, or the model takes none", async () => {
    await page.setInputFiles("#file-input", [file("broken.webm", "video/webm", Buffer.concat([movie.subarray(0, 40), Buffer.alloc(4000, 7)]))]);
    await toast(/broken\.webm: this browser cannot play this video \(video\/webm\)\. Convert it to MP4/);
    assert.equal(await page.locator(".attachment").count(), 0);
    server.state.video = false;
    await open();
    await page.waitForFunction(() => document.querySelector(".status-model")?.textContent !== "");
    await page.setInputFiles("#file-input", [file("walk.webm", "video/webm", movie)]);
    await toast(/takes no videos/);
    assert.equal(await page.locator(".attachment").count(), 0);
  });

  it("gives its request as code that runs with a folder of frames", async () => {
    await add("it's $1.webm", "video/webm", movie);
    await ask(page, "mock:count What happens?");
    await settled(page);
    const [video] = videosIn(lastBody());
    await page.locator(".reply").getByRole("button", { name: "This request as code" }).click();
    const codeOf = async (name, word) => {
      await page.getByRole("button", { name, exact: true }).click();
      await page.waitForFunction((w) => document.querySelector("dialog .code-text")?.textContent.includes(w), word);
      return page.locator("dialog .code-text").textContent();
    };
    assert.match(await page.locator("dialog .hint code").innerText(), /ffmpeg -i 'it'\\''s \$1\.webm' -vf fps=2,scale=320:180/);
    const folder = await mkdtemp(join(tmpdir(), "monocle-page-"));
    try {
      await mkdir(join(folder, "it's $1.webm.frames"));
      for (const [i, frame] of framesIn(video).entries()) await writeFile(join(folder, "it's $1.webm.frames", `000${i}.jpg`), frame);
      await writeFile(join(folder, "a.sh"), await codeOf("curl", "curl -sS"));
      await run("bash", ["a.sh"], { cwd: folder });
      await writeFile(join(folder, "a.mjs"), await codeOf("JavaScript", "await fetch"));
      assert.equal((await run("node", ["a.mjs"], { cwd: folder })).stdout, "3\n");
      await writeFile(join(folder, "a.py"), await codeOf("Python", "import os"));
      await run("python3", ["-c", "import ast; ast.parse(open('a.py').read())"], { cwd: folder });
    } finally {
      await rm(folder, { recursive: true });
    }
    const [, byCurl, byNode] = server.state.requests.map((body) => videosIn(body)[0]);
    const { timestamps, ...rest } = video;
    assert.deepEqual([byCurl, byNode], [{ ...rest, fps: 2 }, { ...rest, fps: 2 }]);
    assert.equal(timestamps.length, 7);
  });

  it("travels with exported chats", async () => {
    await add("walk.webm", "video/webm", movie);
    await ask(page, "mock:count Keep me");
    await settled(page);
    const [video] = videosIn(lastBody());
    await page.getByRole("button", { name: "Settings" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    const saved = await readFile(await (await download).path());
    await open();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.setInputFiles("#import-input", [file("x.json", "application/json", saved)]);
    await toast(/1 chats imported/);
    await page.keyboard.press("Escape");
    await page.locator(".history a").click();
    await page.waitForFunction(() => document.querySelector(".question .thumb img")?.naturalWidth === 320);
    await page.locator(".reply").getByRole("button", { name: "Again" }).click();
    await page.waitForSelector(".reply .versions");
    await settled(page);
    assert.deepEqual(videosIn(lastBody()), [video]);
  });
});
