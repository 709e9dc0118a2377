# SPDX-License-Identifier: Apache-2.0
"""Greedy answers to unseen pictures, and their scores.

`python3 -m train.evaluate CHECKPOINT` scores a finished checkpoint with transformers' own model and generate(), with `--program
PROGRAM` as monocle answers (`--flags=--quant=int8` and the like); during training `answer` does the same with the lean forward, a
batch at a time.
"""

import argparse
import collections
import dataclasses
import functools
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from train import scores
from train.data import gui, packs, pictures
from train.data.encode import Encoder
from train.data.pictures import Example
from train.model.geometry import geometry
from train.model.network import Qwen3VL, patchify

@dataclasses.dataclass(frozen=True)
class Suite:
    """`number` cases drawn by `make` from `first` on; blocks of seeds do not overlap."""

    first: int
    make: Callable[[int], Example]
    number: int
    limit: int = packs.ANSWER  # tokens of an answer


def _task(block: int, number: int, limit: int, name: str, **variant) -> Suite:
    make = functools.partial(pictures.task_example, name=name, variant=pictures.Variant(**variant))
    return Suite(packs.EVAL_SEED + block * 100_000, make, number, limit)


QUESTIONS = {"gui": tuple(maker.__name__[1:] for maker in gui.TASKS)}
SUITES: dict[str, Suite] = {
    "gui": _task(5, 200, 170, "gui", kinds=QUESTIONS["gui"]),
    "contract": _task(6, 200, 72, "contract"),
    "info": _task(7, 200, 48, "info"),
    "page": _task(8, 200, 136, "page"),
    "lines": Suite(packs.EVAL_SEED, pictures.line_example, 500),
    "every-hanzi": Suite(packs.EVAL_SEED + 1_500_000, pictures.every_hanzi_example, 300),
    "shapes": Suite(packs.EVAL_SEED + 300_000, pictures.shapes_example, 300),
    "blank": Suite(packs.EVAL_SEED + 400_000, pictures.blank_example, 100),
    "html": _task(10, 100, 330, "html"),
    "caption": _task(11, 100, 80, "gui", kinds=("caption",)),
    "contract-field": _task(12, 100, 48, "contract", kinds=("field",)),
    "chart-caption": _task(13, 50, 60, "info", kinds=("caption",)),
    "gui-canvas": _task(16, 100, 170, "gui", kinds=QUESTIONS["gui"], canvases=((416, 832), (352, 704), (704, 512))),
    "contract-hard": _task(17, 100, 72, "contract", turn=6.0),
    "gui-blank": _task(5, 100, 170, "gui", kinds=QUESTIONS["gui"], blank=True),
    "contract-blank": _task(6, 100, 72, "contract", blank=True),
    "info-blank": _task(7, 100, 48, "info", blank=True),
    "microhei": Suite(packs.EVAL_SEED + 100_000, functools.partial(pictures.unseen_font_example, font="microhei"), 500),
    "ukai": Suite(packs.EVAL_SEED + 200_000, functools.partial(pictures.unseen_font_example, font="ukai"), 500),
    "flow": _task(14, 60, 600, "flow"),
}


def examples(suite: str, number: int) -> list[Example]:
    return [SUITES[suite].make(SUITES[suite].first + i) for i in range(number)]


def score(cases: list[Example], answers: list[str]) -> dict:
    """Means of the tasks' scores; for plain text the character error rate and the share exactly right."""
    wrong = [[case.question, case.answer, answer[:400]] for case, answer in zip(cases, answers) if answer != case.answer]
    found: dict = {"n": len(cases)}
    if cases[0].ask:
        parts = collections.defaultdict(list)
        for case, answer in zip(cases, answers):
            height, width = case.rgb.shape[:2]
            for name, value in scores.of_kind(case.ask, answer, (width, height)).items():
                parts[name].append(float(value))
        found |= {name: round(sum(values) / len(values), 4) for name, values in parts.items()}
        found["counts"] = {name: len(values) for name, values in parts.items() if len(values) < len(cases)}
    else:
        errors = sum(scores.edit_distance(answer, case.answer) for case, answer in zip(cases, answers))
        exact = sum(answer == case.answer for case, answer in zip(cases, answers))
        found |= {"cer": round(errors / sum(len(case.answer) for case in cases), 5), "exact": round(exact / len(cases), 5)}
    return found | {"examples_wrong": wrong[:8]}


