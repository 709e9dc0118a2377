// SPDX-License-Identifier: Apache-2.0
// The look of the quality report.
#pragma once

namespace monocle::app {

inline constexpr const char* kReportHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>monocle: quality</title>
<style>
:root {
  --paper: #fbfbf9; --card: #ffffff; --ink: #1d1f23; --soft: #62666f; --rule: #dfe1e5;
  --good: #1a7f4b; --bad: #b3372f; --bar: #3566c8; --track: #e7e9ee;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans CJK SC", "PingFang SC",
        "Microsoft YaHei", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1d2026; --ink: #e7e8ea; --soft: #a0a5af; --rule: #343841;
    --good: #5cc78d; --bad: #ef8379; --bar: #7ea3f0; --track: #2b2f37;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; border-top: 1px solid var(--rule); padding-top: 1.25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; color: var(--soft); font-weight: 600; }
p { margin: .4rem 0; max-width: 60rem; }
.soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--rule);
         vertical-align: middle; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
td.number, th.number { text-align: right; }
.bar { position: relative; width: 9rem; height: .6rem; background: var(--track); border-radius: .3rem; }
.bar i { position: absolute; left: 0; top: 0; bottom: 0; background: var(--bar); border-radius: .3rem; }
.bar b { position: absolute; top: -.15rem; bottom: -.15rem; border-left: 2px solid var(--ink);
         border-right: 2px solid var(--ink); opacity: .55; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
article { background: var(--card); border: 1px solid var(--rule); border-top: 3px solid var(--bad);
          border-radius: .5rem; padding: .75rem; min-width: 0; }
article.right { border-top-color: var(--good); }
article img { display: block; max-width: 100%; max-height: 17rem; margin: 0 auto .6rem;
              border: 1px solid var(--rule); background: #fff; }
article dl { margin: 0; font-size: .85rem; }
dt { color: var(--soft); margin-top: .35rem; }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 9rem; overflow-y: auto; }
dd.answer { color: var(--bad); }
.right dd.answer { color: var(--good); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
</style>
</head>
<body>
<main>
)";

}  // namespace monocle::app
