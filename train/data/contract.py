# SPDX-License-Identifier: Apache-2.0
"""One page of a Chinese contract, and its parties, amount and signing date.

    {"甲方":"北京华明科技有限公司","金额":"708000.00","签署日期":"2021-08-12"}

Other companies, amounts and dates on the page are there to be told apart. A field that the page lacks is null.
"""

import copy
import dataclasses
import math
import random

from train.data import fonts, prompts, vocab
from train.data.canvas import Canvas, Colour, text_width
from train.data.case import Ask, Case, copied
from train.data.values import Date, Values, capital, iso, written_date

FONTS = ("serif", "serif", "sans", "zenhei", "uming")
FIELDS = ("甲方", "金额", "签署日期")
FORBIDDEN_AT_START = "，。；：、）》”？！"


@dataclasses.dataclass
class Facts:
    kind: str
    party_a: str
    party_b: str
    cents: int
    date: Date
    missing: str  # name of a field that the page does not show, or ""

    def value(self, field: str) -> str | None:
        if field == self.missing:
            return None
        return {"甲方": self.party_a, "乙方": self.party_b, "金额": f"{self.cents / 100:.2f}", "签署日期": iso(self.date)}[field]


@dataclasses.dataclass
class Clauses:
    """What a page's body holds: clauses numbered from `first` on, at most so many beside the amount's."""

    first: int
    most: int
    amount: bool


def wrap(text: str, width: float, font: str, size: int) -> list[str]:
    """Lines no wider than `width` pixels, of which none but the first starts with a closing mark."""
    lines, start, total = [], 0, 0
    for place, char in enumerate(text):
        advance = fonts.glyph(font, size, char)[1]
        if total + advance > width and place > start and char not in FORBIDDEN_AT_START:
            lines.append(text[start:place])
            start, total = place, 0
        total += advance
    return [*lines, text[start:]]


class Page:
    """A page that is written from the top down."""

    def __init__(self, rng: random.Random, width: int, height: int) -> None:
        light = rng.randint(236, 255)
        self.paper: Colour = (light, light, max(0, light - rng.choice((0, 0, 6))))
        self.rng, self.canvas = rng, Canvas(width, height, self.paper)
        self.size = rng.choice((16, 16, 17, 18) if width < 500 else (16, 17, 18, 19))
        self.font = rng.choice(FONTS)
        self.bold = {"serif": "serif-bold", "sans": "sans-bold"}.get(self.font, self.font)
        dark = rng.randint(0, 60)
        self.ink: Colour = (dark, dark, dark)
        self.left, self.y = rng.randint(28, 42), float(rng.randint(28, 50))
        self.pitch = round(self.size * rng.uniform(1.45, 1.8))
        self.room = width - 2 * self.left - self.size  # the last glyph's width is left for a closing mark

    def next(self) -> "Page":
        """An empty page of the same document."""
        page = copy.copy(self)
        page.canvas = Canvas(self.canvas.width, self.canvas.height, self.paper)
        page.y = float(self.rng.randint(28, 50))
        return page

    def wrap(self, text: str) -> list[str]:
        return wrap(text, self.room, self.font, self.size)

    def lines(self, text: str, bold: bool = False, role: str = "", named: str = "") -> None:
        """Writes a paragraph; the part `named` is marked with its role."""
        start, at = 0, text.find(named) if role else -1
        for line in self.wrap(text):
            if start <= at < start + len(line):
                self.mark(role, self.left + text_width(line[:at - start], self.font, self.size))
            self.line(line, bold)
            start += len(line)

    def mark(self, role: str, x: float) -> None:
        self.canvas.mark(role, x + self.size / 2, self.y)

    def line(self, text: str, bold: bool = False) -> None:
        self.canvas.text((self.left, self.y), text, self.bold if bold else self.font, self.size, self.ink)
        self.y += self.pitch

    def fits(self, text: str, limit: float) -> bool:
        return self.y + self.pitch * len(self.wrap(text)) <= limit


