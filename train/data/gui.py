# SPDX-License-Identifier: Apache-2.0
"""A screenshot, an instruction, and the path of actions that carries it out, as JSON.

    [{"op":"type","label":"手机号","text":"13800138000","point":[500,350]},{"op":"click","label":"登录","point":[500,640]}]

Points are the component's centre in thousandths of the picture, on a grid of ten: the last digit could not be told from a
picture of 32-pixel tokens and would only be noise to learn. A target that is not on the screen is scrolled for.
"""

import random

from train.corpus.charset import ALL_HANZI, WORDS
from train.data import prompts, vocab
from train.data.case import Ask, Case, copied
from train.data.cells import screen_of_cells
from train.data.desktop import desktop
from train.data.phone import phone
from train.data.screens import Screen, Widget
from train.data.values import Values

Task = tuple[str, list[str], list[dict]]  # instruction, answer's pieces, actions
KIND_OF_FIELD = {label: kind for zh, en, kind in vocab.FIELDS for label in (zh, en)}
SCROLL = ['[{"op":"scroll","direction":"down"}]']


def grid(value: float, length: int) -> int:
    """A place in thousandths, rounded to ten."""
    return min(990, max(10, round(value / length * 100) * 10))


def _action(screen: Screen, op: str, widget: Widget, text: str | None = None) -> tuple[list[str], dict]:
    x, y = widget.centre()
    x, y = grid(x, screen.width), grid(y, screen.height)
    typed = [] if text is None else ['","text":"', copied(text)]
    pieces = [f'{{"op":"{op}","label":"', copied(widget.text), *typed, f'","point":[', copied(str(x)), ",", copied(str(y)), "]}"]
    return pieces, {"op": op, "label": widget.text, "point": [x, y], "box": widget.box} | ({} if text is None else {"text": text})


def _path(screen: Screen, steps: list[tuple]) -> tuple[list[str], list[dict]]:
    pieces, actions = ["["], []
    for number, step in enumerate(steps):
        one, action = _action(screen, *step)
        pieces += ([","] if number else []) + one
        actions.append(action)
    return [*pieces, "]"], actions


def _click(screen: Screen, rng: random.Random) -> Task:
    widget = rng.choice(screen.widgets)
    role = "icon" if widget.role in vocab.ICONS else widget.role
    forms = prompts.CLICK[screen.lang]
    form = rng.choice(forms["any"] + forms.get(role, []))
    return form.format(widget.text), *_path(screen, [("click", widget)])


def _several(screen: Screen, rng: random.Random) -> Task | None:
    if len(screen.widgets) < 4:
        return None
    chosen = rng.sample(screen.widgets, rng.choice((2, 2, 3)))
    forms = prompts.CLICK_SEVERAL[screen.lang]
    form = rng.choice(forms[len(chosen)])
    return form.format(*(widget.text for widget in chosen)), *_path(screen, [("click", widget) for widget in chosen])


def _type(screen: Screen, rng: random.Random) -> Task | None:
    fields = screen.of("input")
    if not fields:
        return None
    values = Values(rng, screen.held_out)
    chosen = rng.sample(fields, 2) if len(fields) > 1 and rng.random() < 0.5 else [rng.choice(fields)]
    typed = [values.typed(KIND_OF_FIELD[field.text]) for field in chosen]
    words = prompts.TYPE[screen.lang]
    parts = [rng.choice(words["one"]).format(label=field.text, value=value) for field, value in zip(chosen, typed)]
    steps = [("type", field, value) for field, value in zip(chosen, typed)]
    instruction = words["then"].join(parts)
    buttons = screen.of("button")
    if buttons and rng.random() < 0.5:
        button = rng.choice(buttons)
        instruction += words["then"] + words["click"].format(button.text)
        steps.append(("click", button))
    return instruction, *_path(screen, steps)


def _login(screen: Screen, rng: random.Random) -> Task | None:
    fields, buttons = screen.of("input"), screen.of("button")
    if screen.kind != "login" or len(fields) != 2:
        return None
    values = Values(rng, screen.held_out)
    typed = [values.typed(KIND_OF_FIELD[field.text]) for field in fields]
    form = rng.choice(prompts.LOGIN[screen.lang])
    instruction = form.format(fields[0].text, typed[0], fields[1].text, typed[1])
    return instruction, *_path(screen, [*(("type", *pair) for pair in zip(fields, typed)), ("click", buttons[0])])


def _ordinal(screen: Screen, rng: random.Random) -> Task | None:
    rows = screen.of("row", "switch")
    if screen.kind not in ("list", "table") or len(rows) < 3:
        return None
    number = rng.randrange(min(9, len(rows)))
    return rng.choice(prompts.ORDINAL[screen.lang]).format(number + 1), *_path(screen, [("click", rows[number])])


