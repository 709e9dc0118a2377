# SPDX-License-Identifier: Apache-2.0
"""Random one-line texts and their drawing as ink coverage, without colour.

Colour, blur and noise come later (on the GPU in training, on the CPU for evaluation): a one-channel mask is a third of
the bytes, and drawing it is only copying cached glyphs.
"""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np

from train.corpus.charset import ASCII, HANZI, WORDS
from train.data import fonts
from train.data.classes import GLYPH_CLASS

MAX_CHARS = 36  # the longest line taught; bounds the answer's length
SIZES = (16, 17, 18, 19, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 48)
ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

Mark = tuple[int, float, float]  # class, centre x, centre y


@dataclasses.dataclass
class Line:
    """A drawn line: ink coverage (0 none, 255 full), its text, and where each visible character stands."""

    ink: np.ndarray
    text: str
    marks: list[Mark]


def _hanzi(rng: random.Random, hanzi: str = HANZI) -> str:
    return "".join(rng.choices(hanzi, k=rng.randint(1, 24)))


def _clauses(rng: random.Random, hanzi: str = HANZI) -> str:
    parts = ["".join(rng.choices(hanzi, k=rng.randint(2, 8))) + rng.choice("，，、。：；？！") for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.3:
        i = rng.randrange(len(parts))
        parts[i] = rng.choice(("（{}）", "《{}》", "“{}”")).format(parts[i][:-1])
    return "".join(parts)


def _words(rng: random.Random, hanzi: str = HANZI) -> str:
    words = rng.choices(WORDS, k=rng.randint(1, 7))
    style = rng.random()
    if style < 0.4:
        words[0] = words[0].title()
    elif style < 0.55:
        words = [word.title() for word in words]
    elif style < 0.65:
        words = [word.upper() for word in words]
    if len(words) > 2 and rng.random() < 0.3:
        words[rng.randrange(len(words) - 1)] += rng.choice(",:;")
    return " ".join(words) + rng.choice(("", "", "", ".", "!", "?"))


def _alphanumeric(rng: random.Random, hanzi: str = HANZI) -> str:
    return "".join(rng.choices(ALPHANUMERIC, k=rng.randint(1, 20)))


def _ascii(rng: random.Random, hanzi: str = HANZI) -> str:
    return "".join(rng.choices(ASCII, k=rng.randint(1, 18)))


def _number(rng: random.Random, hanzi: str = HANZI) -> str:
    digits = "".join(rng.choices("0123456789", k=rng.randint(1, 12)))
    return rng.choice((
        digits,
        f"{rng.randint(1900, 2099)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        f"第{rng.randint(1, 999)}页，共{rng.randint(1, 999)}页",
        f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}",
        f"${rng.randint(0, 99999)}.{rng.randint(0, 99):02d}",
        f"{rng.randint(0, 100)}.{rng.randint(0, 9)}%",
        f"({rng.randint(10, 999)}) {rng.randint(100, 999)}-{rng.randint(1000, 9999)}",
        f"{rng.randint(1, 999)} + {rng.randint(1, 999)} = {rng.randint(1, 1998)}",
    ))


def _mixed(rng: random.Random, hanzi: str = HANZI) -> str:
    makers = (_words, _alphanumeric, _number, _hanzi, _hanzi)
    pieces = [rng.choice(makers)(rng, hanzi)[: rng.randint(1, 8)].strip() for _ in range(rng.randint(2, 5))]
    return rng.choice(("", " ")).join(pieces)


MAKERS = (_hanzi, _clauses, _words, _alphanumeric, _ascii, _number, _mixed)
WEIGHTS = (30, 10, 22, 10, 6, 9, 13)


def random_text(rng: random.Random, hanzi: str = HANZI) -> str:
    """A line of at most MAX_CHARS characters, without leading, trailing or double spaces."""
    text = rng.choices(MAKERS, WEIGHTS)[0](rng, hanzi)
    return " ".join(text[:MAX_CHARS].split())


def draw_line(rng: random.Random, width: int, height: int, chinese: Sequence[str] = fonts.CHINESE,
              latin: Sequence[str] = fonts.CHINESE + fonts.LATIN_ONLY, hanzi: str = HANZI) -> Line:
    """A random line in a random font and size at a random place; what does not fit is cut off the text."""
    text = random_text(rng, hanzi)
    font = rng.choice(latin if text.isascii() else chinese)
    tallest = height / fonts.LINE_HEIGHT + 2
    size = rng.choice([s for s in SIZES if s <= tallest])
    spacing = rng.choice((0, 0, 0, 0, 1, 2, 3))
    return set_text(text, font, size, spacing, width, height, rng)


def set_text(text: str, font: str, size: int, spacing: int, width: int, height: int, rng: random.Random) -> Line:
    """Draws `text`, cut to the characters that fit, at a place that `rng` chooses."""
    kept, total = 0, 0
    glyphs = [fonts.glyph(font, size, char) for char in text]
    for _, advance, _ in glyphs:
        if total + advance > width - 8:
            break
        kept, total = kept + 1, total + advance + spacing
    text = text[:kept].rstrip()
    cell = int(size * fonts.LINE_HEIGHT)
    slack = max(0, width - 8 - total)
    x = 4 + (rng.randint(0, min(slack, 24)) if rng.random() < 0.4 else rng.randint(0, slack))
    y = rng.randint(0, max(0, height - cell))
    ink = np.zeros((height, width), np.uint8)
    marks: list[Mark] = []
    middle = y + size * 0.6
    for char, (bitmap, advance, left) in zip(text, glyphs):
        if char != " ":
            start = x + left
            rows = min(bitmap.shape[0], height - y)
            area = ink[y:y + rows, max(start, 0):start + bitmap.shape[1]]
            np.maximum(area, bitmap[:rows, max(-start, 0):max(-start, 0) + area.shape[1]], out=area)
            marks.append((GLYPH_CLASS[char], x + advance / 2, middle))
        x += advance + spacing
    return Line(ink, text, marks)


def draw_blank(rng: random.Random, width: int, height: int) -> np.ndarray:
    """Ink without text: nothing at all, or a few rules and boxes, so that any ink is not taken for writing."""
    ink = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 3)):
            x, y = rng.randrange(width - 8), rng.randrange(height - 8)
            if rng.random() < 0.5:
                ink[y:y + rng.randint(1, 3), x:x + rng.randint(20, width)] = 255
            else:
                ink[y:y + rng.randint(4, height), x:x + rng.randint(1, 3)] = 255
    return ink
