# SPDX-License-Identifier: Apache-2.0
"""Screenshots of programs that do not exist, with the table of their components: what phone and desktop share."""

import dataclasses
import random

from train.corpus.charset import ALL_HANZI, WORDS
from train.data import vocab
from train.data.canvas import Box, Canvas, Colour

# name -> (paper, ink, accents to choose from)
PALETTES = {"white": ((255, 255, 255), (20, 20, 22)), "grey": ((243, 245, 248), (30, 30, 35)), "warm": ((255, 250, 244), (45, 35, 25)),
            "dark": ((24, 24, 28), (235, 235, 240)), "blue-dark": ((18, 26, 42), (225, 232, 245))}
UNSEEN_PALETTES = (((226, 240, 228), (16, 60, 34)), ((52, 24, 44), (250, 224, 236)))  # light and dark, for evaluation
ACCENTS = ((22, 119, 255), (7, 160, 90), (235, 90, 20), (114, 46, 209), (210, 40, 70), (0, 140, 160))
FONTS = {"zh": ("sans", "sans", "zenhei", "sans-bold"), "en": ("dejavu-sans", "sans", "dejavu-bold", "zenhei")}


@dataclasses.dataclass
class Widget:
    role: str
    text: str
    box: Box
    state: str = ""  # "on" or "off" for switches and checks

    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))


class Screen:
    """A canvas with a theme, a language and components whose labels are all different."""

    def __init__(self, rng: random.Random, width: int, height: int, unseen: bool = False) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.lang = "zh" if rng.random() < 0.55 else "en"
        self.dark = rng.random() < 0.4
        names = [name for name in PALETTES if name.endswith("dark") == self.dark]
        self.paper, self.ink = UNSEEN_PALETTES[self.dark] if unseen else PALETTES[rng.choice(names)]
        self.accent = _mix(rng.choice(ACCENTS), (255, 255, 255), 0.3 if self.dark else 0.0)
        self.muted = _mix(self.ink, self.paper, 0.45)
        self.card = _mix(self.paper, self.ink, 0.06)
        self.rule = _mix(self.paper, self.ink, 0.16)
        self.font = rng.choice(FONTS[self.lang])
        self.canvas = Canvas(width, height, self.paper)
        self.widgets: list[Widget] = []
        self.title = ""
        self.kind = ""
        self.held_out = False  # whether values to type are evaluation's

    def say(self, pair: tuple) -> str:
        """The text of a vocabulary entry in the screen's language."""
        return pair[0] if self.lang == "zh" else pair[1]

    def taken(self, text: str) -> bool:
        return text == self.title or any(widget.text == text for widget in self.widgets)

    def sample(self, pairs: list[tuple], number: int, invented: float = 0.0) -> list[str]:
        """Up to `number` labels that are not on the screen yet; each is invented with this probability, so that labels have to
        be read and not just recognised."""
        labels: list[str] = []
        for pair in self.rng.sample(pairs, min(len(pairs), number)):
            label = self._invent() if self.rng.random() < invented else self.say(pair)
            if label not in labels and not self.taken(label):
                labels.append(label)
        return labels

    def _invent(self) -> str:
        if self.lang == "zh":
            return "".join(self.rng.choices(ALL_HANZI, k=self.rng.randint(2, 5)))
        return " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 2))).capitalize()[:16].strip()

    def add(self, role: str, text: str, box: Box, state: str = "") -> Widget:
        widget = Widget(role, text, box, state)
        self.widgets.append(widget)
        x, y = widget.centre()
        self.canvas.mark(f"{role}-{state}" if state else role, x, y)
        self.canvas.links.centre(box)
        return widget

    def write(self, x: float, y: float, text: str, size: int, colour: Colour | None = None, anchor: str = "l") -> float:
        return self.canvas.text((x, y), text, self.font, size, colour or self.ink, anchor)

    # -- components ----------------------------------------------------------------------------------------------------
    def icon(self, name: str, x: float, y: float, size: float = 10) -> None:
        """A pictogram without text; its label is only a name."""
        canvas, ink = self.canvas, self.ink
        if name == "back":
            canvas.polyline([(x + size * 0.4, y - size * 0.8), (x - size * 0.4, y), (x + size * 0.4, y + size * 0.8)], ink)
        elif name == "search":
            canvas.disc(x - 2, y - 2, size * 0.6, ink, 2)
            canvas.polyline([(x + size * 0.25, y + size * 0.25), (x + size * 0.8, y + size * 0.8)], ink)
        elif name == "more":
            for shift in (-7, 0, 7):
                canvas.disc(x + shift, y, 2.2, ink)
        elif name == "add":
            canvas.polyline([(x - size * 0.8, y), (x + size * 0.8, y)], ink)
            canvas.polyline([(x, y - size * 0.8), (x, y + size * 0.8)], ink)
        elif name == "close":
            canvas.polyline([(x - size * 0.6, y - size * 0.6), (x + size * 0.6, y + size * 0.6)], ink)
            canvas.polyline([(x - size * 0.6, y + size * 0.6), (x + size * 0.6, y - size * 0.6)], ink)
        else:
            for shift in (-6, 0, 6):
                canvas.polyline([(x - size * 0.8, y + shift), (x + size * 0.8, y + shift)], ink)
        self.add(name, self.say(vocab.ICONS[name]), (x - 18, y - 16, x + 18, y + 16))

    def button(self, box: Box, text: str, size: int, filled: bool) -> Widget:
        radius = self.rng.choice((4, 8, 24))
        self.canvas.rounded(box, radius, self.accent if filled else self.card, None if filled else self.rule)
        self.write((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, text, size, (255, 255, 255) if filled else self.accent, "m")
        return self.add("button", text, box)

    def field(self, box: Box, text: str, size: int, hint: str) -> Widget:
        """A text box named `text`; the hint is what is written inside."""
        self.canvas.rounded(box, self.rng.choice((2, 8)), self.card, self.rule)
        self.write(box[0] + 12, (box[1] + box[3]) / 2, hint, size, self.muted)
        return self.add("input", text, box)

    def switch(self, x: float, y: float, on: bool) -> None:
        """A switch whose right end is at x."""
        self.canvas.rounded((x - 44, y - 12, x, y + 12), 12, self.accent if on else self.muted)
        self.canvas.disc(x - 12 if on else x - 32, y, 9, (255, 255, 255))

    def check(self, x: float, y: float, text: str, size: int) -> Widget:
        on = self.rng.random() < 0.5
        self.canvas.rounded((x, y - 8, x + 16, y + 8), 3, self.accent if on else self.paper, self.muted)
        if on:
            self.canvas.polyline([(x + 3, y), (x + 7, y + 4), (x + 13, y - 4)], (255, 255, 255))
        right = self.write(x + 24, y, text, size)
        return self.add("check", text, (x - 4, y - 14, right + 4, y + 14), "on" if on else "off")

    def of(self, *roles: str) -> list[Widget]:
        return [widget for widget in self.widgets if widget.role in roles]
