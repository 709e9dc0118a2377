// SPDX-License-Identifier: Apache-2.0
// Pictures of every screen for people to look at: node tests/page/look.mjs FOLDER [part of a name]

import { mkdirSync } from "node:fs";
import { ask, openPage, settled, startBrowser, startServer } from "./harness.mjs";
import { draw, file, screenshotOfForm } from "./pictures.mjs";

const [folder = "/tmp/look", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const VIEWS = [
  ["wide-light-en", { width: 1280, height: 860 }], ["wide-dark-zh", { width: 1280, height: 860, theme: "dark", lang: "zh" }],
  ["phone-light-zh", { width: 390, height: 844, lang: "zh" }], ["phone-dark-en", { width: 390, height: 844, theme: "dark" }],
];

const SCREENS = {
  empty: async () => undefined,
  markdown: async ({ page }) => {
    await ask(page, "mock:markdown Summarise this invoice.");
    await settled(page);
    await page.waitForTimeout(500);
  },
  boxes: async ({ page }) => {
    const picture = await draw(page, 960, 640);
    await ask(page, "mock:boxes Locate every circle, square and star. Report bbox coordinates in JSON format.", { files: [file("shapes.png", "image/png", picture)] });
    await settled(page);
    await page.locator(".timing-line").click();
  },
  steps: async ({ page }) => {
    const picture = await screenshotOfForm(page);
    await ask(page, "mock:steps Sign in with 13800138000.", { files: [file("login.png", "image/png", picture)] });
    await settled(page);
  },
  fields: async ({ page }) => {
    await page.locator(".tasks button").nth(2).click();
    await page.fill("#fields", "name, date, total");
    await page.press("#question", "Enter");
    await settled(page);
  },
  html: async ({ page }) => {
    await ask(page, "mock:html");
    await settled(page);
    await page.waitForTimeout(300);
  },
  drawio: async ({ page }) => {
    await ask(page, "mock:drawio");
    await settled(page);
    await page.waitForSelector(".diagram svg");
  },
  draft: async ({ page }) => {
    const picture = await draw(page, 1600, 900);
    const tall = await draw(page, 200, 1400);
    await page.setInputFiles("#file-input", [file("whiteboard.png", "image/png", picture), file("receipt-very-long-name-of-a-file-2024-117.png", "image/png", tall)]);
    await page.locator(".tasks button").nth(3).click();
    await page.waitForSelector("[data-testid=cost]");
    await page.waitForTimeout(700);
  },
  wait: async ({ page }) => {
    await ask(page, "mock:slow What is on the table?");
    await page.waitForTimeout(2600);
  },
  error: async ({ page }) => {
    await ask(page, "mock:busy What is on the table?");
    await settled(page);
    await ask(page, "mock:break Go on");
    await page.waitForTimeout(1500);
  },
  history: async ({ page }) => {
    for (const text of ["What is the total of this receipt?", "Locate the buttons", "mock:count How many red circles are there?"]) {
      await page.evaluate(() => (location.hash = "#/"));
      await page.waitForSelector(".empty");
      await ask(page, text);
      await settled(page);
    }
    if (!(await page.locator("#sidebar").isVisible())) await page.locator(".top-bar .icon-button").first().click();
  },
  settings: async ({ page }) => {
    await page.keyboard.press("Tab");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("s");
    await page.waitForSelector("dialog[open]");
  },
  status: async ({ page }) => {
    await page.locator(".status-button, .status-mini").filter({ visible: true }).first().click();
    await page.waitForSelector("dialog[open]");
  },
  help: async ({ page }) => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
  },
  code: async ({ page }) => {
    const picture = await draw(page, 640, 480);
    await ask(page, "mock:count How many red circles are there?", { files: [file("shapes.png", "image/png", picture)] });
    await settled(page);
    await page.locator(".reply .actions button").last().click();
    await page.waitForSelector("dialog[open] .code-text");
    await page.waitForTimeout(400);
  },
};

const server = await startServer();
const browser = await startBrowser();
for (const [name, prepare] of Object.entries(SCREENS)) {
  for (const [view, options] of VIEWS) {
    const shot = `${name}-${view}`;
    if (!shot.includes(only)) continue;
    const opened = await openPage(browser, server.url, options);
    try {
      await prepare(opened);
    } catch (error) {
      console.log(`${shot}: ${error.message.split("\n")[0]}`);
    }
    await opened.page.screenshot({ path: `${folder}/${shot}.png` });
    if (opened.sins.length > 0) console.log(shot, opened.sins);
    await opened.context.close();
  }
}
await browser.close();
await server.stop();
