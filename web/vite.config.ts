// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const SERVER = process.env["MONOCLE_URL"] ?? "http://127.0.0.1:7861";

const SHIPPED = ["preact", "@preact/signals", "@preact/signals-core", "marked", "dompurify", "temml", "highlight.js", "@maxgraph/core"];

/** assets/licenses.txt: what each shipped package asks to be passed on. Fails when one has no licence. */
function licences(): Plugin {
  const text = (name: string): string => {
    const folder = `node_modules/${name}`;
    const file = existsSync(folder) ? readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry)) : undefined;
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as { version: string; license: string };
    if (!file && !license) throw new Error(`${name} names no licence`);
    return `${name} ${version}\n\n${file ? readFileSync(`${folder}/${file}`, "utf8") : license}\n`;
  };
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "assets/licenses.txt", source: SHIPPED.map(text).join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [licences()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    // The policy of the page forbids inline scripts, and a data: file would not be compressed twice anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      onLog(level, log, handle) {
        // The diagram library holds an eval that only its style files reach; none is loaded, and the policy forbids eval.
        if (log.code === "EVAL" && log.id?.includes("@maxgraph")) return;
        handle(level, log);
      },
    },
  },
  server: { proxy: { "/v1": SERVER, "/ui": SERVER } },
  preview: { proxy: { "/v1": SERVER, "/ui": SERVER } },
});
