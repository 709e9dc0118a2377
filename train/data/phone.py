# SPDX-License-Identifier: Apache-2.0
"""Phone screens: settings lists, logins, forms, home screens, each perhaps under a dialog."""

import random

from train.data import vocab
from train.data.screens import Screen


def phone(rng: random.Random, width: int, height: int, unseen: bool = False) -> Screen:
    screen = Screen(rng, width, height, unseen)
    screen.kind = rng.choice(("list", "list", "list", "login", "form", "home"))
    screen.write(14, 14, f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}", 14)
    screen.write(width - 14, 14, f"{rng.randint(5, 100)}%", 14, anchor="r")
    {"list": _list, "login": _login, "form": _form, "home": _home}[screen.kind](screen)
    return screen


def _bar(screen: Screen, titles: list[tuple]) -> None:
    rng = screen.rng
    screen.title = screen.say(rng.choice(titles))
    screen.write(screen.width / 2, 52, screen.title, rng.choice((18, 20)), anchor="m")
    if rng.random() < 0.6:
        screen.icon("back", 24, 52)
    if rng.random() < 0.6:
        screen.icon(rng.choice(("search", "more", "add")), screen.width - 26, 52)


def _tabs(screen: Screen) -> None:
    rng, top = screen.rng, screen.height - 56
    labels = screen.sample(vocab.TABS, rng.randint(3, 4))
    if not labels:
        return
    wide = screen.width / len(labels)
    active = rng.randrange(len(labels))
    screen.canvas.box((0, top, screen.width, screen.height), screen.card)
    screen.canvas.box((0, top, screen.width, top + 1), screen.rule)
    size = 14 if screen.lang == "en" and len(labels) > 3 else rng.choice((14, 15))
    for i, label in enumerate(labels):
        colour, x = screen.accent if i == active else screen.muted, wide * (i + 0.5)
        screen.canvas.rounded((x - 9, top + 8, x + 9, top + 26), rng.choice((2, 9)), colour)
        screen.write(x, top + 42, label, size, colour, "m")
        screen.add("tab", label, (wide * i, top, wide * (i + 1), screen.height))


def _list(screen: Screen) -> None:
    rng, width = screen.rng, screen.width
    _bar(screen, vocab.PHONE_TITLES)
    y = rng.randint(78, 100)
    size, high = rng.choice((15, 16, 17, 18)), rng.randint(46, 58)
    icons, switches = rng.random() < 0.6, rng.choice((0.15, 0.5, 0.8))
    for label in screen.sample(vocab.ROWS, rng.randint(4, 11), 0.3):
        if y + high > screen.height - 66:
            break
        middle = y + high / 2
        if icons:
            screen.canvas.rounded((16, middle - 12, 40, middle + 12), 6, tuple(rng.randint(60, 220) for _ in range(3)))
        screen.write(52 if icons else 18, middle, label, size)
        if rng.random() < switches:
            on = rng.random() < 0.5
            screen.switch(width - 18, middle, on)
            screen.add("switch", label, (0, y, width, y + high), "on" if on else "off")
        else:
            screen.canvas.polyline([(width - 27, middle - 6), (width - 21, middle), (width - 27, middle + 6)], screen.muted)
            screen.add("row", label, (0, y, width, y + high))
        screen.canvas.box((16, y + high - 1, width - 16, y + high), screen.rule)
        y += high + (rng.choice((10, 16)) if rng.random() < 0.15 else 0)
    if rng.random() < 0.6:
        _tabs(screen)


def _hint(screen: Screen, label: str) -> str:
    if screen.rng.random() < 0.5:
        return label
    return f"请输入{label}" if screen.lang == "zh" else f"Enter {label[0].lower()}{label[1:]}"


def _fields(screen: Screen, chosen: list[tuple], y: float) -> float:
    """Fields below each other; half of the screens write the label above the box."""
    rng, above = screen.rng, screen.rng.random() < 0.4
    high = rng.randint(40, 48)
    for entry in chosen:
        label = screen.say(entry)
        if above:
            screen.write(28, y + 8, label, 15)
            y += 22
        screen.field((24, y, screen.width - 24, y + high), label, 15, "" if above else _hint(screen, label))
        y += high + rng.randint(10, 20)
    return y


