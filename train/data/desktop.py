# SPDX-License-Identifier: Apache-2.0
"""Desktop windows: a menu bar or a sidebar, and a form, a table or a page of options."""

import random

from train.data import vocab
from train.data.screens import Screen


def desktop(rng: random.Random, width: int, height: int, unseen: bool = False) -> Screen:
    screen = Screen(rng, width, height, unseen)
    screen.title = screen.say(rng.choice(vocab.DESKTOP_TITLES))
    screen.canvas.box((0, 0, width, 34), screen.card)
    screen.write(14, 17, screen.title, 15)
    screen.icon("close", width - 22, 17, 9)
    top, left = 42, 18
    if rng.random() < 0.6:
        top = _menu(screen, top)
    if rng.random() < 0.6:
        left = _sidebar(screen, top)
    screen.kind = rng.choice(("form", "table", "options"))
    {"form": _form, "table": _table, "options": _options}[screen.kind](screen, left, top + 8)
    return screen


def _menu(screen: Screen, y: float) -> float:
    x = 14.0
    for label in screen.sample(vocab.MENUS, screen.rng.randint(4, 7)):
        right = screen.write(x, y + 12, label, 15)
        screen.add("item", label, (x - 8, y - 2, right + 8, y + 26))
        x = right + screen.rng.choice((20, 26))
    screen.canvas.box((0, y + 30, screen.width, y + 31), screen.rule)
    return y + 32


def _sidebar(screen: Screen, top: float) -> float:
    rng, wide = screen.rng, screen.rng.choice((128, 144, 160))
    screen.canvas.box((0, top, wide, screen.height), screen.card)
    y, high = top + 6, rng.randint(36, 44)
    for i, label in enumerate(screen.sample(vocab.SIDEBAR, rng.randint(4, 8), 0.2)):
        if y + high > screen.height:
            break
        if i == 0:
            screen.canvas.rounded((6, y + 2, wide - 6, y + high - 2), 6, screen.rule)
        screen.write(20, y + high / 2, label, 16, screen.accent if i == 0 else None)
        screen.add("tab", label, (0, y, wide, y + high))
        y += high
    return wide + 20


def _buttons(screen: Screen, left: float, y: float, number: int) -> None:
    x = left
    for i, label in enumerate(screen.sample(vocab.BUTTONS, number, 0.15)):
        wide = 16 * len(label) + 36 if screen.lang == "zh" else 10 * len(label) + 36
        if x + wide > screen.width - 8:
            break
        screen.button((x, y, x + wide, y + 34), label, 15, i == 0)
        x += wide + 14


def _form(screen: Screen, left: float, y: float) -> None:
    rng = screen.rng
    label_wide = 84 if screen.lang == "zh" else 104
    for entry in rng.sample(vocab.FIELDS, rng.randint(2, 4)):
        label = screen.say(entry)
        screen.write(left, y + 17, label, 15)
        screen.field((left + label_wide, y, min(screen.width - 20, left + label_wide + 260), y + 34), label, 14, "")
        y += rng.choice((46, 52))
    for label in screen.sample(vocab.CHECKS, rng.randint(0, 2)):
        screen.check(left + 6, y + 14, label, 15)
        y += 36
    _buttons(screen, left, min(y + 10, screen.height - 44), rng.randint(1, 3))


def _table(screen: Screen, left: float, y: float) -> None:
    rng, right = screen.rng, screen.width - 16
    _buttons(screen, left, y, rng.randint(2, 4))
    y += 50
    names = screen.sample(vocab.SIDEBAR, rng.randint(3, 6), 0.5)
    screen.canvas.box((left, y, right, y + 32), screen.card)
    columns = rng.sample(vocab.COLUMNS, 2)
    middle = (right - left) / 2
    screen.write(left + 10, y + 16, "名称" if screen.lang == "zh" else "Name", 15, screen.muted)
    for i, column in enumerate(columns):
        screen.write(left + middle + i * middle / 2, y + 16, screen.say(column), 15, screen.muted)
    y += 32
    for name in names:
        if y + 36 > screen.height - 6:
            break
        screen.write(left + 10, y + 18, name, 15)
        for i in range(2):
            screen.write(left + middle + i * middle / 2, y + 18, str(rng.randint(1, 999)), 15)
        screen.canvas.box((left, y + 35, right, y + 36), screen.rule)
        screen.add("row", name, (left, y, right, y + 36))
        y += 36


def _options(screen: Screen, left: float, y: float) -> None:
    rng = screen.rng
    screen.write(left, y + 14, screen.say(rng.choice(vocab.PHONE_TITLES)), 18)
    y += 40
    for label in screen.sample(vocab.CHECKS, rng.randint(2, 5), 0.25):
        screen.check(left + 6, y + 16, label, 15)
        y += 36
    for label in screen.sample(vocab.ROWS, rng.randint(0, 3), 0.2):
        if y + 40 > screen.height - 56:
            break
        on = rng.random() < 0.5
        screen.write(left + 6, y + 20, label, 15)
        screen.switch(min(screen.width - 20, left + 300), y + 20, on)
        screen.add("switch", label, (left, y, min(screen.width - 16, left + 306), y + 40), "on" if on else "off")
        y += 40
    _buttons(screen, left, min(y + 12, screen.height - 44), rng.randint(1, 3))
