# SPDX-License-Identifier: Apache-2.0
"""Values that task pictures show: names, amounts, dates, things to type. A tenth of them is reserved for evaluation.

`reserved` decides by a hash of the text alone, so that no generator can show a reserved value in training by accident:
`Values` throws away what its split must not use.
"""

import random
import string
import zlib
from collections.abc import Callable

from train.corpus.charset import ALL_HANZI
from train.data import vocab

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
TYPEABLE = "abcdefghjkmnpqrstuvwxyz23456789"
Date = tuple[int, int, int]


def reserved(text: str) -> bool:
    """True for the tenth of all texts that only evaluation may use."""
    return zlib.crc32(text.encode()) % 10 == 9


def _four_digits(value: int) -> str:
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = value // 10 ** place % 10
        if digit:
            text += ("零" if gap and text else "") + DIGITS[digit] + PLACES[place]
        gap = not digit
    return text


def capital(cents: int) -> str:
    """An amount in Chinese capital numerals, as contracts write it: 12.30 is 壹拾贰元叁角整."""
    yuan, fraction = divmod(cents, 100)
    text, gap = "", False
    for group, unit in ((yuan // 10 ** 8, "亿"), (yuan // 10 ** 4 % 10 ** 4, "万"), (yuan % 10 ** 4, "")):
        if group:
            text += ("零" if text and (gap or group < 1000) else "") + _four_digits(group) + unit
            gap = False
        elif text:
            gap = True
    text = (text or "零") + "元"
    if not fraction:
        return text + "整"
    tenths, hundredths = divmod(fraction, 10)
    text += DIGITS[tenths] + "角" if tenths else "零"
    return text + (DIGITS[hundredths] + "分" if hundredths else "整")


def written_date(rng: random.Random, date: Date) -> str:
    year, month, day = date
    return rng.choice((f"{year}年{month}月{day}日", f"{year}年{month:02d}月{day:02d}日", f"{year}-{month:02d}-{day:02d}",
                       f"{year}.{month}.{day}", f"{year}/{month:02d}/{day:02d}"))


def iso(date: Date) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*date)


class Values:
    """Draws values of one split: training (`held_out` false) or evaluation."""

    def __init__(self, rng: random.Random, held_out: bool) -> None:
        self.rng, self.held_out = rng, held_out

    def draw(self, make: Callable[[], object], text: Callable[[object], str] = str) -> object:
        """The first value of `make` that belongs to this split."""
        while reserved(text(value := make())) != self.held_out:
            pass
        return value

    def allows(self, text: str) -> bool:
        return reserved(text) == self.held_out

    def company(self) -> str:
        rng = self.rng
        hanzi = vocab.NAME_HANZI if rng.random() < 0.5 else ALL_HANZI
        return self.draw(lambda: rng.choice(vocab.CITIES) + "".join(rng.choices(hanzi, k=rng.choice((2, 2, 3))))
                         + rng.choice(vocab.TRADES) + rng.choice(vocab.FORMS))

    def person(self) -> str:
        rng = self.rng
        return self.draw(lambda: rng.choice(vocab.SURNAMES) + "".join(rng.choices(vocab.GIVEN, k=rng.choice((1, 2, 2)))))

    def cents(self) -> int:
        """An amount of money; half are round, a quarter has cents."""
        rng = self.rng

        def make() -> int:
            lot = rng.random()
            if lot < 0.25:
                return rng.randint(1, 999) * 100_000
            if lot < 0.5:
                return rng.randint(10, 9999) * 10_000 * rng.choice((1, 10))
            whole = rng.randint(1000, 10 ** rng.randint(4, 7))
            return whole * 100 + (rng.randint(1, 99) if lot > 0.75 else 0)

        return self.draw(make, lambda cents: f"{cents / 100:.2f}")

    def date(self) -> Date:
        rng = self.rng
        return self.draw(lambda: (rng.randint(2015, 2029), rng.randint(1, 12), rng.randint(1, 28)), iso)

    def number(self, low: int, high: int) -> int:
        return self.draw(lambda: self.rng.randint(low, high))

    def typed(self, kind: str) -> str:
        """A value for a form's field of this kind (the third item of vocab.FIELDS)."""
        if kind == "person":
            return self.person()
        makers = {"phone": lambda: "1" + self._some("3456789", 1) + self._some(string.digits, 9),
                  "code": lambda: self._some(string.digits, self.rng.choice((4, 6))),
                  "number": lambda: str(self.rng.randint(1, 9999)),
                  "password": lambda: self._some(TYPEABLE, self.rng.randint(6, 8)),
                  "email": lambda: f"{self._some(TYPEABLE, 5)}@{self.rng.choice(('qq', '163', 'mail'))}.com",
                  "user": lambda: self._some(string.ascii_lowercase, self.rng.randint(4, 6)) + self._some(string.digits, 2),
                  "note": lambda: "".join(self.rng.choices(ALL_HANZI, k=self.rng.randint(2, 5)))}
        return self.draw(makers[kind])

    def _some(self, characters: str, number: int) -> str:
        return "".join(self.rng.choices(characters, k=number))
