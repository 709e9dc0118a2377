// SPDX-License-Identifier: Apache-2.0
// What every test of the page needs: a stand-in server, Debian's Chromium, and a guard that remembers everything a page
// must never do: ask anybody but its own server, open a dialog, log an error.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const web = new URL("../../web/", import.meta.url);
const require = createRequire(new URL("package.json", web));

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const dist = process.env.MONOCLE_PAGE_DIST ?? fileURLToPath(new URL("dist", web));
/** Set to test a real `monocle serve` instead of the stand-in. */
export const realServer = process.env.MONOCLE_PAGE_URL ?? "";

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const chromiumPath = CHROMIUM.find((path) => path && existsSync(path));

function missing() {
  if (!chromiumPath) return "Chromium is not installed (apt.txt, group [page])";
  if (!existsSync(new URL("node_modules/playwright-core", web))) return "run `npm ci` in web/ first";
  if (realServer === "" && !existsSync(`${dist}/index.html`)) return "run `npm run build` in web/ first";
  return "";
}

/** Why these tests cannot run here; empty if they can. */
export const skipped = missing();
if (skipped) console.log(`page: skipped, ${skipped}`);

export async function startBrowser() {
  const { chromium } = require("playwright-core");
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"] });
}

export async function startServer(options = {}) {
  const { mockServer } = await import(new URL("mock/server.mjs", web).href);
  const { server, state } = mockServer({ dist, ...options });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url, state, stop };
}

export const axeSource = () => require("axe-core").source;

/** A page that records its sins in `sins`. */
export async function openPage(browser, url, { width = 1280, height = 860, lang = "en", theme = "light", settings = {}, ready = "#question", ...more } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, locale: lang === "zh" ? "zh-CN" : "en-GB", colorScheme: theme, acceptDownloads: true,
    permissions: ["clipboard-read", "clipboard-write"], ...more,
  });
  const page = await context.newPage();
  const sins = [];
  page.on("dialog", (dialog) => {
    sins.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => sins.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && sins.push(`console: ${message.text()}`));
  page.on("popup", (popup) => sins.push(`popup: ${popup.url()}`));
  const allowed = new URL(url).origin;
  await context.route("**", (route) => {
    const address = route.request().url();
    if (address.startsWith(`${allowed}/`) || /^(?:blob|data):/.test(address)) return route.continue();
    sins.push(`request: ${address}`);
    return route.abort();
  });
  await page.addInitScript((kept) => {
    // Preview frames run this too; they may not touch storage, which is as it should be.
    if (window === window.top && !localStorage.getItem("monocle.settings")) localStorage.setItem("monocle.settings", JSON.stringify(kept));
  }, { lang, theme, ...settings });
  await page.goto(url);
  await page.waitForSelector(ready);
  return { page, context, sins };
}

export async function ask(page, text, { files = [] } = {}) {
  if (files.length > 0) {
    await page.setInputFiles("#file-input", files);
    await page.waitForFunction((n) => document.querySelectorAll(".attachment img").length === n, files.length);
  }
  await page.fill("#question", text);
  await page.press("#question", "Enter");
}

/** Waits until no answer is arriving. */
export async function settled(page, timeout = 20_000) {
  await page.waitForSelector(".reply", { timeout });
  await page.waitForFunction(() => !document.querySelector('.reply[aria-busy="true"]'), undefined, { timeout });
}
