# SPDX-License-Identifier: Apache-2.0
"""A contact sheet of answers as they are: `python3 -m train.sheet PROGRAM CHECKPOINT OUT.png`.

The first cases of each suite, not chosen by how they are answered; green is right, red is wrong (with what was expected).
"""

import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from train import evaluate, scores
from train.data import fonts

SUITES = {"gui": 4, "contract": 2, "contract-2": 2, "info": 4, "page": 2, "html": 2, "flow": 1, "caption": 2, "contract-field": 1}
COLUMNS, WIDE, PICTURE, HIGH, LINES = 5, 300, 300, 470, 9
RIGHT, WRONG, INK = (20, 130, 60), (200, 40, 40), (40, 40, 44)


def is_right(case: evaluate.Example, answer: str) -> bool:
    """By the task's own measure: a click need only be inside its box."""
    height, width = case.rgb.shape[-3:-1]
    found = scores.of_kind(case.ask, answer, (width, height))
    return bool(found.get("path", answer == case.answer))


def wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    lines = []
    for part in text.split("\n"):
        while part:
            cut = len(part)
            while font.getlength(part[:cut]) > WIDE - 16:
                cut -= 1
            lines.append(part[:cut])
            part = part[cut:]
    return lines


def cell(case: evaluate.Example, answer: str) -> Image.Image:
    right = is_right(case, answer)
    image = Image.new("RGB", (WIDE, HIGH), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    picture = Image.fromarray(np.concatenate(list(case.rgb), 1) if case.rgb.ndim == 4 else case.rgb)
    picture.thumbnail((WIDE - 16, PICTURE - 12), Image.Resampling.LANCZOS)
    image.paste(picture, ((WIDE - picture.width) // 2, 8))
    font = ImageFont.truetype(str(fonts.CACHE / "zenhei.ttf"), 13)
    texts = [(line, INK) for line in wrapped(case.question, font)]
    texts += [(line, RIGHT if right else WRONG) for line in wrapped(answer, font)]
    if not right:
        texts += [(line, INK) for line in wrapped("= " + case.answer, font)]
    for row, (line, colour) in enumerate(texts[:LINES]):
        draw.text((8, PICTURE + 2 + row * 18), line, font=font, fill=colour)
    draw.rectangle((2, 2, WIDE - 3, HIGH - 3), outline=RIGHT if right else WRONG, width=2)
    return image


def main() -> None:
    program, checkpoint = map(pathlib.Path, sys.argv[1:3])
    cells = []
    for suite, number in SUITES.items():
        cases = evaluate.examples(suite, number)
        answers = [evaluate.ask_monocle(program, checkpoint, case, evaluate.SUITES[suite].limit, []) for case in cases]
        cells += [cell(case, answer) for case, answer in zip(cases, answers)]
        print(suite, sum(is_right(case, answer) for case, answer in zip(cases, answers)), "of", number, flush=True)
    sheet = Image.new("RGB", (COLUMNS * WIDE, -(-len(cells) // COLUMNS) * HIGH), (235, 235, 238))
    for place, image in enumerate(cells):
        sheet.paste(image, (place % COLUMNS * WIDE, place // COLUMNS * HIGH))
    sheet.quantize(128).save(sys.argv[3], optimize=True)


if __name__ == "__main__":
    main()
