# SPDX-License-Identifier: Apache-2.0
"""A contract of several pages, each a picture: the parties on the first, the amount on any but the last, the date on the last.

A third of training's contracts have the amount as the total of a ruled bill, mostly there alone. In the layout that training never
shows (`table`) it stands only in the last row of a grid of items.
"""

import random

import numpy as np

from train.data import vocab
from train.data.canvas import text_width
from train.data.case import Case
from train.data.contract import Clauses, Facts, Page, body, draw_facts, field_ask, head, json_ask, sign
from train.data.encode import Form
from train.data.values import Values

MANY = 20  # clauses: more than fit on a page


BILLED = 0.33  # of training's contracts
CLAUSE_TOO = 0.2  # of the billed ones: an amount in a clause beside it
TOTALS = ("合计", "总金额", "合同总价", "价款合计", "金额合计", "含税合计")


def _parts(rng: random.Random, cents: int, rows: int) -> list[int]:
    """Amounts that add up, all but the last of whole yuan."""
    shares = sorted(rng.sample(range(1, 20), rows - 1))
    parts = [cents * (b - a) // 2000 * 100 for a, b in zip([0, *shares], [*shares, 20])]
    parts[-1] = cents - sum(parts[:-1])
    return parts


def _bill(page: Page, facts: Facts) -> None:
    """Training's table: rules between rows but none between columns, two to four columns, amounts on the right."""
    rng, canvas = page.rng, page.canvas
    size, pitch = min(17, page.size), page.pitch + rng.randint(0, 6)
    room = int((canvas.height - 36 - page.y) / pitch) - 2  # beside the first row and the last
    parts = _parts(rng, facts.cents, max(1, min(rng.randint(1, 5), room)))
    many = rng.random() < 0.5
    sign = rng.choice(("", "", "¥"))
    ends = [page.left, page.left + (110 if many else 180), canvas.width - page.left - 160, canvas.width - page.left]
    rows = [(rng.choice(("名称", "服务名称", "设备名称")), "数量" if many else "", "单价" if many else "", rng.choice(("金额（元）", "金额", "价款")))]
    for cents in parts:
        number = rng.randint(1, 20)
        name = rng.choice(vocab.TRADES)[:4] + rng.choice(("设备", "服务", "材料"))
        rows.append((name, str(number) if many else "", f"{cents // number / 100:,.2f}" if many else "", f"{cents / 100:,.2f}"))
    rows.append((rng.choice(TOTALS) + rng.choice(("", "：")), "", "", f"{sign}{facts.cents / 100:,.2f}"))
    canvas.box((ends[0], page.y, ends[-1], page.y + 2), page.ink)
    for place, (name, number, price, amount) in enumerate(rows):
        y = page.y + pitch / 2
        canvas.text((ends[0] + 4, y), name, page.font, size, page.ink)
        canvas.text((ends[1] + 24, y), number, page.font, size, page.ink)
        canvas.text((ends[2], y), price, page.font, size, page.ink, "m")
        right = canvas.text((ends[3] - 6, y), amount, page.font, size, page.ink, "r")
        if place == len(rows) - 1:
            canvas.mark("amount", right - text_width(amount, page.font, size) + size / 2, y)
        page.y += pitch
        canvas.box((ends[0], page.y, ends[-1], page.y + (1 if place else 2)), page.ink)
    page.y += page.pitch


def _items(page: Page, facts: Facts, values: Values) -> None:
    """Evaluation's table, whose last row is the amount."""
    rng, canvas, rows = page.rng, page.canvas, page.rng.randint(2, 4)
    parts = _parts(rng, facts.cents, rows)
    lines = [("序号", "名称", "金额（元）")]
    lines += [(str(number), rng.choice(vocab.TRADES) + rng.choice(("设备", "服务", "材料")), f"{cents / 100:,.2f}")
              for number, cents in enumerate(parts, 1)]
    lines.append(("合计", "", f"{facts.cents / 100:,.2f}"))
    columns = [page.left, page.left + 60, canvas.width - page.left - 150, canvas.width - page.left]
    for line in lines:
        for left, right, text in zip(columns, columns[1:], line):
            canvas.box((left, page.y, right + 1, page.y + page.pitch + 1), outline=page.ink)
            canvas.text(((left + right) / 2, page.y + page.pitch / 2), text, page.font, min(16, page.size), page.ink, "m")
        page.y += page.pitch
    page.y += page.pitch


def draw(rng: random.Random, canvas: tuple[int, int], held_out: bool, number: int, pages: int = 2, table: bool = False) -> Case:
    """A case of `pages` pictures."""
    width, height = canvas
    values = Values(rng, held_out)
    facts = draw_facts(rng, values)
    with_amount = rng.randrange(pages - 1) if facts.missing != "金额" else pages
    billed = not held_out and rng.random() < BILLED
    page, drawn, clause = Page(rng, width, height), [], 1
    for place in range(pages):
        if place:
            page = page.next()
        else:
            head(page, facts, values)
        last = place == pages - 1
        limit = height - (190 if last else 40)
        if table and place == with_amount:
            _items(page, facts, values)
        if billed and place == with_amount:
            clause = body(page, facts, values, height - 330, Clauses(clause, rng.randint(0, 3), rng.random() < CLAUSE_TOO))
            _bill(page, facts)
        most = rng.randint(0, 4) if last else MANY
        clause = body(page, facts, values, limit, Clauses(clause, most, place == with_amount and not (table or billed)))
        if last:
            sign(page, facts, values, max(page.y + 10, height - rng.randint(165, 400)))
        page.canvas.text((width / 2, height - 18), f"第{place + 1}页 共{pages}页", page.font, 14, page.ink, "m")
        drawn.append(page.canvas)
    asks = [json_ask(rng, facts) if i == 0 else field_ask(rng, facts) for i in range(number)]
    return Case(np.stack([page.rgb for page in drawn]), [page.marks() for page in drawn], asks, form=Form(pages))