def _money(rng: random.Random, cents: int) -> str:
    digits = f"{cents / 100:,.2f}" if rng.random() < 0.7 else f"{cents / 100:.2f}"
    short = f"{cents // 100:,}" if cents % 100 == 0 else digits
    return rng.choice((f"{digits}元", f"¥{short}", f"{short}元（大写：{capital(cents)}）", f"{capital(cents)}（¥{digits}）", capital(cents)))


def _clause(rng: random.Random, values: Values, facts: Facts) -> str:
    form = rng.choice(vocab.CLAUSES)
    return form.format(kind=facts.kind, date=written_date(rng, values.date()), n=rng.randint(2, 12), city=rng.choice(vocab.CITIES),
                       money=f"{rng.randint(1, 99) * 1000:,}", party=rng.choice(("甲方", "乙方")))


def head(page: Page, facts: Facts, values: Values) -> None:
    rng, canvas = page.rng, page.canvas
    title = facts.kind + rng.choice(("合同", "合同", "协议书"))
    canvas.text((canvas.width / 2, page.y + 4), title, page.bold, rng.choice((22, 24, 26)), page.ink, "m")
    page.y += 40
    if rng.random() < 0.6:
        code = "".join(rng.choices("ABCDHKXZ", k=2)) + f"-{rng.randint(2015, 2029)}-{rng.randint(1, 999):03d}"
        canvas.text((canvas.width - page.left, page.y), "合同编号：" + code, page.font, 16, page.ink, "r")
        page.y += page.pitch
    parties = [(rng.choice(vocab.PARTY_B), facts.party_b)]
    if facts.missing != "甲方":
        parties.insert(0 if rng.random() < 0.85 else 1, (rng.choice(vocab.PARTY_A), facts.party_a))
    for label, name in parties:
        page.lines(f"{label}：{name}", rng.random() < 0.3, "party-a" if name == facts.party_a else "party-b", name)
        if rng.random() < 0.5:
            page.line(f"地址：{rng.choice(vocab.CITIES)}市{''.join(rng.choices(vocab.NAME_HANZI, k=2))}路{rng.randint(1, 999)}号")
        if rng.random() < 0.4:
            page.line(f"法定代表人：{values.person()}")
    page.lines("  " + rng.choice(vocab.PREAMBLES).format(facts.kind))


def body(page: Page, facts: Facts, values: Values, limit: float, clauses: Clauses) -> int:
    """Clauses, perhaps the amount among them, until the page is full or has enough of them; returns the next clause's number."""
    rng = page.rng
    money = _money(rng, facts.cents)
    amount = "  " + rng.choice(vocab.AMOUNT_CLAUSES).format(money)
    number, written = clauses.first, not clauses.amount
    before = clauses.first - 1 + rng.choice((0, 0, 1, 2))
    while number < clauses.first + clauses.most or not written:
        heading = rng.random() < 0.5
        is_amount = not written and number > before
        text = amount if is_amount else "  " + _clause(rng, values, facts)
        room = limit - (0 if is_amount or written else page.pitch * (2 + len(page.wrap(amount))))
        if not is_amount and not page.fits(text, room - page.pitch):
            if written:
                return number
            is_amount, text = True, amount
        if heading and page.fits(text, limit - page.pitch):
            name = rng.choice(vocab.AMOUNT_SECTIONS) if is_amount else rng.choice(vocab.SECTIONS)
            page.line(f"第{vocab.NUMBERED[number - 1] if number <= 10 else number}条 {name}", True)
        page.lines(text, role="amount" if is_amount else "", named=money)
        written |= is_amount
        number += 1
    return number


