// SPDX-License-Identifier: Apache-2.0
// Pages and pictures that this project did not draw, rendered by Chromium: screenshots, and what the DOM says is on them.
// Called by fetch_real.py: node render_real.mjs FOLDER-WITH-PACKAGES OUTPUT-FOLDER

import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, out] = process.argv.slice(2).map((path) => resolve(path));
const { chromium } = createRequire(join(packages, "package.json"))("playwright-core");
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** Components a person could tap: visible, on top, and with a text that no other one has. */
function components() {
  const selector = "a, button, label, input, textarea, [role=button], .weui-cell, .weui-btn, .weui-tabbar__item, .weui-grid, .weui-navbar__item";
  const found = [];
  for (const element of document.querySelectorAll(selector)) {
    const box = element.getBoundingClientRect();
    const text = (element.innerText || element.placeholder || element.ariaLabel || "").trim().split("\n")[0].trim();
    const inside = box.width > 8 && box.height > 8 && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
    if (!inside || !text || text.length > 20) continue;
    const top = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    if (!top || !(element.contains(top) || top.contains(element))) continue;
    found.push({ id: element.id, tag: element.tagName.toLowerCase(), text, box: [box.left, box.top, box.right, box.bottom] });
  }
  const count = (text) => found.filter((one) => one.text === text).length;
  // Of nested elements with one text the outer one is what is tapped.
  return found.filter((one, i) => count(one.text) === 1 || found.findIndex((other) => other.text === one.text) === i
    && found.filter((other) => other.text === one.text).every((other) => other.box[0] >= one.box[0] - 1 && other.box[1] >= one.box[1] - 1
      && other.box[2] <= one.box[2] + 1 && other.box[3] <= one.box[3] + 1));
}

function filesBelow(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

async function weui() {
  const root = join(packages, "node_modules/weui");
  const css = pathToFileURL(join(root, "dist/style/weui.css")).href;
  const page = await browser.newPage({ viewport: { width: 384, height: 768 } });
  const pages = [];
  for (const path of filesBelow(join(root, "src/example")).filter((name) => name.endsWith(".html")).sort()) {
    const name = basename(path, ".html");
    if (["index", "layers"].includes(name)) continue;
    const frame = join(out, `weui-${name}.html`);
    writeFileSync(frame, `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="${css}"><style>.page{opacity:1!important;animation:none!important}`
      + `.page__hd{padding:24px 32px}.page__title{font-size:22px}body{margin:0;background:#ededed}</style>${readFileSync(path, "utf8")}`);
    await page.goto(pathToFileURL(frame).href);
    await page.waitForTimeout(80);
    await page.screenshot({ path: join(out, `weui-${name}.png`) });
    pages.push({ picture: `weui-${name}.png`, components: await page.evaluate(components) });
  }
  await page.close();
  return pages;
}

const TEMPLATES = ["chart-pie-plain-text", "chart-bar-plain-text", "chart-column-simple", "chart-line-plain-text", "list-row-simple-horizontal-arrow",
  "list-column-simple-vertical-arrow", "list-grid-badge-card", "list-grid-progress-card", "sequence-steps-simple", "sequence-ascending-steps",
  "list-column-done-list", "chart-pie-donut-plain-text", "chart-pie-compact-card"];

async function antv(charts) {
  const script = join(packages, "node_modules/@antv/infographic/dist/infographic.min.js");
  const page = await browser.newPage({ viewport: { width: 640, height: 448 } });
  const pictures = [];
  for (const [number, chart] of charts.entries()) {
    const template = TEMPLATES[number % TEMPLATES.length];
    const items = chart.items.map(({ label, value }) => ({ label, value, desc: String(value) }));
    await page.setContent('<meta charset="utf-8"><body style="margin:0;background:#fff"><div id="box" style="width:640px;height:448px"></div>');
    await page.addScriptTag({ path: script });
    const error = await page.evaluate(async ({ template: name, title, items: list }) => {
      try {
        const { Infographic } = window.AntVInfographic ?? window.Infographic ?? window;
        const data = { title, items: list, lists: list, values: list, sequences: list };
        new Infographic({ container: "#box", width: 640, height: 448, template: name, data }).render();
        await new Promise((resolve_) => { setTimeout(resolve_, 900); });
        return document.querySelector("#box svg") ? "" : "nothing was drawn";
      } catch (failure) {
        return String(failure);
      }
    }, { template, title: chart.topic, items });
    if (error) {
      console.error(`antv ${template}: ${error}`);
      continue;
    }
    const shown = await page.evaluate(() => document.querySelector("#box svg").textContent);
    await page.screenshot({ path: join(out, `antv-${number}.png`) });
    // A template may leave the values out: only what is written in the picture is asked for.
    pictures.push({ picture: `antv-${number}.png`, template, chart: number, shown });
  }
  await page.close();
  return pictures;
}

mkdirSync(out, { recursive: true });
const charts = JSON.parse(readFileSync(join(out, "charts.json"), "utf8"));
writeFileSync(join(out, "rendered.json"), JSON.stringify({ weui: await weui(), antv: await antv(charts) }));
await browser.close();
