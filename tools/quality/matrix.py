#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs `monocle bench quality` for every row of docs/user/quality.md, several at a time, and merges the results.

    python3 tools/quality/matrix.py build/release/apps/monocle build/cases build/cases-real build/quality --results bench/results/quality

Each part (a configuration, a split, a task) leaves its answers in a folder of its own, so what is there already is not asked again.
What is compared with bf16 waits for bf16's answers.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import subprocess
import sys
import time

TASKS = ("gui", "contract", "vqa", "html", "drawio", "reading")
# Configuration -> flags and the result file it goes to.
CONFIGS = {"bf16": ([], "t1-bf16"), "int8": (["--quant", "int8"], "t1-int8"), "int4": (["--quant", "int4"], "t1-int4"),
           "kv-int8": (["--kv", "int8"], "t1-kv-int8"), "blank": (["--control", "blank"], "control-blank"),
           "shuffled": (["--control", "shuffled"], "control-shuffled"), "sampled": (["--seeds", "10", "--temperature", "0.7"], "sampled")}
COMPARED = ("int8", "int4", "kv-int8")
LONG = {("T1", "video"), ("T1-8-pages", "contract")}  # get three times as many threads
SPLITS = (("T2-size", "gui"), ("T2-colours", "gui"), ("T2-size", "vqa"), ("T2-five-panels", "vqa"), ("T2-table", "contract"),
          ("T2-caption", "video"), *((f"T3-{font}", task) for font in ("microhei", "ukai") for task in ("gui", "contract", "vqa", "reading")),
          ("L3-turn", "contract"), ("L3", "contract"))
REAL = (("T5-weui", "gui"), ("T5-antv", "vqa"), ("T5-manual-line", "reading"), ("T5-manual-page", "reading"), ("T5-gnome", "video"))


@dataclasses.dataclass(frozen=True)
class Part:
    config: str
    split: str
    task: str
    limit: int  # 0: all there are

    @property
    def name(self) -> str:
        return f"{self.config}/{self.split}-{self.task}"

    @property
    def result(self) -> str:
        if self.task == "video":
            return "clips"
        if self.config == "bf16" and not self.split.startswith("T1"):
            return "real" if self.split.startswith("T5") else "splits"
        return CONFIGS[self.config][1]


def plan(number: int, fewer: int, seeded: int) -> list[Part]:
    """What matters most first, should time run out; `fewer` cases of what stands beside it."""
    parts = [Part("bf16", "T1-8-pages", "contract", number), Part("bf16", "T1", "video", number)]
    parts += [Part("bf16", "T1", task, number) for task in TASKS] + [Part("bf16", "T1-line", "reading", number)]
    parts += [Part("bf16", "T1-kinds", task, 0) for task in ("gui", "vqa")]
    parts += [Part(config, "T1", task, fewer) for config in ("blank", "shuffled") for task in ("gui", "contract", "vqa")]
    parts += [Part("bf16", split, task, fewer) for split, task in SPLITS] + [Part("bf16", split, task, 0) for split, task in REAL]
    parts += [Part(config, "T1", task, fewer) for config in COMPARED for task in TASKS]
    parts += [Part("sampled", "T1", task, seeded) for task in TASKS]
    parts += [Part(config, "T1-8-pages", "contract", fewer // 4) for config in COMPARED]
    return parts


Earlier = concurrent.futures.Future[str] | None


def ask(program: pathlib.Path, options: argparse.Namespace, part: Part, earlier: Earlier) -> str:
    """One run; its report, or why there is none. `earlier` is the run it is compared with, which began before it."""
    folder = options.out / part.name
    if (folder / "summary.json").exists():
        return "there already"
    if time.monotonic() - options.began > options.until:
        return "left out: out of time"
    cases = options.real if part.split.startswith("T5") else options.cases
    command = [program.resolve(), "bench", "quality", "--cases", cases, "--split", part.split, "--task", part.task, "--limit", str(part.limit),
               "--threads", str(options.threads * (3 if (part.split, part.task) in LONG else 1)), *options.flags, *CONFIGS[part.config][0], "--out", folder]
    if earlier:
        earlier.result()
        command += ["--compare", options.out / f"bf16/{part.split}-{part.task}/answers.json"]
    begun = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    line = done.stdout.splitlines()[1] if done.returncode == 0 else done.stderr[-400:]
    return f"{time.monotonic() - begun:.0f} s: {line}"


def merge(options: argparse.Namespace, parts: list[Part]) -> None:
    for result in dict.fromkeys(part.result for part in parts):
        paths = [options.out / part.name / "summary.json" for part in parts if part.result == result]
        there = [str(path) for path in paths if path.exists()]
        if there:
            merger = pathlib.Path(__file__).with_name("merge.py")
            subprocess.run([sys.executable, merger, options.results / f"{result}.json", *there], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("real", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path, help="write the merged result files here")
    parser.add_argument("--number", type=int, default=200, help="cases of a task and split")
    parser.add_argument("--fewer", type=int, default=200, help="of controls, other formats, unseen layouts and fonts; a quarter of it of long ones in other formats")
    parser.add_argument("--seeded", type=int, default=50, help="cases asked with ten seeds")
    parser.add_argument("--threads", type=int, default=2, help="of each run")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="runs at a time")
    parser.add_argument("--until", type=float, default=1e9, help="begin no run after so many seconds")
    parser.add_argument("--flags", nargs="*", default=[], help="further flags of every run")
    options = parser.parse_args()
    options.began = time.monotonic()
    parts = plan(options.number, options.fewer, options.seeded)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs: dict[str, concurrent.futures.Future[str]] = {}
        for part in parts:
            earlier = jobs[f"bf16/{part.split}-{part.task}"] if part.config in COMPARED else None
            jobs[part.name] = pool.submit(ask, options.program, options, part, earlier)
        names = {job: name for name, job in jobs.items()}
        for job in concurrent.futures.as_completed(names):
            print(f"{time.monotonic() - options.began:.0f} s {names[job]}: {job.result()}", flush=True)
    if options.results:
        merge(options, parts)


if __name__ == "__main__":
    main()
