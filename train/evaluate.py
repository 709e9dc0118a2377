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
from train.data import clips, contract_pages, fonts, gui, infographic, packs, pictures
from train.data.encode import Encoder
from train.data.pictures import Example
from train.model.geometry import Layout, geometry, layout
from train.model.network import Qwen3VL, pair_frames, patchify

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


def _of_kinds(block: int, number: int, limit: int, name: str, kinds: tuple[str, ...]) -> Suite:
    """`number` cases of each kind of question, in turns, since in a task's own mixture some kinds are too rare to measure."""
    first = packs.EVAL_SEED + block * 100_000

    def make(seed: int) -> Example:
        return pictures.task_example(seed, name, pictures.Variant(kinds=(kinds[(seed - first) % len(kinds)],)))

    return Suite(first, make, number * len(kinds), limit)


QUESTIONS = {"gui": tuple(maker.__name__[1:] for maker in gui.TASKS),
             "info": ("lookup", "cell", "argmax", "argmin", "trend", "count", "number", "diff", "growth", "sum", "share", "sign", "total",
                      "absent", "title")}
BIG = ((704, 832), (960, 576))  # canvases of charts that training never used
SUITES: dict[str, Suite] = {
    "gui": _task(5, 200, 170, "gui", kinds=QUESTIONS["gui"]),
    "contract": _task(6, 200, 72, "contract"),
    "info": _task(7, 200, 48, "info"),
    "contract-8": _task(20, 200, 72, "contract-8", kinds=("json",)),
    "clip-60": _task(21, 200, 200, "clip-60", kinds=("steps",)),
    "contract-2": _task(22, 100, 72, "contract-2", kinds=("json",)),
    "contract-3": _task(23, 100, 72, "contract-3", kinds=("json",)),
    "clip-30": _task(24, 100, 130, "clip-30", kinds=("steps",)),
    "page": _task(8, 200, 136, "page"),
    "lines": Suite(packs.EVAL_SEED, pictures.line_example, 500),
    "every-hanzi": Suite(packs.EVAL_SEED + 1_500_000, pictures.every_hanzi_example, 300),
    "shapes": Suite(packs.EVAL_SEED + 300_000, pictures.shapes_example, 300),
    "blank": Suite(packs.EVAL_SEED + 400_000, pictures.blank_example, 100),
    "html": _task(10, 100, 330, "html"),
    "flow": _task(14, 60, 600, "flow"),
    "caption": _task(11, 100, 80, "gui", kinds=("caption",)),
    "contract-field": _task(12, 100, 48, "contract", kinds=("field",)),
    "chart-caption": _task(13, 50, 60, "info", kinds=("caption",)),
    # layouts that training never shows
    "gui-canvas": _task(16, 100, 170, "gui", kinds=QUESTIONS["gui"], canvases=((416, 832), (352, 704), (704, 512))),
    "gui-colours": _task(25, 100, 170, "gui", kinds=QUESTIONS["gui"], draw=functools.partial(gui.draw, unseen=True)),
    "info-canvas": _task(26, 100, 48, "info", canvases=BIG),
    "info-five": _task(27, 100, 48, "info", canvases=BIG, draw=functools.partial(infographic.draw, parts=5)),
    "contract-table": _task(28, 100, 72, "contract-2", kinds=("json",), draw=functools.partial(contract_pages.draw, pages=2, table=True)),
    "clip-right": _task(29, 60, 130, "clip-30", kinds=("steps",), draw=functools.partial(clips.draw, cut=clips.Cut(30, place="right"))),
    # a task's kinds of questions, each as often as the others
    "gui-kinds": _of_kinds(40, 30, 170, "gui", ("click", "several", "type", "login", "ordinal", "absent")),  # no words for states are reserved
    "info-kinds": _of_kinds(41, 30, 48, "info", QUESTIONS["info"]),
    # harder scans
    "contract-hard": _task(17, 100, 72, "contract", turn=6.0),
    "contract-l3": _task(30, 100, 72, "contract", hard=True),
    # fonts that training never shows
    "microhei": Suite(packs.EVAL_SEED + 100_000, functools.partial(pictures.unseen_font_example, font="microhei"), 500),
    "ukai": Suite(packs.EVAL_SEED + 200_000, functools.partial(pictures.unseen_font_example, font="ukai"), 500),
    **{f"{name}-{font}": _task(31 + number, 100, limit, name, font=font, kinds=QUESTIONS["gui"] if name == "gui" else ())
       for number, font in enumerate(fonts.UNSEEN) for name, limit in (("gui", 170), ("contract", 72), ("info", 48))},
    # controls: no picture, another case's picture
    "gui-blank": _task(5, 100, 170, "gui", kinds=QUESTIONS["gui"], blank=True),
    "contract-blank": _task(6, 100, 72, "contract", blank=True),
    "info-blank": _task(7, 100, 48, "info", blank=True),
    "clip-blank": _task(24, 50, 130, "clip-30", kinds=("steps",), blank=True),
    "gui-other": _task(5, 100, 170, "gui", kinds=QUESTIONS["gui"], other=True),
    "contract-other": _task(6, 100, 72, "contract", other=True),
}


