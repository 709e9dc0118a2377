# SPDX-License-Identifier: Apache-2.0
"""Tutorial clips: captioned steps over moving scenes, as the frames that a player of 2 frames a second would take.

    00:04-00:13 打开设置
    00:13-00:21 输入密码

Steps begin on whole seconds, so that the two frames of a group show the same step. Successive steps may share their scene: only the
caption tells them apart.
"""

import dataclasses
import math
import random

import numpy as np

from train.corpus.charset import ALL_HANZI, WORDS
from train.data import prompts, vocab
from train.data.canvas import Canvas, Colour, text_width
from train.data.case import Ask, Case, copied
from train.data.encode import Form
from train.data.values import Values

FPS = 2
SHORTEST = 4  # seconds a step
PAPERS: tuple[Colour, ...] = ((28, 40, 62), (240, 240, 236), (30, 70, 60), (250, 236, 214), (60, 36, 60), (225, 236, 250), (44, 44, 44))
ACCENTS: tuple[Colour, ...] = ((22, 119, 255), (255, 122, 69), (54, 179, 126), (250, 173, 20), (146, 84, 222), (235, 47, 150))
SCENES = ("window", "disc", "grid", "bar")
FONTS = {"zh": ("sans", "sans-bold", "zenhei"), "en": ("dejavu-sans", "dejavu-bold", "sans")}


@dataclasses.dataclass
class Step:
    start: int  # seconds
    end: int
    text: str

    def times(self) -> str:
        return f"{self.start // 60:02d}:{self.start % 60:02d}-{self.end // 60:02d}:{self.end % 60:02d}"


