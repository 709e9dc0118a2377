# SPDX-License-Identifier: Apache-2.0
"""Greedy answers to unseen pictures, and their scores.

`python3 -m train.evaluate CHECKPOINT` scores a finished checkpoint with transformers' own model and generate();
during training `answer` does the same with the lean forward, a batch at a time.
"""

import argparse
import collections
import json
import pathlib
from collections.abc import Callable

import numpy as np
import torch

from train.data import packs, pictures
from train.data.encode import Encoder
from train.data.pictures import Example
from train.model.geometry import geometry
from train.model.network import Qwen3VL, patchify

# Name -> (first seed, function of a seed). Blocks of seeds do not overlap.
SUITES: dict[str, tuple[int, Callable[[int], Example]]] = {
    "lines": (packs.EVAL_SEED, pictures.line_example),
    "microhei": (packs.EVAL_SEED + 100_000, lambda seed: pictures.unseen_font_example(seed, "microhei")),
    "ukai": (packs.EVAL_SEED + 200_000, lambda seed: pictures.unseen_font_example(seed, "ukai")),
    "shapes": (packs.EVAL_SEED + 300_000, pictures.shapes_example),
    "blank": (packs.EVAL_SEED + 400_000, pictures.blank_example),
}
COUNTS = {"lines": 500, "microhei": 500, "ukai": 500, "shapes": 500, "blank": 100}


def examples(suite: str, number: int) -> list[Example]:
    first, make = SUITES[suite]
    return [make(first + i) for i in range(number)]


def edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def score(cases: list[Example], answers: list[str]) -> dict:
    """Character error rate over all characters, and the share of answers exactly right."""
    errors = sum(edit_distance(answer, case.answer) for case, answer in zip(cases, answers))
    exact = sum(answer == case.answer for case, answer in zip(cases, answers))
    wrong = [[case.answer, answer] for case, answer in zip(cases, answers) if answer != case.answer]
    return {"n": len(cases), "cer": round(errors / sum(len(case.answer) for case in cases), 5),
            "exact": round(exact / len(cases), 5), "examples_wrong": wrong[:8]}


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
            ids = torch.full((len(chosen), max(map(len, questions)) + limit), encoder.pad, device=device)
            for row, question in enumerate(questions):
                ids[row, :len(question)] = torch.tensor(question)
            rows = torch.arange(len(chosen), device=device)
            last = torch.tensor([len(question) - 1 for question in questions], device=device)
            ended = torch.zeros(len(chosen), dtype=torch.bool, device=device)
            with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
                image, deep = model.see(_patches([cases[i] for i in chosen], device).to(precision), where)
                for _ in range(limit):
                    states = model.read(image, deep, where, ids)[rows, last]
                    token = torch.where(ended, encoder.pad, model.logits(states).argmax(-1))
                    last += 1
                    ids[rows, last] = token
                    ended |= token == encoder.end
                    if ended.all():
                        break
            for i, question, row in zip(chosen, questions, ids.tolist()):
                answers[i] = encoder.decode(row[len(question):])
    return answers


def answer_with_transformers(folder: pathlib.Path, cases: list[Example]) -> list[str]:
    """The same through the published path: processor classes' pixels, chat template, generate()."""
    from train.reference import Reference

    reference = Reference(folder)
    return [reference.answer(case.rgb, case.question) for case in cases]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--number", type=int, default=100, help="cases of each suite")
    parser.add_argument("--suites", nargs="+", choices=list(SUITES), default=list(SUITES))
    options = parser.parse_args()
    for suite in options.suites:
        cases = examples(suite, options.number)
        result = score(cases, answer_with_transformers(options.checkpoint, cases))
        print(json.dumps({suite: result}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
