# SPDX-License-Identifier: Apache-2.0
"""Pages of several lines: read all of it, one line of it, or what stands in a region."""

import random

from train.corpus.charset import ALL_HANZI, HANZI
from train.data import fonts, lines, prompts
from train.data.canvas import Canvas, text_width
from train.data.case import Ask, Case, copied
from train.data.gui import grid
from train.data.values import Values

SIZES = (16, 17, 18, 20, 22, 24, 28)
MOST_CHARACTERS = 120
PAPERS = ((255, 255, 255), (250, 247, 240), (240, 244, 248))


def _texts(rng: random.Random, values: Values, room: int) -> list[str]:
    """Lines of one kind of text or of several, none of them of the other split."""
    one = rng.choices(lines.MAKERS, lines.WEIGHTS)[0] if rng.random() < 0.5 else None
    hanzi = HANZI if rng.random() < 0.4 else ALL_HANZI
    texts: list[str] = []
    left = MOST_CHARACTERS
    for _ in range(room):
        text = values.draw(lambda: " ".join((one(rng, hanzi)[:lines.MAX_CHARS] if one else lines.random_text(rng, hanzi)).split()))
        text = text[:left].strip()
        if not text:
            break
        texts.append(text)
        left -= len(text)
        if left < 4:
            break
    return texts


def draw(rng: random.Random, shape: tuple[int, int], held_out: bool, number: int) -> Case:
    width, height = shape
    values = Values(rng, held_out)
    size = rng.choice([one for one in SIZES if one * 5 < height])
    pitch = size * rng.uniform(1.35, 2.0)
    room = min(rng.randint(2, 9), int((height - 20) // pitch))
    font_names = fonts.CHINESE if rng.random() < 0.85 else fonts.CHINESE[:2]
    font = rng.choice(font_names)
    paper = rng.choice(PAPERS)
    canvas = Canvas(width, height, paper)
    left = rng.randint(10, 40)
    top = size * 0.7 + rng.uniform(4, max(5, height - 12 - pitch * room))
    ink = tuple(rng.randint(0, 90) for _ in range(3)) if rng.random() < 0.4 else (rng.randint(0, 60),) * 3
    written: list[tuple[str, tuple[int, ...]]] = []
    for row, text in enumerate(_texts(rng, values, room)):
        while text and left + text_width(text, font, size) > width - 8:
            text = text[:-1].rstrip()
        indent = left
        if rng.random() < 0.15:
            indent += rng.randint(0, max(0, width - 8 - left - text_width(text, font, size)))
        y = top + pitch * row
        right = canvas.text((indent, y), text, font, size, ink)
        box = (grid(indent, width), grid(y - size * 0.6, height), grid(right, width), grid(y + size * 0.6, height))
        written.append((text, box))
    asks = [_ask(rng, written, "all" if i == 0 and rng.random() < 0.75 else "") for i in range(number)]
    return Case(canvas.rgb, canvas.marks(), asks)


def _ask(rng: random.Random, written: list[tuple[str, tuple[int, ...]]], kind: str) -> Ask:
    lang = prompts.language(rng)
    kind = kind or rng.choice(("region", "region", "line"))
    number = rng.randrange(len(written))
    text, box = written[number]
    if kind == "all":
        question, answer = prompts.pick(rng, prompts.READ[lang]), "\n".join(text for text, _ in written)
    elif kind == "region":
        where = "[" + ",".join(map(str, box)) + "]"
        question, answer = rng.choice(prompts.REGION[lang]).format(where), text
    else:
        question, answer = rng.choice(prompts.NTH_LINE[lang]).format(number + 1), text
    return Ask(question, [copied(answer)], kind, {"lines": written})
