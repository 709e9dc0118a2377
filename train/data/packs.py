# SPDX-License-Identifier: Apache-2.0
"""What one training step consumes: a few rectangular batches of pictures with questions, drawn from a seed.

A pack is a function of (run seed, step) alone, so a run can resume at any step and two runs see the same data.
Training seeds stay below `EVAL_SEED`; pictures for evaluation and the shipped samples use seeds from there on.
"""

import dataclasses
import itertools
import random

import numpy as np

from train.corpus.charset import ALL_HANZI, HANZI
from train.data import amounts, fonts, lines, links, prompts, shapes, tasks
from train.data.canvas import text_width
from train.data.case import COPIED, Ask, Case
from train.data.encode import Encoder, Form

EVAL_SEED = 1 << 40
IGNORE = -100
MAX_MARKS = lines.MAX_CHARS
SUFFIX = 56  # question and answer tokens after the image; the longest question and a line of MAX_CHARS fit
ANSWER = lines.MAX_CHARS + 1  # supervised positions of a line sample: the answer and the end token
SHAPES_SUFFIX = 32
SHAPES_ANSWER = 10
ROUND = 32  # lengths of task batches are rounded up to this, and marks to ROUND_MARKS, so that few different ones occur
ROUND_MARKS = 128

SHAPES_EVERY = 3  # steps

# Canvas (width, height) of line pictures and how often a step uses it.
LINE_CANVASES = {(512, 64): 40, (256, 128): 8, (384, 96): 12, (576, 64): 10, (640, 64): 8, (512, 96): 7, (384, 64): 6,
                 (512, 128): 5, (256, 256): 4}
SHAPES_CANVASES = {(256, 256): 8, (256, 192): 1, (320, 192): 1}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Samples in a pack; `share` scales the tasks' own batch sizes (for trying out)."""

    lines: int = 160
    shapes: int = 96
    share: float = 1.0

    def samples(self, task: str) -> int:
        return max(2, round(tasks.TASKS[task].samples * self.share))


@dataclasses.dataclass
class Batch:
    """Arrays of one rectangular batch of S samples of n pictures, P = S x n, and B = S x asks questions, those of a sample beside
    each other.

    `pixels` is ink [P,H,W] for lines and RGB [P,H,W,3] for all else; a clip has two frames for each picture.
    """

    kind: str  # "line", "shape" or a name in tasks.TASKS
    form: Form
    pixels: np.ndarray
    marks: np.ndarray  # [P, M, 3] int16: class (0 none), centre x, centre y
    cells: np.ndarray  # [P, rows * columns, links.CHANNELS] int8, or [P, 0, links.CHANNELS]
    suffix: np.ndarray  # [B, T] int16 token ids
    start: np.ndarray  # [B] int16: suffix position that predicts the answer's first token
    target: np.ndarray  # [B, A] int16 answer ids, then IGNORE
    turns: np.ndarray  # [S, n, 2] int16 of a clip's groups: number of the step and the second it began; else [S, 0, 2]

    FIELDS = ("pixels", "marks", "cells", "suffix", "start", "target", "turns")

    def __iter__(self):
        return (getattr(self, name) for name in self.FIELDS)


def allocate(kind: str, pixel_shape: tuple[int, ...], suffix: int, answer: int, pad: int) -> Batch:
    size = pixel_shape[0]
    return Batch(kind, Form(), np.empty(pixel_shape, np.uint8), np.zeros((size, MAX_MARKS, 3), np.int16),
                 np.empty((size, 0, links.CHANNELS), np.int8), np.full((size, suffix), pad, np.int16), np.zeros(size, np.int16),
                 np.full((size, answer), IGNORE, np.int16), np.empty((size, 0, 2), np.int16))


def put_text(batch: Batch, row: int, prompt: list[int], answer: list[int]) -> None:
    """Writes prompt and answer ids (the end token included) of one sample; too long a sample is an error."""
    ids = prompt + answer
    batch.suffix[row, :len(ids)] = ids
    batch.start[row] = len(prompt) - 1
    batch.target[row, :len(answer)] = answer


