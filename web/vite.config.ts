// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vite";

const SERVER = process.env["MONOCLE_URL"] ?? "http://127.0.0.1:7861";

export default defineConfig({
  base: "/",
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
