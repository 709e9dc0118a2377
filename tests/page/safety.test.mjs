// SPDX-License-Identifier: Apache-2.0
// The model's output is an attacker: nothing it writes runs, reaches anybody, or poses as the page.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { attacks } from "./attacks.mjs";
import { openPage, skipped, startBrowser, startServer } from "./harness.mjs";

const LANES = 3;
const OWN = /^\/(?:$|\?|assets\/[\w.-]+$|v1\/(?:models|estimate|chat\/completions)$|ui\/status$)/;

let browser;

/** One page that gets every LANES-th answer, each streamed in pieces of 1 to 7 characters. */
async function lane(number, corpus) {
  const server = await startServer({ pause: 0, wait: 0 });
  const { page, context, sins } = await openPage(browser, server.url);
  page.on("request", (request) => {
    const { pathname, origin } = new URL(request.url());
    if (origin === new URL(server.url).origin && !OWN.test(pathname)) sins.push(`own server: ${request.url()}`);
  });
  const failures = [];
  for (let i = number; i < corpus.length; i += LANES) {
    server.state.answer = corpus[i];
    server.state.piece = 1 + (i % 7);
    await page.evaluate(() => {
      if (document.querySelectorAll(".reply").length >= 8) location.hash = "#/";
    });
    const replies = await page.locator(".reply").count();
    await page.fill("#question", `attack ${i}`);
    await page.press("#question", "Enter");
    await page.waitForFunction((n) => document.querySelectorAll(".reply .actions").length > n || (n >= 8 && document.querySelector(".reply .actions")), replies);
    await page.waitForTimeout(30);
    const state = await page.evaluate(() => ({
      pwned: window.pwned ?? 0, cookie: document.cookie, title: document.title, path: location.pathname,
      links: [...document.querySelectorAll(".reply .prose a, .reply svg a")].map((a) => a.getAttribute("href")).filter((href) => !/^(?:https?:\/\/|mailto:)/.test(href ?? "")),
      foreign: document.querySelectorAll(".reply :is(script, object, embed, form, base, link, meta, video, audio, .prose style, .prose [style]:not(.prose math *, .prose math), .prose [id], .prose input)").length,
      alive: document.querySelector(".composer") !== null && document.getElementById("app")?.parentElement === document.body,
    }));
    const wanted = { pwned: 0, cookie: "", title: "monocle", path: "/", links: [], foreign: 0, alive: true };
    if (JSON.stringify(state) !== JSON.stringify(wanted) || sins.length > 0) {
      const wrong = Object.entries(state).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(wanted[key]));
      failures.push({ answer: corpus[i], wrong: JSON.stringify(wrong), sins: sins.splice(0) });
    }
  }
  await page.waitForTimeout(500);
  if (sins.length > 0) failures.push({ answer: "at the end", sins });
  await context.close();
  await server.stop();
  return failures;
}

describe("what a model writes", { skip: skipped || false, timeout: 600_000 }, () => {
  before(async () => (browser = await startBrowser()));
  after(() => browser?.close());

  it("never runs, never asks anybody, never logs an error", async () => {
    const corpus = attacks();
    assert.ok(corpus.length >= 300, `${corpus.length} answers`);
    const failures = (await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n, corpus)))).flat();
    assert.deepEqual(failures, []);
    console.log(`${corpus.length} hostile answers`);
  });

  it("cannot be asked through by a link, and the page does not load in a frame", async () => {
    const server = await startServer();
    const { page, context } = await openPage(browser, `${server.url}?q=${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
    assert.equal(await page.inputValue("#question"), "<img src=x onerror=alert(1)>");
    await page.waitForTimeout(800);
    assert.equal(server.state.requests.length, 0);
    const response = await page.request.get(server.url);
    const policy = response.headers()["content-security-policy"];
    for (const rule of ["frame-ancestors 'none'", "script-src 'self'", "require-trusted-types-for 'script'"]) assert.ok(policy.includes(rule), rule);
    await context.close();
    await server.stop();
  });
});
