# SPDX-License-Identifier: Apache-2.0
"""What one training step consumes: a batch of line pictures and a batch of shapes pictures, drawn from a seed.

A pack is a function of (run seed, step) alone, so a run can resume at any step and two runs see the same data.
Training seeds stay below `EVAL_SEED`; pictures for evaluation and the shipped samples use seeds from there on.
"""

import dataclasses
import random

import numpy as np

from train.data import lines, prompts, shapes
from train.data.encode import Encoder

EVAL_SEED = 1 << 40
IGNORE = -100
MAX_MARKS = lines.MAX_CHARS
SUFFIX = 56  # question and answer tokens after the image; the longest question and a line of MAX_CHARS fit
ANSWER = lines.MAX_CHARS + 1  # supervised positions of a line sample: the answer and the end token
SHAPES_SUFFIX = 32
SHAPES_ANSWER = 10

# Canvas (width, height) of line pictures and how often a step uses it.
LINE_CANVASES = {(512, 64): 40, (256, 128): 8, (384, 96): 12, (576, 64): 10, (640, 64): 8, (512, 96): 7, (384, 64): 6,
                 (512, 128): 5, (256, 256): 4}
SHAPES_CANVASES = {(256, 256): 8, (256, 192): 1, (320, 192): 1}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Samples of each kind in a pack."""

    lines: int = 512
    shapes: int = 256


@dataclasses.dataclass
class Batch:
    """Arrays of one rectangular batch. `pixels` is ink [B,H,W] for lines and RGB [B,H,W,3] for shapes."""

    pixels: np.ndarray
    marks: np.ndarray  # [B, MAX_MARKS, 3] int16: class (0 none), centre x, centre y
    suffix: np.ndarray  # [B, T] int16 token ids
    start: np.ndarray  # [B] int16: suffix position that predicts the answer's first token
    target: np.ndarray  # [B, A] int16 answer ids, then IGNORE

    FIELDS = ("pixels", "marks", "suffix", "start", "target")

    def __iter__(self):
        return (getattr(self, name) for name in self.FIELDS)


def allocate(pixel_shape: tuple[int, ...], suffix: int, answer: int, pad: int) -> Batch:
    size = pixel_shape[0]
    return Batch(np.empty(pixel_shape, np.uint8), np.zeros((size, MAX_MARKS, 3), np.int16),
                 np.full((size, suffix), pad, np.int16), np.zeros(size, np.int16),
                 np.full((size, answer), IGNORE, np.int16))


def put_text(batch: Batch, row: int, prompt: list[int], answer: list[int]) -> None:
    """Writes prompt and answer ids (the end token included) of one sample; too long a sample is an error."""
    ids = prompt + answer
    batch.suffix[row, :len(ids)] = ids
    batch.start[row] = len(prompt) - 1
    batch.target[row, :len(answer)] = answer


def _put_marks(batch: Batch, row: int, marks: list[lines.Mark]) -> None:
    if marks:
        batch.marks[row, :len(marks)] = marks


def canvases_of_step(seed: int, step: int) -> tuple[tuple[int, int], tuple[int, int]]:
    rng = random.Random(f"canvas {seed} {step}")
    line = rng.choices(list(LINE_CANVASES), list(LINE_CANVASES.values()))[0]
    shape = rng.choices(list(SHAPES_CANVASES), list(SHAPES_CANVASES.values()))[0]
    return line, shape


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


def line_batch(encoder: Encoder, seeds: list[int], canvas: tuple[int, int]) -> Batch:
    """Mostly lines to read; some blanks, and some other questions so that the prompt has to be read too."""
    width, height = canvas
    batch = allocate((len(seeds), height, width), SUFFIX, ANSWER, encoder.pad)
    for row, seed in enumerate(seeds):
        rng = random.Random(seed)
        lot = rng.random()
        if lot < 0.03:
            batch.pixels[row] = lines.draw_blank(rng, width, height)
            put_text(batch, row, *_reading(rng, encoder, ""))
            continue
        line = lines.draw_line(rng, width, height)
        batch.pixels[row] = line.ink
        _put_marks(batch, row, line.marks)
        if lot < 0.04:
            put_text(batch, row, *_about(rng, encoder))
        elif lot < 0.05:
            put_text(batch, row, *_counting(rng, encoder, rng.choice(shapes.COLOURS), rng.choice(shapes.KINDS), 0))
        else:
            put_text(batch, row, *_reading(rng, encoder, line.text))
    return batch


def shapes_batch(encoder: Encoder, seeds: list[int], canvas: tuple[int, int]) -> Batch:
    """Mostly counting; a few pictures are asked for their text, of which there is none."""
    width, height = canvas
    batch = allocate((len(seeds), height, width, 3), SHAPES_SUFFIX, SHAPES_ANSWER, encoder.pad)
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


def make_pack(encoder: Encoder, sizes: Sizes, seed: int, step: int) -> tuple[Batch, Batch]:
    line_canvas, shapes_canvas = canvases_of_step(seed, step)
    line_seeds = [sample_seed(seed, step, row) for row in range(sizes.lines)]
    shape_seeds = [sample_seed(seed, step, sizes.lines + row) for row in range(sizes.shapes)]
    return line_batch(encoder, line_seeds, line_canvas), shapes_batch(encoder, shape_seeds, shapes_canvas)