def sign(page: Page, facts: Facts, values: Values, top: float) -> None:
    rng, canvas, pitch = page.rng, page.canvas, min(page.pitch, 27)
    half = canvas.width / 2 + 4
    room = canvas.width / 2 - page.left - 8 - page.size
    y = top
    if facts.missing == "甲方":
        sides = [("乙方", facts.party_b, page.left)]
    else:
        sides = [("甲方", facts.party_a, page.left), ("乙方", facts.party_b, half)]
    for label, name, x in sides:
        canvas.text((x, y), label + "（盖章）：", page.font, page.size, page.ink)
        if rng.random() < 0.6:
            for i, line in enumerate(wrap(name, room, page.font, page.size)):
                canvas.text((x, y + pitch * (i + 1)), line, page.font, page.size, page.ink)
        if rng.random() < 0.4:
            canvas.text((x, y + pitch * 3), "代表：" + values.person(), page.font, page.size, page.ink)
    if facts.missing != "签署日期":
        x = page.left if rng.random() < 0.7 else half
        label, written = rng.choice(vocab.DATE_LABELS) + "：", written_date(rng, facts.date)
        canvas.text((x, y + pitch * 4), label + written, page.font, page.size, page.ink)
        canvas.mark("signed", x + text_width(label, page.font, page.size) + page.size / 2, y + pitch * 4)
    if rng.random() < 0.6:
        _stamp(canvas, rng, page.left + rng.randint(50, 110), y + rng.randint(20, 70))


def _stamp(canvas: Canvas, rng: random.Random, x: float, y: float) -> None:
    """A round red seal with a star, laid over the text so that both stay visible."""
    layer = Canvas(canvas.width, canvas.height, (255, 255, 255))
    radius, red = rng.randint(34, 48), (rng.randint(190, 235), rng.randint(30, 90), rng.randint(30, 90))
    layer.disc(x, y, radius, red, 3)
    corners = [radius * (0.42 if i % 2 == 0 else 0.17) for i in range(10)]
    layer.polygon([(x + r * math.sin(i * math.pi / 5), y - r * math.cos(i * math.pi / 5)) for i, r in enumerate(corners)], red)
    top, bottom, left, right = int(y - radius - 4), int(y + radius + 5), max(0, int(x - radius - 4)), int(x + radius + 5)
    area = canvas.rgb[top:bottom, left:right]
    area[:] = area * (layer.rgb[top:bottom, left:right] / 255)
    canvas.mark("stamp", x, y)


def _caption(rng: random.Random, facts: Facts) -> Ask:
    party = facts.value("甲方") or facts.party_b
    return Ask(prompts.pick(rng, prompts.CAPTION["zh"]), [copied(prompts.CONTRACT_CAPTION.format(kind=facts.kind, party=party))], "caption")


def field_ask(rng: random.Random, facts: Facts) -> Ask:
    field = rng.choice(list(prompts.CONTRACT_FIELD))
    answer = facts.value(field) or prompts.NOT_THERE["zh"]
    return Ask(rng.choice(prompts.CONTRACT_FIELD[field]), [copied(answer)], "field", {"field": field})


def json_ask(rng: random.Random, facts: Facts) -> Ask:
    pieces = []
    for number, field in enumerate(FIELDS):
        value = facts.value(field)
        pieces.append(("," if number else "{") + f'"{field}":' + ("null" if value is None else '"'))
        pieces += [] if value is None else [copied(value), '"']
    lang = "zh" if rng.random() < 0.75 else "en"
    fields = {field: facts.value(field) for field in FIELDS}
    return Ask(prompts.pick(rng, prompts.CONTRACT[lang]), [*pieces, "}"], "json", {"fields": fields})


def draw_facts(rng: random.Random, values: Values) -> Facts:
    missing = rng.choice(FIELDS) if rng.random() < 0.12 else ""
    return Facts(rng.choice(vocab.CONTRACT_KINDS), values.company(), values.company(), values.cents(), values.date(), missing)


def draw(rng: random.Random, canvas: tuple[int, int], held_out: bool, number: int) -> Case:
    width, height = canvas
    values = Values(rng, held_out)
    facts = draw_facts(rng, values)
    page = Page(rng, width, height)
    head(page, facts, values)
    signatures = height - page.rng.choice((150, 160, 170))
    body(page, facts, values, signatures - 14, Clauses(1, rng.randint(2, 9), facts.missing != "金额"))
    sign(page, facts, values, max(signatures, page.y + 6))
    if rng.random() < 0.4:
        page.canvas.text((width / 2, height - 18), f"第{rng.randint(1, 9)}页", page.font, 14, page.ink, "m")
    asks = [(json_ask if i == 0 else rng.choices((field_ask, json_ask, _caption), (8, 1, 1))[0])(rng, facts) for i in range(number)]
    return Case(page.canvas.rgb, page.canvas.marks(), asks)
