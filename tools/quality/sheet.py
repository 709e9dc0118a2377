#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A contact sheet of answers as they are: the first cases of each task, not chosen by how they are answered.

    python3 tools/quality/sheet.py build/cases docs/images/answers.webp build/quality/bf16/T1-*/answers.json

Green is right, red is wrong, with what was expected.
"""

import json
import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont

TASKS = {"gui": 4, "contract": 3, "vqa": 4, "reading": 2, "html": 1, "drawio": 1, "video": 1}  # of the split T1
COLUMNS, WIDE, PICTURE, LINES, LINE = 5, 296, 270, 9, 17
FONT = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"
GOOD, BAD, INK, SOFT, PAPER = (26, 127, 75), (179, 55, 47), (29, 31, 35), (98, 102, 111), (243, 244, 246)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = []
    for part in text.split("\n"):
        while part:
            cut = len(part)
            while font.getlength(part[:cut]) > width:
                cut -= 1
            lines.append(part[:cut])
            part = part[cut:]
    return lines


def card(folder: pathlib.Path, case: dict, answer: dict, font: ImageFont.FreeTypeFont) -> Image.Image:
    right = answer["quality"] >= 1
    image = Image.new("RGB", (WIDE, PICTURE + LINES * LINE + 26), PAPER)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((3, 3, WIDE - 4, image.height - 4), 8, (255, 255, 255), (223, 225, 229))
    draw.rounded_rectangle((3, 3, WIDE - 4, 8), 3, GOOD if right else BAD)
    picture = Image.open(folder / case["images"][0]).convert("RGB")
    picture.thumbnail((WIDE - 24, PICTURE - 14), Image.Resampling.LANCZOS)
    image.paste(picture, ((WIDE - picture.width) // 2, 14 + (PICTURE - 14 - picture.height) // 2))
    texts = [(line, SOFT) for line in wrapped(case["question"], font, WIDE - 28)[:2]]
    texts += [(line, GOOD if right else BAD) for line in wrapped(answer["answer"] or "(no answer)", font, WIDE - 28)[:4 if not right else 7]]
    if not right and case["answers"]:
        texts += [(line, INK) for line in wrapped("expected " + case["answers"][0], font, WIDE - 28)]
    for row, (line, colour) in enumerate(texts[:LINES]):
        draw.text((14, PICTURE + 6 + row * LINE), line, font=font, fill=colour)
    return image


def main() -> None:
    folder, out, *results = map(pathlib.Path, sys.argv[1:])
    cases = json.loads((folder / "cases.json").read_text("utf8"))["cases"]
    rows = [row for path in results for row in json.loads(path.read_text("utf8"))["answers"]]
    answers = {row["id"]: row for row in rows if row["mode"] == "greedy"}
    font = ImageFont.truetype(FONT, 13)
    cards = []
    for task, number in TASKS.items():
        chosen = [case for case in cases if case["task"] == task and case["split"] == "T1" and case["id"] in answers][:number]
        cards += [card(folder, case, answers[case["id"]], font) for case in chosen if "error" not in answers[case["id"]]]
    sheet = Image.new("RGB", (COLUMNS * WIDE, -(-len(cards) // COLUMNS) * cards[0].height), PAPER)
    for place, image in enumerate(cards):
        sheet.paste(image, (place % COLUMNS * WIDE, place // COLUMNS * image.height))
    sheet.save(out, quality=78, method=6)


if __name__ == "__main__":
    main()
