#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the synthetic case set: unseen values (T1), layouts (T2), fonts (T3) and harder scans (L3), by training's own generators.

    python3 tools/quality/make_cases.py build/cases --number 200
    python3 tools/quality/make_cases.py tests/data/quality --number 6 --splits T1 --tasks gui contract vqa html drawio reading --jpeg

Seeds and reserved values are those of train/evaluate.py, so training saw none of it.
"""

import argparse
import multiprocessing
import multiprocessing.pool
import os
import pathlib
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from case_file import CaseFile  # noqa: E402
from train import evaluate  # noqa: E402
from train.data.pictures import Example  # noqa: E402

NOTE = ("Drawn by train/data with seeds and values that training never uses. In-distribution by construction: it says how well the model "
        "learnt these generators, not how it does on real pictures.")
# Suite of train/evaluate.py -> task and split. A suite that this version of the generators lacks is left out.
SUITES = {
    "gui": ("gui", "T1"), "contract": ("contract", "T1"), "info": ("vqa", "T1"), "page": ("reading", "T1"), "html": ("html", "T1"),
    "flow": ("drawio", "T1"), "gui-kinds": ("gui", "T1-kinds"), "info-kinds": ("vqa", "T1-kinds"), "clip-60": ("video", "T1"), "lines": ("reading", "T1-line"), "contract-8": ("contract", "T1-8-pages"),
    "gui-canvas": ("gui", "T2-size"), "gui-colours": ("gui", "T2-colours"), "info-canvas": ("vqa", "T2-size"),
    "info-five": ("vqa", "T2-five-panels"), "contract-table": ("contract", "T2-table"), "clip-right": ("video", "T2-caption"),
    "microhei": ("reading", "T3-microhei"), "ukai": ("reading", "T3-ukai"),
    **{f"{suite}-{font}": (task, f"T3-{font}") for suite, task in (("gui", "gui"), ("contract", "contract"), ("info", "vqa"))
       for font in ("microhei", "ukai")},
    "contract-hard": ("contract", "L3-turn"), "contract-l3": ("contract", "L3"),
}
FIELD_KINDS = {"金额": "amount", "签署日期": "date"}


def gold(example: Example, task: str) -> dict:
    """What the scorer needs besides the answer's text."""
    facts = example.ask.facts if example.ask else {}
    if task == "gui":
        return {"actions": [{key: list(value) if key == "box" else value for key, value in action.items() if key != "point"}
                            for action in facts["actions"]]}
    if task == "contract":
        return {"fields": [{"name": name, "kind": FIELD_KINDS.get(name, "text"), "value": value}
                           for name, value in facts["fields"].items()]}
    if task == "video":
        return {"steps": facts["steps"]}
    return {}


def pictures(example: Example, file: CaseFile, stem: str, suffix: str) -> dict:
    """The pictures of a case, and the frames' times if they are a clip."""
    frames = np.asarray(example.rgb)
    if frames.ndim == 3:
        return {"images": [file.save(Image.fromarray(frames), f"{stem}.{suffix}")]}
    form = getattr(example, "form", None)
    fps = form.fps if form else 0
    suffix = "jpg" if fps else suffix  # frames travel as JPEG in the one form that servers take
    paths = [file.save(Image.fromarray(frame), f"{stem}/{number:03}.{suffix}") for number, frame in enumerate(frames)]
    return {"images": paths} | ({"times": [number / fps for number in range(len(paths))]} if fps else {})


def draw(name: str, seed: int, folder: pathlib.Path, suffix: str) -> dict | None:
    """One case with its pictures written, or None: captions and single fields have suites of their own."""
    suite, (task, split) = evaluate.SUITES[name], SUITES[name]
    example = suite.make(seed)
    facts = example.ask.facts if example.ask else {}
    wanted = {"gui": "actions", "contract": "fields", "video": "steps"}.get(task)
    if wanted and wanted not in facts:
        return None
    return {"split": split, "task": task, "kind": example.ask.kind if example.ask else "line", "question": example.question,
            **pictures(example, CaseFile(folder, "", ""), f"{split}/{task}-{seed - suite.first:04}", suffix),
            "answers": [example.answer], "max_tokens": suite.limit, **gold(example, task)}


def draw_suite(name: str, number: int, folder: pathlib.Path, suffix: str, pool: multiprocessing.pool.Pool) -> list[dict]:
    """The suite's first cases that fit, whatever the number of processes."""
    found: list[dict] = []
    first = evaluate.SUITES[name].first
    begin, end = first, first + 10 * number
    while len(found) < number and begin < end:
        seeds = range(begin, min(end, begin + number - len(found)))
        drawn = pool.starmap(draw, [(name, seed, folder, suffix) for seed in seeds], 2)
        found += [case for case in drawn if case]
        begin = seeds.stop
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--number", type=int, default=200, help="cases of each split and task")
    parser.add_argument("--large-number", type=int, default=50, help="of clips and documents of several pages")
    parser.add_argument("--splits", nargs="+", help="only splits that begin so")
    parser.add_argument("--tasks", nargs="+", help="only these tasks")
    parser.add_argument("--jpeg", action="store_true", help="a tenth of the bytes, and another codec's losses")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that draw")
    options = parser.parse_args()
    file = CaseFile(options.folder, "synthetic", NOTE)
    with multiprocessing.Pool(options.jobs) as pool:
        for name, (task, split) in SUITES.items():
            unwanted = (options.tasks and task not in options.tasks) or (options.splits and not split.startswith(tuple(options.splits)))
            if unwanted or name not in evaluate.SUITES:
                continue
            number = min(options.number, options.large_number) if task == "video" or name == "contract-8" else options.number
            if split == "T1-kinds":
                number = min(evaluate.SUITES[name].number, 3 * number)
            for case in draw_suite(name, number, options.folder, "jpg" if options.jpeg else "png", pool):
                file.add(**case)
            print(f"{name} drawn", flush=True)
    file.write()


if __name__ == "__main__":
    main()