def _states(screen: Screen, rng: random.Random) -> Task | None:
    wanted = rng.choice(("on", "off"))
    other = [widget for widget in screen.of("switch") if widget.state != wanted]
    if not 1 <= len(other) <= 4:
        return None
    return rng.choice(prompts.ALL_SWITCHES[screen.lang][wanted]), *_path(screen, [("click", widget) for widget in other])


def _absent(screen: Screen, rng: random.Random) -> Task:
    pairs = [pair for pair in vocab.ROWS + vocab.APPS + vocab.BUTTONS + vocab.TABS if not screen.taken(screen.say(pair))]
    forms = prompts.CLICK[screen.lang]
    label = screen.say(rng.choice(pairs))
    return rng.choice(forms["any"]).format(label), SCROLL, [{"op": "scroll", "direction": "down"}]


def _elsewhere(screen: Screen, rng: random.Random) -> Task:
    """Training only: an instruction of another kind for what is not there, so that a longer one is no reason to find something."""
    forms, words = prompts.CLICK_SEVERAL[screen.lang], prompts.TYPE[screen.lang]
    pairs = [pair for pair in vocab.ROWS + vocab.APPS + vocab.BUTTONS + vocab.TABS if not screen.taken(screen.say(pair))]
    fields = [field for field in vocab.FIELDS if not screen.taken(screen.say(field))]
    lot = rng.random()
    if lot < 0.3 and len(fields) > 1:
        field = rng.choice(fields)
        text = rng.choice(words["one"]).format(label=screen.say(field), value=Values(rng, screen.held_out).typed(field[2]))
    elif lot < 0.5 and len(fields) > 1:
        one, other = rng.sample(fields, 2)
        values = Values(rng, screen.held_out)
        text = rng.choice(prompts.LOGIN[screen.lang]).format(screen.say(one), values.typed(one[2]), screen.say(other), values.typed(other[2]))
    elif lot < 0.75:
        number = rng.choice((2, 2, 3))
        text = rng.choice(forms[number]).format(*map(screen.say, rng.sample(pairs, number)))
    else:
        label = "".join(rng.choices(ALL_HANZI, k=rng.randint(2, 5))) if screen.lang == "zh" else " ".join(rng.choices(WORDS, k=2)).capitalize()
        text = rng.choice(prompts.CLICK[screen.lang]["any"]).format(label)
    return text, SCROLL, [{"op": "scroll", "direction": "down"}]


TASKS = {_click: 34, _several: 14, _type: 16, _login: 14, _ordinal: 8, _states: 8, _absent: 8}
TRAINED = TASKS | {_elsewhere: 9}
CELLS = 0.35  # of training's phone screens


def caption(screen: Screen) -> str:
    device = "phone" if screen.width < screen.height else "desktop"
    form = prompts.SCREEN_CAPTION if screen.title else prompts.UNTITLED_CAPTION
    return form[screen.lang].format(
        device=prompts.DEVICES[screen.lang][device], theme=prompts.THEMES[screen.lang][screen.dark],
        kind=prompts.SCREEN_KINDS[screen.lang][screen.kind], title=screen.title)


def _ask(screen: Screen, rng: random.Random, values: Values) -> Ask | None:
    """One question that belongs to this split, by its text; a tenth asks for a caption."""
    if rng.random() < 0.07:
        return Ask(prompts.pick(rng, prompts.CAPTION[screen.lang]), [copied(caption(screen))], "caption")
    makers = TASKS if screen.held_out else TRAINED
    for _ in range(12):
        maker = rng.choices(list(makers), list(makers.values()))[0]
        task = maker(screen, rng)
        if task and values.allows(task[0]):
            instruction, pieces, actions = task
            return Ask(instruction, pieces, maker.__name__[1:], {"actions": actions, "widgets": screen.widgets})
    return None


def draw(rng: random.Random, canvas: tuple[int, int], held_out: bool, number: int, unseen: bool = False) -> Case:
    """With `unseen` in colours that training never shows."""
    width, height = canvas
    while True:
        if not held_out and width < height and rng.random() < CELLS:
            screen = screen_of_cells(rng, width, height)
        else:
            screen = (phone if width < height else desktop)(rng, width, height, unseen)
        screen.held_out = held_out
        labels = [widget.text for widget in screen.widgets]
        if len(set(labels)) != len(labels):
            continue
        asks = [_ask(screen, rng, Values(rng, held_out)) for _ in range(number)]
        if None not in asks:
            return Case(screen.canvas.rgb, screen.canvas.marks(), asks, screen.canvas.links.cells)