def _put_marks(batch: Batch, row: int, marks: list[lines.Mark]) -> None:
    if marks:
        batch.marks[row, :len(marks)] = marks


def canvas_of(rng: random.Random, canvases: dict[tuple[int, int], int]) -> tuple[int, int]:
    return rng.choices(list(canvases), list(canvases.values()))[0]


def sample_seed(seed: int, step: int, row: int) -> int:
    """Distinct for every training sample; `seed` is the run's small number."""
    value = (seed << 34) + (step << 12) + row
    if not (seed < 64 and step < 1 << 22 and row < 1 << 12):
        raise ValueError("sample seed out of the training range")
    return value


def _reading(rng: random.Random, encoder: Encoder, text: str) -> tuple[list[int], list[int]]:
    lang = prompts.language(rng)
    prompt = encoder.question(prompts.pick(rng, prompts.READ[lang]))
    return prompt, encoder.spelled(text or prompts.NO_TEXT[lang]) + [encoder.end]


def _counting(rng: random.Random, encoder: Encoder, colour: str | None, kind: str, count: int) -> tuple[list[int], list[int]]:
    lang = prompts.language(rng)
    form = prompts.pick(rng, prompts.COUNT[lang])
    return encoder.question(form.format(thing=prompts.thing(lang, colour, kind))), encoder.spelled(str(count)) + [encoder.end]


def _about(rng: random.Random, encoder: Encoder) -> tuple[list[int], list[int]]:
    lang = prompts.language(rng)
    return encoder.question(rng.choice(prompts.ABOUT[lang])), encoder.sentence(prompts.SELF[lang]) + [encoder.end]


def _calculated(rng: random.Random, encoder: Encoder, width: int, height: int, money: bool) -> tuple[lines.Line, tuple] | None:
    """A line that is not only read: an amount to be said in digits, or a calculation. None if it is too long for the canvas."""
    text, answer = amounts.money(rng) if money else amounts.calculation(rng)
    font = rng.choice(fonts.CHINESE)
    sizes = [size for size in lines.SIZES if size * fonts.LINE_HEIGHT <= height and text_width(text, font, size) < width - 10]
    if not sizes:
        return None
    line = lines.set_text(text, font, rng.choice(sizes), 0, width, height, rng)
    lang = prompts.language(rng)
    question = rng.choice(prompts.CONTRACT_FIELD["金额"] if money else prompts.COMPUTE[lang])
    return line, (encoder.question(question), encoder.spelled(answer) + [encoder.end])


def line_batch(encoder: Encoder, seeds: list[int], canvas: tuple[int, int]) -> Batch:
    """Mostly lines to read; some blanks, and some other questions so that the prompt has to be read too."""
    width, height = canvas
    batch = allocate("line", (len(seeds), height, width), SUFFIX, ANSWER, encoder.pad)
    for row, seed in enumerate(seeds):
        rng = random.Random(seed)
        lot = rng.random()
        if lot < 0.03:
            batch.pixels[row] = lines.draw_blank(rng, width, height)
            put_text(batch, row, *_reading(rng, encoder, ""))
            continue
        if lot < 0.25:
            sum_or_amount = _calculated(rng, encoder, width, height, lot < 0.08)
            if sum_or_amount:
                line, text = sum_or_amount
                batch.pixels[row] = line.ink
                _put_marks(batch, row, line.marks)
                put_text(batch, row, *text)
                continue
            lot = 0.5
        line = lines.draw_line(rng, width, height, hanzi=HANZI if rng.random() < 0.5 else ALL_HANZI)
        batch.pixels[row] = line.ink
        _put_marks(batch, row, line.marks)
        if lot > 0.99:
            put_text(batch, row, *_about(rng, encoder))
        elif lot > 0.98:
            put_text(batch, row, *_counting(rng, encoder, rng.choice(shapes.COLOURS), rng.choice(shapes.KINDS), 0))
        else:
            put_text(batch, row, *_reading(rng, encoder, line.text))
    return batch