def example(suite: str, number: int) -> Example:
    return SUITES[suite].make(SUITES[suite].first + number)


def examples(suite: str, number: int) -> list[Example]:
    return [example(suite, i) for i in range(number)]


def score(cases: list[Example], answers: list[str]) -> dict:
    """Means of the tasks' scores; for plain text the character error rate and the share exactly right."""
    wrong = [[case.question, case.answer, answer[:400]] for case, answer in zip(cases, answers) if answer != case.answer]
    found: dict = {"n": len(cases)}
    if cases[0].ask:
        parts = collections.defaultdict(list)
        for case, answer in zip(cases, answers):
            height, width = case.rgb.shape[-3:-1]
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
    rgb = torch.from_numpy(np.concatenate([case.rgb.reshape(-1, *case.rgb.shape[-3:]) for case in cases])).to(device)
    patches = patchify(rgb.permute(0, 3, 1, 2).float() / 127.5 - 1)
    return pair_frames(patches) if cases[0].form.fps else patches


def _seen(model: Qwen3VL, patches: torch.Tensor, where: Layout) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Tokens of all pictures of each case, one after another; few pictures at a time."""
    parts = [model.see(some, where.geometry) for some in patches.split(256)]
    image, *deep = (torch.cat(found).unflatten(0, (-1, len(where.before))).flatten(1, 2)
                    for found in zip(*((image, *deep) for image, deep in parts)))
    return image, deep


@torch.no_grad()
def answer(model: Qwen3VL, encoder: Encoder, cases: list[Example], device: torch.device, batch: int = 256,
           limit: int = packs.ANSWER) -> list[str]:
    """Greedy answers by the lean forward, without a key-value cache: short answers, whole batches.

    Cases are grouped by canvas. Prompts differ in length; attention being causal, the padding behind each row's last
    token does not matter, and the next token is written over it.
    """
    groups: dict[tuple, list[int]] = collections.defaultdict(list)
    for i, case in enumerate(cases):
        groups[case.rgb.shape, case.form].append(i)
    answers = [""] * len(cases)
    precision = torch.bfloat16 if device.type == "cuda" else torch.float32
    for (shape, form), members in groups.items():
        where = layout(geometry(model.shape, shape[-2], shape[-3], device), encoder.before(form))
        some = max(32, batch // form.pictures)
        for begin in range(0, len(members), some):
            chosen = members[begin:begin + some]
            questions = [encoder.question(cases[i].question, form.outer) for i in chosen]
            longest = max(map(len, questions))
            ids = torch.full((len(chosen), longest + limit + 32), encoder.pad, device=device)
            for row, question in enumerate(questions):
                ids[row, :len(question)] = torch.tensor(question)
            rows = torch.arange(len(chosen), device=device)
            last = torch.tensor([len(question) - 1 for question in questions], device=device)
            ended = torch.zeros(len(chosen), dtype=torch.bool, device=device)
            with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
                image, deep = _seen(model, _patches([cases[i] for i in chosen], device).to(precision), where)
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
    return [reference.answer(case.rgb, case.question, limit, case.form.fps) for case in cases]


def ask_monocle(program: pathlib.Path, checkpoint: pathlib.Path, case: Example, limit: int, flags: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "ask", "--model", str(checkpoint), "--temperature", "0", *flags, "--max-tokens", str(limit)]
        for number, rgb in enumerate(case.rgb.reshape(-1, *case.rgb.shape[-3:])):
            Image.fromarray(rgb).save(f"{folder}/{number}.png")
            command += ["--image", f"{folder}/{number}.png"]
        return subprocess.run([*command, case.question], check=True, capture_output=True, text=True).stdout.rstrip("\n")


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
