# SPDX-License-Identifier: Apache-2.0
"""Short texts whose answer has to be worked out: amounts of money as digits, sums, differences and growth.

On a line they cost little to draw and to train; contracts and charts then only have to find them.
"""

import random

from train.data.charts import growth, total
from train.data.values import Values, capital


def money(rng: random.Random) -> tuple[str, str]:
    """A written amount, mostly in capital numerals, and its digits."""
    cents = Values(rng, False).cents()
    digits, text = f"{cents / 100:,.2f}", capital(cents)
    forms = (text, text, text, f"人民币{text}", f"（大写：{text}）", f"¥{digits}", f"{digits}元", f"{cents / 1e6:g}万元" if cents % 10 ** 6 == 0 else text)
    return rng.choice(forms), f"{cents / 100:.2f}"


def calculation(rng: random.Random) -> tuple[str, str]:
    """`120-85` and `120-85=35`; growth and sums of several are written out as charts' answers are."""
    high = rng.choice((99, 199, 499, 999))
    kind = rng.choices(("sum", "difference", "growth", "several"), (2, 2, 6, 3))[0]

    def make() -> tuple[str, str]:
        a, b, c = (rng.randint(2, high) for _ in range(3))
        if kind == "sum":
            return f"{a}+{b}", f"{a}+{b}={a + b}"
        if kind == "difference":
            a, b = max(a, b), min(a, b)
            return f"{a}-{b}", f"{a}-{b}={a - b}"
        if kind == "several":
            text = total([a, b, c])
            return text.split("=")[0], text
        text = growth(max(9, a), b)
        return text.split("=")[0], text

    return Values(rng, False).draw(make, lambda pair: pair[0])
