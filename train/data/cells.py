# SPDX-License-Identifier: Apache-2.0
"""Phone screens of grouped cells: a name on the left, a value, an arrow, a switch or something to type on the right. Training only, so
that evaluation's screens stay what they were; WeUI's pages, which look similar, are evaluated but never trained on."""

import random

from train.corpus.charset import ALL_HANZI, WORDS
from train.data import vocab
from train.data.screens import Screen

NAMES = vocab.ROWS + vocab.SIDEBAR + vocab.APPS + vocab.CHECKS + vocab.WEB + vocab.TABS


def _name(screen: Screen) -> str:
    """A label that is not on the screen yet; half of them are invented, up to a short sentence."""
    rng = screen.rng
    while True:
        if rng.random() < 0.5:
            label = screen.say(rng.choice(NAMES))
        elif screen.lang == "zh":
            label = "".join(rng.choices(ALL_HANZI, k=rng.randint(2, 8)))
        else:
            label = " ".join(rng.choices(WORDS, k=rng.randint(1, 3))).capitalize()[:20].strip()
        if not screen.taken(label):
            return label


def _arrow(screen: Screen, x: float, y: float) -> None:
    screen.canvas.polyline([(x - 6, y - 6), (x, y), (x - 6, y + 6)], screen.muted)


def _cell(screen: Screen, kind: str, y: float, high: float, size: int) -> None:
    rng, right, middle = screen.rng, screen.width, y + high / 2
    if kind == "input":
        left = [pair for pair in vocab.FIELDS if not screen.taken(screen.say(pair))]
        pair = rng.choice(left)
        label = screen.say(pair)
        screen.write(16, middle, label, size)
        hint = f"请输入{label}" if screen.lang == "zh" else "Enter " + label.lower()
        screen.write(screen.width * 0.34, middle, hint if rng.random() < 0.7 else "", size, screen.muted)
        screen.add("input", label, (0, y, right, y + high))
        return
    label = _name(screen)
    screen.write(16, middle, label, size)
    if kind == "switch":
        on = rng.random() < 0.5
        screen.switch(right - 16, middle, on)
        screen.add("switch", label, (0, y, right, y + high), "on" if on else "off")
        return
    if kind == "arrow":
        _arrow(screen, right - 18, middle)
    if rng.random() < 0.4 and len(label) < (7 if screen.lang == "zh" else 12):
        value = str(rng.randint(1, 9999)) if rng.random() < 0.5 else screen.say(rng.choice(vocab.WEB))
        screen.write(right - (34 if kind == "arrow" else 16), middle, value, size, screen.muted, "r")
    screen.add("row", label, (0, y, right, y + high))


def _head(screen: Screen, y: float) -> float:
    """A large title, perhaps with a line below it, in the middle or on the left; or none."""
    rng = screen.rng
    if rng.random() < 0.2:
        return y
    anchor, x = rng.choice((("m", screen.width / 2), ("l", 20)))
    screen.title = _name(screen)
    screen.write(x, y + 20, screen.title, rng.choice((20, 22, 24)), anchor=anchor)
    if rng.random() < 0.5:
        screen.write(x, y + 48, _name(screen), 14, screen.muted, anchor)
        y += 24
    return y + 50


def cells(screen: Screen) -> None:
    rng, width = screen.rng, screen.width
    size, high = rng.choice((14, 15, 16, 17)), rng.randint(38, 58)
    y = _head(screen, rng.randint(8, 70))
    kinds = rng.choice((("arrow",), ("arrow", "plain"), ("plain",), ("input",), ("switch", "arrow"), ("arrow", "input", "switch")))
    screen.kind = "form" if "input" in kinds else "list"
    inputs = 0
    for _ in range(rng.randint(1, 4)):
        if y + 26 + high > screen.height - 120:
            break
        if rng.random() < 0.6:
            screen.write(16, y + 14, _name(screen), 14, screen.muted)
            y += 28
        for _ in range(rng.randint(1, 6)):
            if y + high > screen.height - 110:
                break
            kind = rng.choice(kinds)
            inputs += kind == "input"
            if inputs > 6:
                kind = "arrow"
            screen.canvas.box((0, y, width, y + high), screen.card)
            _cell(screen, kind, y, high, size)
            screen.canvas.box((16, y + high - 1, width, y + high), screen.rule)
            y += high
        y += rng.randint(6, 20)
    _below(screen, y)


def _below(screen: Screen, y: float) -> None:
    """Buttons as wide as the screen or in its middle, below each other or side by side, and a link."""
    rng, width = screen.rng, screen.width
    half = rng.choice((width / 2 - 16, 92, 70))
    for place, label in enumerate(screen.sample(vocab.BUTTONS, rng.randint(0, 2), 0.3)):
        if y + 44 > screen.height - 8:
            return
        screen.button((width / 2 - half, y, width / 2 + half, y + 40), label, 16, place == 0)
        y += 52
    if rng.random() < 0.3 and y + 30 < screen.height:
        label = _name(screen)
        end = screen.write(width / 2, y + 14, label, 14, screen.accent, "m")
        screen.add("link", label, (width - end - 4, y, end + 4, y + 28))


def screen_of_cells(rng: random.Random, width: int, height: int) -> Screen:
    """Never without something to click."""
    while True:
        screen = Screen(rng, width, height)
        cells(screen)
        if screen.widgets:
            return screen
