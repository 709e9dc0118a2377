// SPDX-License-Identifier: Apache-2.0
// axe on every screen, in both themes, both languages, wide and on a phone: nothing serious, nothing critical.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ask, axeSource, openPage, settled, skipped, startBrowser, startServer } from "./harness.mjs";
import { draw, file, film, screenshotOfForm } from "./pictures.mjs";

let browser;
let server;

async function violations(page, screen) {
  await page.waitForTimeout(250);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${screen}: ${id}: ${nodes.slice(0, 3).map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? ""})`).join("; ")}`);
}

const SCREENS = {
  empty: async () => undefined,
  draft: async (page) => {
    await page.locator(".tasks button").nth(2).click();
    await page.setInputFiles("#file-input", [file("long.png", "image/png", await draw(page, 100, 900))]);
    await page.waitForSelector("[data-testid=cost]");
  },
  clip: async (page) => {
    await page.setInputFiles("#file-input", [file("a.webm", "video/webm", await film(page, 1.2))]);
    await page.waitForSelector(".attachment .clip-mark");
  },
  frames: async (page) => {
    await ask(page, "mock:count");
    await settled(page);
    await page.locator(".question .thumb").last().click();
    await page.waitForSelector("dialog.clip[open] .clip-strip img");
  },
  answers: async (page) => {
    await page.reload();
    await page.waitForSelector("#question");
    await ask(page, "mock:markdown", { files: [file("a.png", "image/png", await draw(page, 320, 240))] });
    await page.waitForSelector(".answer-blocks.live");
  },
  complete: async (page) => {
    await settled(page);
    await page.waitForSelector(".formula math");
    await page.locator(".timing-line").first().click();
    await ask(page, "mock:boxes");
    await settled(page);
    await ask(page, "mock:steps", { files: [file("b.png", "image/png", await screenshotOfForm(page, 270, 480))] });
    await settled(page);
  },
  previews: async (page) => {
    await ask(page, "mock:drawio");
    await settled(page);
    await page.waitForSelector(".diagram-paper svg");
    await ask(page, "mock:badjson");
    await settled(page);
    await ask(page, "mock:html");
    await settled(page);
    await ask(page, "mock:refuse");
    await settled(page);
  },
  code: async (page) => {
    await page.locator(".reply .actions button").last().click();
    await page.waitForSelector("dialog[open] .code-text");
  },
  zoomed: async (page) => {
    await page.keyboard.press("Escape");
    await page.locator(".reply .stage-button").first().click();
    await page.waitForSelector("dialog.zoomed[open]");
  },
  settings: async (page) => {
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("s");
    await page.waitForSelector("dialog[open] #set-system");
  },
  help: async (page) => {
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open] .keys");
  },
  status: async (page) => {
    await page.keyboard.press("Escape");
    await page.locator(".status-button, .status-mini").filter({ visible: true }).first().click();
    await page.waitForSelector("dialog[open] .facts");
  },
  sidebar: async (page) => {
    await page.keyboard.press("Escape");
    if ((await page.locator("#sidebar").count()) === 0) await page.locator(".top-bar .icon-button").first().click();
    await page.waitForSelector("#sidebar .history li");
  },
};

describe("accessibility", { skip: skipped || false, timeout: 600_000 }, () => {
  before(async () => {
    server = await startServer({ pause: 2, wait: 20 });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const theme of ["light", "dark"]) {
    for (const lang of ["en", "zh"]) {
      for (const width of [1280, 390]) {
        it(`${theme}, ${lang}, ${width} px: nothing serious`, async () => {
          const { page, context } = await openPage(browser, server.url, { theme, lang, width, height: 844, reducedMotion: "reduce" });
          const found = [];
          for (const [name, prepare] of Object.entries(SCREENS)) {
            await prepare(page);
            if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource());
            found.push(...(await violations(page, name)));
          }
          await context.close();
          assert.deepEqual(found, []);
        });
      }
    }
  }
});
