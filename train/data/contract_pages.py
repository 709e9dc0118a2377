# SPDX-License-Identifier: Apache-2.0
"""A contract of several pages, each a picture: the parties on the first, the amount on any but the last, the date on the last.

In the layout that training never shows (`table`) the amount stands only as the total of a table of items.
"""

import random

import numpy as np

from train.data import vocab
from train.data.case import Case
from train.data.contract import Clauses, Facts, Page, body, draw_facts, field_ask, head, json_ask, sign
from train.data.encode import Form
from train.data.values import Values

MANY = 20  # clauses: more than fit on a page


def _items(page: Page, facts: Facts, values: Values) -> None:
    """A table whose last row is the amount."""
    rng, canvas, rows = page.rng, page.canvas, page.rng.randint(2, 4)
    shares = sorted(rng.sample(range(1, 20), rows - 1))
    parts = [facts.cents * (b - a) // 2000 * 100 for a, b in zip([0, *shares], [*shares, 20])]
    parts[-1] = facts.cents - sum(parts[:-1])
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
        most = rng.randint(0, 4) if last else MANY
        clause = body(page, facts, values, limit, Clauses(clause, most, place == with_amount and not table))
        if last:
            sign(page, facts, values, max(page.y + 10, height - rng.randint(165, 400)))
        page.canvas.text((width / 2, height - 18), f"第{place + 1}页 共{pages}页", page.font, 14, page.ink, "m")
        drawn.append(page.canvas)
    asks = [json_ask(rng, facts) if i == 0 else field_ask(rng, facts) for i in range(number)]
    return Case(np.stack([page.rgb for page in drawn]), [page.marks() for page in drawn], asks, form=Form(pages))