def _login(screen: Screen) -> None:
    rng, width = screen.rng, screen.width
    _bar(screen, vocab.LOGIN_TITLES)
    y = rng.randint(90, 130)
    screen.canvas.rounded((width / 2 - 32, y, width / 2 + 32, y + 64), rng.choice((8, 32)), screen.accent)
    phone_field, user, password, code = vocab.FIELDS[:4]
    chosen = [rng.choice((phone_field, user)), password] if rng.random() < 0.7 else [phone_field, code]
    y = _fields(screen, chosen, y + 84) + 4
    screen.button((24, y, width - 24, y + 46), screen.say(vocab.LOGIN), 18, True)
    y += 70
    for i, label in enumerate(screen.sample(vocab.LINKS, rng.randint(1, 2))):
        anchor, x = ("l", 28) if i == 0 else ("r", width - 28)
        screen.write(x, y, label, 14, screen.accent, anchor)
        wide = 76 if screen.lang == "zh" else 9 * len(label) + 8
        screen.add("link", label, (x - 8, y - 14, x + wide, y + 14) if i == 0 else (x - wide, y - 14, x + 8, y + 14))
    if rng.random() < 0.5:
        _tabs(screen)


def _form(screen: Screen) -> None:
    rng, width = screen.rng, screen.width
    _bar(screen, vocab.FORM_TITLES)
    y = _fields(screen, rng.sample(vocab.FIELDS, rng.randint(2, 4)), rng.randint(84, 110))
    if rng.random() < 0.4:
        for label in screen.sample(vocab.CHECKS, 1):
            screen.check(28, y + 14, label, 15)
        y += 40
    labels = screen.sample(vocab.BUTTONS, rng.randint(1, 2), 0.2)
    wide = (width - 48 + 12) / max(1, len(labels)) - 12
    for i, label in enumerate(labels):
        left = 24 + i * (wide + 12)
        screen.button((left, y, left + wide, y + 44), label, 16, i == len(labels) - 1)
    if rng.random() < 0.4:
        _tabs(screen)


def _home(screen: Screen) -> None:
    rng, width = screen.rng, screen.width
    columns = 4 if screen.lang == "zh" else 3
    wide, high, y = width / columns, rng.randint(92, 104), rng.randint(40, 90)
    labels = screen.sample(vocab.APPS, rng.randint(6, columns * 4), 0.15)
    radius = rng.choice((10, 14, 24))
    for i, label in enumerate(labels):
        x, top = wide * (i % columns + 0.5), y + high * (i // columns)
        if top + high > screen.height - 60:
            break
        screen.canvas.rounded((x - 24, top, x + 24, top + 48), radius, tuple(rng.randint(60, 220) for _ in range(3)))
        screen.write(x, top + 64, label, 14, anchor="m")
        screen.add("app", label, (x - wide / 2 + 4, top, x + wide / 2 - 4, top + 76))
    if rng.random() < 0.5:
        _tabs(screen)
    elif rng.random() < 0.5:
        _dialog(screen)


def _dialog(screen: Screen) -> None:
    """A dialog over the screen: what lies below can no longer be clicked."""
    rng, width, middle = screen.rng, screen.width, screen.height / 2
    canvas = screen.canvas
    canvas.rgb[:] = canvas.rgb // 2
    screen.widgets.clear()
    canvas.widgets.clear()
    canvas.links.clear()
    top, bottom = middle - 70, middle + 70
    canvas.glyphs = [mark for mark in canvas.glyphs if not top - 10 < mark[2] < bottom + 10]
    canvas.rounded((28, top, width - 28, bottom), 12, screen.paper)
    screen.kind, screen.title = "dialog", screen.say(rng.choice(vocab.DIALOGS))
    screen.write(width / 2, top + 40, screen.title, 16, anchor="m")
    half = (width - 56) / 2
    for i, pair in enumerate(rng.choice(vocab.DIALOG_BUTTONS)):
        left = 28 + half * i + 10
        screen.button((left, bottom - 58, left + half - 20, bottom - 18), screen.say(pair), 16, i == 1)
