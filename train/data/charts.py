# SPDX-License-Identifier: Apache-2.0
"""Panels of an infographic: each draws itself into a box and says what may be asked about it."""

import dataclasses
import math
import random

from train.data import links, prompts, vocab
from train.data.canvas import Box, Canvas, Colour
from train.data.values import Values

COLOURS = ((22, 119, 255), (255, 122, 69), (54, 179, 126), (250, 173, 20), (114, 46, 209), (235, 47, 150), (19, 194, 194))
TEXT, SOFT, RULE = (35, 35, 38), (95, 95, 102), (205, 209, 214)


@dataclasses.dataclass
class Question:
    kind: str
    text: str
    answer: str


@dataclasses.dataclass
class Style:
    lang: str
    font: str
    size: int
    accent: Colour

    def say(self, pair: tuple) -> str:
        return pair[0] if self.lang == "zh" else pair[1]


def total(values: list[int]) -> str:
    """One addition at a time: 12+30+45=42+45=87."""
    text, sums = "+".join(map(str, values)), values[0]
    for place, value in enumerate(values[1:], 1):
        sums += value
        text += "=" + "+".join(map(str, [sums, *values[place + 1:]]))
    return text


def growth(old: int, new: int) -> str:
    """Written out, since it is too much for one step: (415-410)/410=5/410=1.2%."""
    return f"({new}-{old})/{old}={new - old}/{old}={(new - old) / old * 100:.1f}%"


