// SPDX-License-Identifier: Apache-2.0
// What a visit costs, in bytes as they travel: node budget.mjs [folder]. First load is index.html and every script and
// style it names; everything else is fetched when it is needed. Fails when a limit is passed.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const FIRST_LOAD = 80_000;
const ALL = 450_000;

const dist = process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url));
const sizeOf = (path) => gzipSync(readFileSync(join(dist, path)), { level: 9 }).length;

const html = readFileSync(join(dist, "index.html"), "utf8");
const named = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1]);
const everything = ["index.html", ...readdirSync(join(dist, "assets")).map((name) => `assets/${name}`)];
const sum = (paths) => paths.reduce((bytes, path) => bytes + sizeOf(path), 0);

for (const path of everything.sort((a, b) => sizeOf(b) - sizeOf(a))) {
  console.log(`${String(sizeOf(path)).padStart(8)}  ${path}${named.includes(path) ? "  (first load)" : ""}`);
}
const results = [["first load", sum(["index.html", ...named]), FIRST_LOAD], ["everything", sum(everything), ALL]];
for (const [what, bytes, limit] of results) {
  console.log(`${String(bytes).padStart(8)}  ${what}, limit ${limit}`);
  if (bytes > limit) process.exitCode = 1;
}
