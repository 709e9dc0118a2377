// SPDX-License-Identifier: Apache-2.0
// For ctest: runs the tests of one file, or returns 77 (skipped) and says why.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { skipped } from "./harness.mjs";

if (skipped) process.exit(77);
const test = fileURLToPath(new URL(process.argv[2], import.meta.url));
process.exit(spawnSync(process.execPath, ["--test", test], { stdio: "inherit" }).status ?? 1);