class Panel:
    """One chart. `topic` is its measure, `names` and `numbers` what it shows, `group` says which chart of the picture it is."""

    def __init__(self, canvas: Canvas, box: Box, style: Style, values: Values, topic: tuple, group: int = 0) -> None:
        self.group = links.PANEL_GROUPS[group % len(links.PANEL_GROUPS)]
        self.canvas, self.style, self.values, self.rng = canvas, style, values, values.rng
        self.left, self.top, self.right, self.bottom = box
        self.topic = style.say(topic)
        self.unit = topic[2] if style.lang == "zh" else topic[3]
        group = [style.say(pair) for pair in self.rng.choice(vocab.CATEGORIES)]
        self.names = self.rng.sample(group, self.rng.randint(3, 6))
        self.absent = [name for name in group if name not in self.names]
        self.numbers: list[int] = []
        self.questions: list[Question] = []

    def write(self, x: float, y: float, text: str, colour: Colour = TEXT, anchor: str = "m", bigger: int = 0) -> float:
        return self.canvas.text((x, y), text, self.style.font, self.style.size + bigger, colour, anchor)

    def label(self, x: float, y: float, text: str, anchor: str, values: tuple[int, ...], *ranks: int) -> None:
        """Writes a name whose cells the place head links to the name's values."""
        first = len(self.canvas.glyphs)
        self.write(x, y, text, SOFT, anchor)
        self.link(first, values, *ranks)

    def link(self, first: int, values: tuple[int, ...], *ranks: int) -> None:
        """What the glyphs from `first` on belong to."""
        places = self.canvas.places(first)
        self.canvas.links.numbers(places, values, ranks)
        self.canvas.links.group(places, self.group)

    def rank(self, number: int, among: list[int] | None = None) -> int:
        among = among or self.numbers
        return 1 if number == max(among) else 2 if number == min(among) else 0

    def heading(self, text: str) -> None:
        self.title = text
        first = len(self.canvas.glyphs)
        self.write(self.left + 12, self.top + 18, text, anchor="l", bigger=2)
        self.canvas.links.group(self.canvas.places(first), self.group)
        self.top += 38

    def ask(self, kind: str, answer: str, **words: str) -> None:
        form = self.rng.choice(prompts.CHART[self.style.lang][kind])
        self.questions.append(Question(kind, form.format(topic=self.topic, **words), answer))

    def with_unit(self, number: int) -> str:
        return f"{number}{self.unit}"

    def distinct(self, low: int, high: int, number: int) -> list[int]:
        found: list[int] = []
        while len(found) < number:
            value = self.values.number(low, high)
            if value not in found:
                found.append(value)
        return found

    def _ask_about_bars(self) -> None:
        names, numbers = self.names, self.numbers
        place = self.rng.randrange(len(names))
        self.ask("lookup", self.with_unit(numbers[place]), item=names[place])
        self.ask("argmax", names[numbers.index(max(numbers))])
        self.ask("argmin", names[numbers.index(min(numbers))])
        a, b = sorted(self.rng.sample(range(len(names)), 2), key=lambda i: -numbers[i])
        self.ask("diff", f"{numbers[a]}-{numbers[b]}={self.with_unit(numbers[a] - numbers[b])}", item=names[a], other=names[b])
        self.ask("sum", f"{numbers[a]}+{numbers[b]}={self.with_unit(numbers[a] + numbers[b])}", item=names[a], other=names[b])
        self.ask("number", str(len(names)))
        if self.absent:
            self.ask("lookup", prompts.NOT_THERE[self.style.lang], item=self.rng.choice(self.absent))
            self.questions[-1].kind = "absent"

    # -- kinds -----------------------------------------------------------------------------------------------------
    def bar(self) -> None:
        self.heading(f"{self.topic}({self.unit})" if self.unit else self.topic)
        self.numbers = self.distinct(10, 999 if self.rng.random() < 0.3 else 199, len(self.names))
        floor, roof = self.bottom - 32, self.top + 20
        wide = (self.right - self.left - 24) / len(self.names)
        plain = self.rng.random() < 0.5
        for i, (name, number) in enumerate(zip(self.names, self.numbers)):
            x = self.left + 12 + wide * (i + 0.5)
            high = (floor - roof) * number / max(self.numbers)
            self.canvas.box((x - wide * 0.3, floor - high, x + wide * 0.3, floor), self.style.accent if plain else COLOURS[i % 7])
            self.canvas.mark("bar", x, floor - high / 2)
            self.write(x, floor - high - 11, str(number))
            self.label(x, floor + 15, name, "m", (number,), self.rank(number))
        self.canvas.box((self.left + 10, floor, self.right - 10, floor + 1), RULE)
        self._ask_about_bars()

    def hbar(self) -> None:
        self.heading(f"{self.topic}({self.unit})" if self.unit else self.topic)
        self.numbers = self.distinct(10, 999 if self.rng.random() < 0.3 else 199, len(self.names))
        label_wide = 64 if self.style.lang == "zh" else 84
        pitch = min(44.0, (self.bottom - self.top - 12) / len(self.names))
        long = self.right - self.left - label_wide - 62
        for i, (name, number) in enumerate(zip(self.names, self.numbers)):
            y, x = self.top + pitch * (i + 0.5), self.left + label_wide
            end = x + long * number / max(self.numbers)
            self.canvas.box((x, y - pitch * 0.28, end, y + pitch * 0.28), COLOURS[i % 7])
            self.canvas.mark("bar", (x + end) / 2, y)
            self.label(x - 8, y, name, "r", (number,), self.rank(number))
            self.write(end + 6, y, str(number), anchor="l")
        self._ask_about_bars()

    def pie(self) -> None:
        self.heading(self.topic + ("构成" if self.style.lang == "zh" else " by part"))
        cuts = sorted(self.rng.sample(range(5, 100, 5), len(self.names) - 1))
        self.numbers = [b - a for a, b in zip([0, *cuts], [*cuts, 100])]
        if self.rng.random() < 0.6:  # shares that are no multiples of five
            shift = self.rng.randint(1, 4)
            self.numbers[0], self.numbers[1] = self.numbers[0] + shift, self.numbers[1] - shift
        radius = min((self.right - self.left) * 0.22, (self.bottom - self.top - 16) / 2)
        x, y = self.left + radius + 20, (self.top + self.bottom) / 2
        angle = -90.0
        for i, (name, number) in enumerate(zip(self.names, self.numbers)):
            end = angle + number * 3.6
            steps = [math.radians(angle + (end - angle) * k / 24) for k in range(25)]
            self.canvas.polygon([(x, y), *((x + radius * math.cos(a), y + radius * math.sin(a)) for a in steps)], COLOURS[i % 7])
            angle = end
            row, legend = self.top + 16 + i * 26, x + radius + 24
            self.canvas.box((legend, row - 7, legend + 14, row + 7), COLOURS[i % 7])
            self.canvas.mark("slice", legend + 7, row)
            self.label(legend + 22, row, f"{name} {number}%", "l", (number,), self.rank(number))
        place = self.rng.randrange(len(self.names))
        self.ask("share", f"{self.numbers[place]}%", item=self.names[place])
        if self.numbers.count(max(self.numbers)) == 1:
            self.ask("argmax", self.names[self.numbers.index(max(self.numbers))])
        self.ask("number", str(len(self.names)))

    def line(self) -> None:
        self.heading(f"{self.topic}({self.unit})" if self.unit else self.topic)
        number, shape = self.rng.randint(4, 6), self.rng.choice(("up", "down", "peak", "dip"))
        turn = self.rng.randint(1, number - 2)
        values = sorted(self.distinct(10, 499, number))
        if shape == "down":
            values.reverse()
        elif shape in ("peak", "dip"):
            split = values[:-1] if shape == "peak" else values[1:]
            self.rng.shuffle(split)
            ends = values[-1:] if shape == "peak" else values[:1]
            rising = sorted(split[:turn], reverse=shape == "dip")
            values = rising + ends + sorted(split[turn:], reverse=shape == "peak")
        first = self.rng.randint(2008, 2024 - number)
        years = [str(first + i) for i in range(number)]
        self.numbers = values
        low, high = min(values), max(values)
        span = (self.right - self.left - 70) / (number - 1)
        places = [(self.left + 35 + span * i, self.bottom - 46 - (self.bottom - self.top - 80) * (value - low) / (high - low))
                  for i, value in enumerate(values)]
        self.canvas.polyline(places, self.style.accent, 3)
        for (x, y), value, year in zip(places, values, years):
            self.canvas.disc(x, y, 4, self.style.accent)
            self.canvas.mark("point", x, y)
            self.write(x, y - 15, str(value))
            self.label(x, self.bottom - 17, year, "m", (value,), self.rank(value))
        place = self.rng.randrange(number)
        self.ask("lookup", self.with_unit(values[place]), item=years[place] + ("年" if self.style.lang == "zh" else ""))
        trend = prompts.TRENDS[self.style.lang][shape]
        self.ask("trend", f"{years[0]}:{values[0]}，{years[-1]}:{values[-1]}，{trend}" if self.style.lang == "zh"
                 else f"{years[0]}: {values[0]}, {years[-1]}: {values[-1]}, {trend}")
        a, b = sorted(self.rng.sample(range(number), 2)) if self.rng.random() < 0.5 else (0, number - 1)
        self.ask("growth", growth(values[a], values[b]), item=years[a], other=years[b])
        a, b = sorted(self.rng.sample(range(number), 2), key=lambda i: -values[i])
        self.ask("diff", f"{values[a]}-{values[b]}={self.with_unit(values[a] - values[b])}", item=years[a], other=years[b])
        self.ask("argmax", years[values.index(max(values))])
        self.ask("argmin", years[values.index(min(values))])

    def table(self) -> None:
        self.heading(self.topic + ("明细表" if self.style.lang == "zh" else " table"))
        columns = [self.style.say(pair) for pair in self.rng.sample(vocab.COLUMNS, 2)]
        rows = [self.distinct(2, 999, 2) for _ in self.names]
        cells = [["名称" if self.style.lang == "zh" else "Name", *columns],
                 *([name, *map(str, row)] for name, row in zip(self.names, rows))]
        high = min(34.0, (self.bottom - self.top - 8) / len(cells))
        wide = (self.right - self.left - 24) / 3
        for i, row in enumerate(cells):
            for j, text in enumerate(row):
                x, y = self.left + 12 + wide * j, self.top + high * i
                self.canvas.box((x, y, x + wide + 1, y + high + 1), (235, 241, 250) if i == 0 else (255, 255, 255), RULE)
                first = len(self.canvas.glyphs)
                self.write(x + wide / 2, y + high / 2, text, TEXT if i else SOFT)
                if i and not j:
                    self.link(first, tuple(rows[i - 1]), *(self.rank(value, column) for value, column in zip(rows[i - 1], zip(*rows))))
                elif j and not i:
                    self.canvas.links.group(self.canvas.places(first), 1 + j)
                self.canvas.mark("cell", x + wide / 2, y + high / 2)
        for column in (0, 1):
            place = self.rng.randrange(len(rows))
            topic, self.topic = self.topic, columns[column]
            self.ask("cell", str(rows[place][column]), item=self.names[place])
            values = [row[column] for row in rows]
            for kind, best in (("argmax", max(values)), ("argmin", min(values))):
                if values.count(best) == 1:
                    self.ask(kind, self.names[values.index(best)])
            if len(self.names) < 5:
                self.ask("column", total(values))
                self.questions[-1].kind = "sum"
            self.topic = topic

    def kpi(self) -> None:
        chinese = self.style.lang == "zh"
        self.heading("关键指标" if chinese else "Key figures")
        entries = self.rng.sample(vocab.TOPICS, 3)
        pitch = (self.bottom - self.top) / 3
        for i, topic in enumerate(entries):
            name, unit = self.style.say(topic), topic[2] if chinese else topic[3]
            number, change, up = self.values.number(10, 9999), self.values.number(1, 60), self.rng.random() < 0.5
            y = self.top + pitch * i + 12
            self.label(self.left + 16, y, name, "l", (number, change))
            self.write(self.left + 16, y + 28, f"{number}{unit}", self.style.accent, "l", 6)
            colour = (207, 19, 34) if up else (56, 140, 13)
            arrow_x, arrow_y, side = self.right - 78, y + 14, -1 if up else 1
            self.canvas.polygon([(arrow_x, arrow_y + 7 * side), (arrow_x - 6, arrow_y - 4 * side), (arrow_x + 6, arrow_y - 4 * side)], colour)
            self.write(arrow_x + 12, y + 14, f"{change}%", colour, "l")
            self.topic = name
            self.ask("lookup", f"{number}{unit}", item=self.title)
            self.questions[-1].text = (f"{name}是多少?" if chinese else f"How much is {name}?")
            words = ("上升", "下降") if chinese else ("up ", "down ")
            self.ask("sign", words[0 if up else 1] + f"{change}%", item=name)

    def icons(self) -> None:
        number = self.values.number(2, 12) if not self.values.held_out else self.rng.randint(2, 12)
        per = self.rng.choice((10, 50, 100))
        chinese = self.style.lang == "zh"
        self.heading(f"{self.topic}：1个图标={per}{self.unit}" if chinese else f"{self.topic}: 1 icon = {per}{self.unit}")
        pitch = min(52.0, (self.right - self.left - 30) / 6)
        form = self.rng.choice(("disc", "square", "triangle"))
        for i in range(number):
            x, y = self.left + 16 + pitch * (i % 6 + 0.5), self.top + 12 + pitch * (i // 6 + 0.5)
            radius = pitch * 0.34
            if form == "disc":
                self.canvas.disc(x, y, radius, self.style.accent)
            elif form == "square":
                self.canvas.box((x - radius, y - radius, x + radius, y + radius), self.style.accent)
            else:
                self.canvas.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], self.style.accent)
            self.canvas.mark("item", x, y)
        self.ask("count", str(number))
        self.ask("lookup", f"{number}×{per}={number * per}{self.unit}", item=self.topic)
        self.questions[-1].text = f"{self.topic}合计是多少?" if chinese else f"What is the total of {self.topic}?"
        self.questions[-1].kind = "total"


KINDS = ("bar", "hbar", "pie", "line", "table", "kpi", "icons")
WEIGHTS = (20, 18, 14, 16, 16, 9, 7)
TRAINED = (18, 16, 8, 16, 30, 6, 6)  # tables are the hardest


def draw_panel(canvas: Canvas, box: Box, style: Style, values: Values, topic: tuple, group: int) -> tuple[str, Panel]:
    kind = values.rng.choices(KINDS, WEIGHTS if values.held_out else TRAINED)[0]
    panel = Panel(canvas, box, style, values, topic, group)
    getattr(panel, kind)()
    return kind, panel


def random_style(rng: random.Random) -> Style:
    lang = "zh" if rng.random() < 0.6 else "en"
    font = rng.choice(("sans", "sans", "zenhei", "serif", "sans-bold") if lang == "zh" else ("dejavu-sans", "sans", "zenhei", "dejavu-serif"))
    return Style(lang, font, rng.choice((15, 16) if lang == "en" else (16, 17)), rng.choice(COLOURS[:6]))