def shapes_batch(encoder: Encoder, seeds: list[int], canvas: tuple[int, int]) -> Batch:
    """Mostly counting; a few pictures are asked for their text, of which there is none."""
    width, height = canvas
    batch = allocate("shape", (len(seeds), height, width, 3), SHAPES_SUFFIX, SHAPES_ANSWER, encoder.pad)
    for row, seed in enumerate(seeds):
        rng = random.Random(seed)
        picture = shapes.draw_shapes(rng, width, height)
        batch.pixels[row] = picture.rgb
        _put_marks(batch, row, picture.marks)
        if rng.random() < 0.05:
            put_text(batch, row, *_reading(rng, encoder, ""))
        else:
            put_text(batch, row, *_counting(rng, encoder, picture.colour, picture.kind, picture.count))
    return batch


def answer_ids(encoder: Encoder, ask: Ask) -> list[int]:
    """What is read off the picture or the question is spelled, what frames it is tokenized; the end token included."""
    ids: list[int] = []
    for spelled, pieces in itertools.groupby(ask.pieces, lambda piece: piece.startswith(COPIED)):
        text = "".join(piece.removeprefix(COPIED) for piece in pieces)
        ids += encoder.spelled(text) if spelled else encoder.sentence(text)
    return [*ids, encoder.end]


def _round_up(length: int, unit: int = ROUND) -> int:
    return -(-length // unit) * unit


def pack_cases(encoder: Encoder, kind: str, cases: list[Case]) -> Batch:
    """Cases of one canvas, form and number of questions, as a batch no longer than its longest answer."""
    form = cases[0].form
    texts = [(encoder.question(ask.question, form.outer), answer_ids(encoder, ask)) for case in cases for ask in case.asks]
    marks = [one for case in cases for one in (case.marks if case.rgb.ndim == 4 else [case.marks])]
    suffix = _round_up(max(len(prompt) + len(answer) for prompt, answer in texts))
    longest = _round_up(max(len(answer) for _, answer in texts))
    pixels = np.concatenate([case.rgb.reshape(-1, *case.rgb.shape[-3:]) for case in cases])
    cells = [case.cells.reshape(-1, links.CHANNELS) for case in cases if case.cells is not None]
    batch = Batch(kind, form, pixels, np.zeros((len(marks), _round_up(max(map(len, marks)), ROUND_MARKS), 3), np.int16),
                  np.stack(cells) if cells else np.empty((len(marks), 0, links.CHANNELS), np.int8),
                  np.full((len(texts), suffix), encoder.pad, np.int16), np.zeros(len(texts), np.int16),
                  np.full((len(texts), longest), IGNORE, np.int16),
                  np.array([case.turns for case in cases], np.int16) if form.fps else np.empty((len(cases), 0, 2), np.int16))
    for row, text in enumerate(texts):
        put_text(batch, row, *text)
    for row, one in enumerate(marks):
        _put_marks(batch, row, one)
    return batch


def task_batch(encoder: Encoder, kind: str, seeds: list[int], canvas: tuple[int, int]) -> Batch:
    """A training batch; seeds from EVAL_SEED on draw reserved values."""
    task = tasks.TASKS[kind]
    return pack_cases(encoder, kind, [task.draw(random.Random(seed), canvas, seed >= EVAL_SEED, task.asks) for seed in seeds])


def make_pack(encoder: Encoder, sizes: Sizes, seed: int, step: int) -> list[Batch]:
    """A step's batches: lines, sometimes shapes, and three tasks."""
    rng = random.Random(f"canvas {seed} {step}")
    row = 0

    def seeds(number: int) -> list[int]:
        nonlocal row
        row += number
        return [sample_seed(seed, step, row - number + i) for i in range(number)]

    pack = [line_batch(encoder, seeds(sizes.lines), canvas_of(rng, LINE_CANVASES))]
    if step % SHAPES_EVERY == 0:
        pack.append(shapes_batch(encoder, seeds(sizes.shapes), canvas_of(rng, SHAPES_CANVASES)))
    for kind in tasks.of_step(rng):
        pack.append(task_batch(encoder, kind, seeds(sizes.samples(kind)), canvas_of(rng, tasks.TASKS[kind].canvases)))
    return pack
