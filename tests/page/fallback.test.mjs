// SPDX-License-Identifier: Apache-2.0
// The small page of a build without Node.js: no build, no framework, under the same policy.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { axeSource, openPage, root, skipped, startBrowser, startServer } from "./harness.mjs";
import { draw, file } from "./pictures.mjs";

let browser;
let server;

describe("the small page", { skip: skipped || false, timeout: 120_000 }, () => {
  before(async () => {
    browser = await startBrowser();
    server = await startServer({ dist: join(root, "web/fallback"), pause: 1, wait: 20 });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("asks one question about one picture, streams, stops, and says what it is", async () => {
    const { page, context, sins } = await openPage(browser, server.url, { ready: "#prompt" });
    await page.waitForFunction(() => /not Qwen3-VL/.test(document.getElementById("about").textContent));
    const picture = await draw(page, 64, 48);
    await page.setInputFiles("#picture", [file("a.png", "image/png", picture)]);
    await page.waitForFunction(() => document.getElementById("preview").naturalWidth === 64);
    await page.click("#send");
    await page.waitForFunction(() => /tokens in/.test(document.getElementById("note").textContent));
    assert.equal(await page.locator("#answer").textContent(), "ACME Ltd. Invoice 2024-117");
    const [part] = server.state.requests[0].messages[0].content;
    assert.equal(part.image_url.url, `data:image/png;base64,${picture.toString("base64")}`);

    server.state.answer = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    await page.click("#send");
    await page.waitForFunction(() => /tokens in/.test(document.getElementById("note").textContent));
    assert.equal(await page.locator("#answer").textContent(), server.state.answer);
    server.state.answer = null;

    await page.fill("#prompt", "mock:long");
    await page.click("#send");
    await page.waitForFunction(() => document.getElementById("answer").textContent.length > 50);
    await page.click("#stop");
    await page.waitForFunction(() => document.getElementById("note").textContent === "Stopped.");
    await page.fill("#prompt", "mock:busy");
    await page.click("#send");
    await page.waitForFunction(() => /queue is full/.test(document.getElementById("note").textContent));
    assert.deepEqual(sins.filter((sin) => !/status of 429/.test(sin)), []);
    await context.close();
  });

  for (const theme of ["light", "dark"]) {
    it(`has no serious fault of accessibility, ${theme}`, async () => {
      const { page, context } = await openPage(browser, server.url, { theme, width: 390, ready: "#prompt" });
      await page.evaluate(axeSource());
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      assert.deepEqual(found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id} ${nodes[0].target}`), []);
      await context.close();
    });
  }
});
