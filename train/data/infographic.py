# SPDX-License-Identifier: Apache-2.0
"""Infographics of one or two panels, in training up to four, under a headline, and one question about them.

Arithmetic is written out in the answer (`120-85=35万元`): the model reads two numbers and then calculates.
"""

import random

from train.data import prompts, vocab
from train.data.canvas import Box, Canvas
from train.data.case import Ask, Case, copied
from train.data.charts import Panel, Question, draw_panel, random_style
from train.data.values import Values

PAPERS = ((255, 255, 255), (247, 249, 252), (255, 251, 240), (240, 250, 246))
# How often a kind of question is asked, over how often its panel could ask it.
INTEREST = {"number": 0.5, "absent": 0.7, "title": 0.4, "argmax": 1.3, "argmin": 1.3, "lookup": 1.4, "cell": 1.6, "count": 1.5, "sum": 1.3,
            "diff": 1.3, "growth": 2.0}
TRAINED = INTEREST | {"argmax": 2.0, "argmin": 2.2, "cell": 2.0, "sum": 2.6, "growth": 3.0}  # what is hard comes more often in training


def _boxes(area: Box, parts: int, columns: int) -> list[Box]:
    """A grid of panels with gaps of 8; the last row's share its width."""
    left, top, right, bottom = area
    rows = -(-parts // columns)
    high, boxes = (bottom - top + 8) / rows, []
    for row in range(rows):
        here = min(columns, parts - row * columns)
        wide = (right - left + 8) / here
        boxes += [(left + wide * i, top + high * row, left + wide * (i + 1) - 8, top + high * (row + 1) - 8) for i in range(here)]
    return boxes


def draw(rng: random.Random, shape: tuple[int, int], held_out: bool, number: int, parts: int = 0) -> Case:
    """One or two panels beside or below each other, or `parts` in two columns; five are for evaluation only."""
    width, height = shape
    values, style = Values(rng, held_out), random_style(rng)
    canvas = Canvas(width, height, rng.choice(PAPERS))
    top = 8
    title = ""
    if rng.random() < 0.7:
        year, city = rng.randint(2015, 2029), rng.choice(vocab.CITIES)
        title = f"{year}年{city}{rng.choice(('市', '集团', '公司', '工厂'))}年度报告" if style.lang == "zh" else f"Annual report {year}"
        canvas.box((0, 0, width, 48), style.accent)
        canvas.text((width / 2, 24), title, style.font, 22, (255, 255, 255), "m")
        top = 56
    columns = 2 if parts or width > height else 1
    parts = parts or (2 if rng.random() < (0.4 if held_out else 0.5) else 1)
    panels: list[tuple[str, Panel]] = []
    for topic, box in zip(rng.sample(vocab.TOPICS, parts), _boxes((8, top, width - 8, height - 8), parts, columns)):
        canvas.rounded(box, 8, (255, 255, 255), (225, 228, 232))
        panels.append(draw_panel(canvas, box, style, values, topic, len(panels)))
    questions = [question for _, panel in panels for question in panel.questions]
    interest = INTEREST if held_out else TRAINED
    asks = [_caption(rng, style.lang, panels) if rng.random() < 0.05 and len(panels) < 3 else _choose(rng, questions, title, style.lang, interest)
            for _ in range(number)]
    return Case(canvas.rgb, canvas.marks(), asks, canvas.links.cells)


def many(rng: random.Random, shape: tuple[int, int], held_out: bool, number: int) -> Case:
    """Three or four panels, so that the one that is asked for has to be found."""
    return draw(rng, shape, held_out, number, rng.choice((3, 4)))


def _caption(rng: random.Random, lang: str, panels: list[tuple[str, Panel]]) -> Ask:
    kinds = [prompts.CHART_KINDS[lang][kind] for kind, _ in panels]
    form = prompts.CHART_CAPTION_TWO if len(panels) == 2 else prompts.CHART_CAPTION
    text = form[lang].format(kind=kinds[0], other=kinds[-1], title=panels[0][1].title)
    return Ask(prompts.pick(rng, prompts.CAPTION[lang]), [copied(text)], "caption")


def _choose(rng: random.Random, questions: list[Question], title: str, lang: str, interest: dict[str, float]) -> Ask:
    """One question; those that two panels would answer differently are left out."""
    answers: dict[str, set[str]] = {}
    for question in questions:
        answers.setdefault(question.text, set()).add(question.answer)
    clear = [question for question in questions if len(answers[question.text]) == 1]
    if title:
        clear.append(Question("title", rng.choice(prompts.CHART[lang]["title"]), title))
    if not clear:  # both panels show the same and nothing else
        clear = [Question("title", rng.choice(prompts.CHART[lang]["title"]), title)] if title else questions[:1]
    asked = rng.choices(clear, [interest.get(question.kind, 1.0) for question in clear])[0]
    return Ask(asked.text, [copied(asked.answer)], asked.kind)