def _patches(cases: list[Example], device: torch.device) -> torch.Tensor:
    rgb = torch.from_numpy(np.stack([case.rgb for case in cases])).to(device)
    return patchify(rgb.permute(0, 3, 1, 2).float() / 127.5 - 1)


@torch.no_grad()
def answer(model: Qwen3VL, encoder: Encoder, cases: list[Example], device: torch.device, batch: int = 256,
           limit: int = packs.ANSWER) -> list[str]:
    """Greedy answers by the lean forward, without a key-value cache: short answers, whole batches.

    Cases are grouped by canvas. Prompts differ in length; attention being causal, the padding behind each row's last
    token does not matter, and the next token is written over it.
    """
    groups: dict[tuple[int, ...], list[int]] = collections.defaultdict(list)
    for i, case in enumerate(cases):
        groups[case.rgb.shape].append(i)
    answers = [""] * len(cases)
    precision = torch.bfloat16 if device.type == "cuda" else torch.float32
    for shape, members in groups.items():
        where = geometry(model.shape, shape[1], shape[0], device)
        for begin in range(0, len(members), batch):
            chosen = members[begin:begin + batch]
            questions = [encoder.question(cases[i].question) for i in chosen]
            longest = max(map(len, questions))
            ids = torch.full((len(chosen), longest + limit + 32), encoder.pad, device=device)
            for row, question in enumerate(questions):
                ids[row, :len(question)] = torch.tensor(question)
            rows = torch.arange(len(chosen), device=device)
            last = torch.tensor([len(question) - 1 for question in questions], device=device)
            ended = torch.zeros(len(chosen), dtype=torch.bool, device=device)
            with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
                image, deep = model.see(_patches([cases[i] for i in chosen], device).to(precision), where)
                for done in range(limit):
                    length = -(-(longest + done) // 32) * 32  # what is read so far, in steps of which there are few
                    states = model.read(image, deep, where, ids[:, :length])[rows, last]
                    token = torch.where(ended, encoder.pad, model.logits(states).argmax(-1))
                    last += 1
                    ids[rows, last] = token
                    ended |= token == encoder.end
                    if ended.all():
                        break
            for i, question, row in zip(chosen, questions, ids.tolist()):
                answers[i] = encoder.decode(row[len(question):])
    return answers


def answer_with_transformers(folder: pathlib.Path, cases: list[Example], limit: int) -> list[str]:
    """The same through the published path: processor classes' pixels, chat template, generate()."""
    from train.reference import Reference

    reference = Reference(folder)
    return [reference.answer(case.rgb, case.question, limit) for case in cases]


def ask_monocle(program: pathlib.Path, checkpoint: pathlib.Path, case: Example, limit: int, flags: list[str]) -> str:
    with tempfile.NamedTemporaryFile(suffix=".png") as picture:
        Image.fromarray(case.rgb).save(picture.name)
        command = [str(program), "ask", "--model", str(checkpoint), "--image", picture.name, "--temperature", "0", *flags,
                   "--max-tokens", str(limit), case.question]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--number", type=int, default=100, help="cases of each suite")
    parser.add_argument("--suites", nargs="+", choices=list(SUITES), default=list(SUITES))
    parser.add_argument("--program", type=pathlib.Path, help="answer with this monocle instead of transformers")
    parser.add_argument("--flags", nargs="*", default=[], help="further flags of monocle")
    parser.add_argument("--answers", type=pathlib.Path, help="write every answer to this file")
    options = parser.parse_args()
    every = {}
    for suite in options.suites:
        cases, limit = examples(suite, options.number), SUITES[suite].limit
        if options.program:
            answers = [ask_monocle(options.program, options.checkpoint, case, limit, options.flags) for case in cases]
        else:
            answers = answer_with_transformers(options.checkpoint, cases, limit)
        every[suite] = answers
        print(json.dumps({suite: score(cases, answers)}, ensure_ascii=False), flush=True)
    if options.answers:
        options.answers.write_text(json.dumps(every, indent=1, ensure_ascii=False) + "\n", "utf8")


if __name__ == "__main__":
    main()