def _plan(rng: random.Random, seconds: int, crowded: bool = False) -> list[tuple[int, int]]:
    """Start and end of each step; they follow each other without gaps, between an opening and a closing. Crowded: as many as fit."""
    opening, closing = rng.randint(1, 3), rng.randint(1, 3)
    most = min(7, (seconds - opening - closing) // SHORTEST)
    number = most if crowded else rng.randint(2, most)
    spare = seconds - opening - closing - number * SHORTEST
    cuts = sorted(rng.randint(0, spare) for _ in range(number - 1))
    lengths = [SHORTEST + b - a for a, b in zip([0, *cuts], [*cuts, spare])]
    starts = [opening + sum(lengths[:place]) for place in range(number)]
    return [(start, start + length) for start, length in zip(starts, lengths)]


class Film:
    """Draws the frames of one clip."""

    def __init__(self, rng: random.Random, size: tuple[int, int], steps: list[Step], lang: str, alike: float = 0.3) -> None:
        self.rng, self.size, self.steps = rng, size, steps
        self.font, self.glyph = rng.choice(FONTS[lang]), rng.choice((16, 17, 18) if lang == "zh" else (14, 15, 16))
        self.place = rng.choice(("bar", "bar", "corner"))
        numbered = rng.random() < 0.4
        self.captions = []
        for number, step in enumerate(steps, 1):
            text = (f"步骤{number} " if lang == "zh" else f"{number}. ") + step.text if numbered else step.text
            self.captions.append(text if text_width(text, self.font, self.glyph) < size[0] - 8 else step.text)
        same = rng.random() < alike  # only the captions tell steps apart
        self.papers = [rng.choice(PAPERS)] * (len(steps) + 1) if same else rng.choices(PAPERS, k=len(steps) + 1)
        self.scenes = [rng.choice(SCENES)] * len(steps) if same else rng.choices(SCENES, k=len(steps))
        self.accent, self.phase = rng.choice(ACCENTS), rng.random() * 6
        pair = 0 if lang == "zh" else 1
        self.opening, self.closing = (rng.choice(texts)[pair] for texts in (vocab.CLIP_OPENINGS, vocab.CLIP_CLOSINGS))

    def frame(self, time: float) -> Canvas:
        number = next((place for place, step in enumerate(self.steps) if step.start <= time < step.end), None)
        canvas = Canvas(*self.size, self.papers[-1 if number is None else number])
        ink = (250, 250, 250) if sum(self.papers[-1 if number is None else number]) < 380 else (25, 25, 30)
        width, height = self.size
        if number is None:
            text = self.opening if time < self.steps[0].start else self.closing
            canvas.text((width / 2, height / 2), text, self.font, self.glyph + 4, ink, "m")
            return canvas
        step = self.steps[number]
        self._scene(canvas, self.scenes[number], (time - step.start) / (step.end - step.start), ink)
        self._caption(canvas, self.captions[number], ink)
        return canvas

    def _caption(self, canvas: Canvas, text: str, ink: Colour) -> None:
        width, height = self.size
        if self.place == "bar":
            canvas.box((0, height - 30, width, height), (0, 0, 0))
            canvas.text((width / 2, height - 15), text, self.font, self.glyph, (255, 255, 255), "m")
        elif self.place == "corner":
            canvas.text((6, 14), text, self.font, self.glyph, ink)
        else:
            canvas.text((width - 6, 14), text, self.font, self.glyph, ink, "r")

    def _scene(self, canvas: Canvas, scene: str, share: float, ink: Colour) -> None:
        """Something that moves while a step goes on, between the places of captions."""
        width, height = self.size
        top, bottom = 30.0, height - 36.0
        x, y = width * (0.2 + 0.6 * share), (top + bottom) / 2 + 10 * math.sin(self.phase + 5 * share)
        if scene == "window":
            canvas.rounded((width * 0.12, top, width * 0.88, bottom), 6, canvas.rgb[0, 0].tolist(), ink)
            canvas.box((width * 0.12, top, width * 0.88, top + 10), self.accent)
            canvas.polygon([(x, y), (x + 8, y + 13), (x + 2, y + 12)], ink)
        elif scene == "disc":
            canvas.disc(x, y, 14, self.accent)
        elif scene == "grid":
            wide, high = width / 5, (bottom - top) / 2
            for place in range(6):
                left, upper = width * 0.2 + wide * (place % 3), top + high * (place // 3)
                fill = self.accent if place == int(share * 6) else None
                canvas.box((left, upper, left + wide - 6, upper + high - 6), fill, ink)
        else:
            canvas.box((width * 0.1, y - 6, width * (0.1 + 0.8 * share), y + 6), self.accent)
            canvas.box((width * 0.1, y - 6, width * 0.9, y + 6), outline=ink)


def _text(rng: random.Random, lang: str) -> str:
    """A caption: a verb with its object, or invented so that it has to be read."""
    if rng.random() < 0.4:
        if lang == "zh":
            return "".join(rng.choices(ALL_HANZI, k=rng.randint(3, 6)))
        return " ".join(rng.choices(WORDS, k=2)).capitalize()[:16].strip()
    verb, thing = rng.choice(vocab.CLIP_VERBS), rng.choice(vocab.CLIP_THINGS)
    return verb[0] + thing[0] if lang == "zh" else f"{verb[1]} {thing[1]}"


def _turn(steps: list[Step], second: int) -> tuple[int, int]:
    """Number and beginning of what is shown in a second; the opening is number 0, the closing one more than the last step."""
    begun = [(number, step.start) for number, step in enumerate(steps, 1) if step.start <= second]
    return (len(steps) + 1, steps[-1].end) if second >= steps[-1].end else begun[-1] if begun else (0, 0)


def _asks(rng: random.Random, steps: list[Step], lang: str, number: int) -> list[Ask]:
    forms = prompts.CLIP[lang]
    every = [copied("\n".join(f"{step.times()} {step.text}" for step in steps))]
    facts = {"steps": [dataclasses.asdict(step) for step in steps]}
    asks = [Ask(prompts.pick(rng, forms["steps"]), every, "steps", facts)]
    while len(asks) < number:
        place = rng.randrange(len(steps))
        kind = rng.choice(("when", "nth", "number"))
        answer = {"when": steps[place].times(), "nth": steps[place].text, "number": str(len(steps))}[kind]
        asks.append(Ask(rng.choice(forms[kind]).format(text=steps[place].text, n=place + 1), [copied(answer)], f"clip {kind}"))
    return asks


@dataclasses.dataclass(frozen=True)
class Cut:
    """A clip's length in seconds, the prompt's form (encode.Form), and where captions stand if not anywhere: "right" is for
    evaluation only."""

    seconds: int
    outer: bool = False
    place: str = ""


def draw(rng: random.Random, canvas: tuple[int, int], held_out: bool, number: int, cut: Cut = Cut(30)) -> Case:
    lang = "zh" if rng.random() < 0.6 else "en"
    values = Values(rng, held_out)
    steps: list[Step] = []
    crowded = not held_out and rng.random() < 0.35  # short steps alike are the hardest: more of them in training
    for start, end in _plan(rng, cut.seconds, crowded):
        taken = {step.text for step in steps}
        text = values.draw(lambda: next(text for text in iter(lambda: _text(rng, lang), None) if text not in taken))
        steps.append(Step(start, end, text))
    film = Film(rng, canvas, steps, lang, 0.3 if held_out else 0.55)
    film.place = cut.place or film.place
    frames = [film.frame(second + half) for second in range(cut.seconds) for half in (0.0, 0.5)]
    marks = [frame.marks() for frame in frames[::2]]
    form = Form(cut.seconds * FPS // 2, float(FPS), cut.outer)
    turns = [_turn(steps, second) for second in range(cut.seconds)]
    return Case(np.stack([frame.rgb for frame in frames]), marks, _asks(rng, steps, lang, number), form=form, turns=turns)
