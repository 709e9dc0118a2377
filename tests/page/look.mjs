// SPDX-License-Identifier: Apache-2.0
// Pictures of every screen for people to look at: node tests/page/look.mjs FOLDER [part of a name]

import { mkdirSync } from "node:fs";
import { ask, openPage, settled, startBrowser, startServer } from "./harness.mjs";
import { draw, file, film, screenshotOfForm } from "./pictures.mjs";

const [folder = "/tmp/look", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const VIEWS = [
  ["wide-light-en", { width: 1280, height: 860 }], ["wide-dark-zh", { width: 1280, height: 860, theme: "dark", lang: "zh" }],
  ["phone-light-zh", { width: 390, height: 844, lang: "zh" }], ["phone-dark-en", { width: 390, height: 844, theme: "dark" }],
];

const SCREENS = {
  empty: async () => undefined,
  markdown: async ({ page }) => {
    await ask(page, "Summarise this invoice.");
    await settled(page);
    await page.waitForTimeout(500);
  },
  boxes: async ({ page, lang }) => {
    const picture = await draw(page, 960, 640);
    await ask(page, lang === "zh" ? "定位图中所有属于以下类别的目标：“圆形、方形、星形”。以 JSON 格式输出 bbox 坐标。" : "Locate every instance that belongs to the following categories: \"circle, square, star\". Report bbox coordinates in JSON format.", { files: [file("shapes.png", "image/png", picture)] });
    await settled(page);
    await page.locator(".timing-line").click();
  },
  steps: async ({ page, lang }) => {
    const picture = await screenshotOfForm(page);
    await ask(page, lang === "zh" ? "这是一张屏幕截图。目标：用 13800138000 登录。" : "This is a screenshot. Goal: sign in with 13800138000.", { files: [file("login.png", "image/png", picture)] });
    await settled(page);
  },
  fields: async ({ page }) => {
    await page.locator(".tasks button").nth(2).click();
    await page.fill("#fields", "name, date, total");
    await page.press("#question", "Enter");
    await settled(page);
  },
  html: async ({ page }) => {
    await ask(page, "Rebuild this page as one HTML file.");
    await settled(page);
    await page.waitForTimeout(300);
  },
  drawio: async ({ page }) => {
    await ask(page, "Turn this flow chart into Draw.io XML.");
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
  clip: async ({ page }) => {
    await ask(page, "How many parcels pass?", { files: [file("parcel-on-the-belt.webm", "video/webm", await film(page, 2.4, 640, 360))] });
    await settled(page);
    await page.setInputFiles("#file-input", [file("parcel-on-the-belt.webm", "video/webm", await film(page, 2.4, 640, 360)), file("label.png", "image/png", await draw(page, 640, 480))]);
    await page.waitForSelector(".attachment img >> nth=1");
    await page.setInputFiles("#file-input", [file("second-camera-with-a-long-name.webm", "video/webm", await film(page, 6, 1280, 720))]);
    await page.waitForFunction(() => document.querySelector("progress")?.value > 3);
  },
  frames: async ({ page }) => {
    await ask(page, "How many parcels pass?", { files: [file("parcel-on-the-belt.webm", "video/webm", await film(page, 4.2, 640, 360))] });
    await settled(page);
    await page.locator(".question .thumb").click();
    await page.waitForSelector(".clip-strip img");
    await page.keyboard.press("ArrowRight");
    await page.waitForTimeout(300);
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
    for (const text of ["What is the total of this receipt?", "Locate the buttons", "How many red circles are there?"]) {
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
    await ask(page, "How many red circles are there?", { files: [file("shapes.png", "image/png", picture)] });
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
      await prepare({ ...opened, lang: options.lang ?? "en" });
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
