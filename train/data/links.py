# SPDX-License-Identifier: Apache-2.0
"""What a picture's cells belong to, as numbers that the place head learns (model/place_head.py).

A cell of 32 x 32 px on a screen's component knows the component's centre; one that holds a chart's label knows the label's
values, whether each is the largest, and which of two charts it belongs to; a table's head knows its column. That is what the decoder would otherwise have to find out by looking along rows and columns.
"""

from collections.abc import Iterable

import numpy as np

CELL = 32
DIGITS = 4
BLANK = 10  # a number's places in front of its first digit
CENTRE = slice(0, 2)  # column and row of the centre in hundredths of the picture
NUMBERS = slice(2, 2 + 2 * DIGITS)  # two numbers, right-aligned digits
RANKS = slice(2 + 2 * DIGITS, 4 + 2 * DIGITS)  # of each number: 0 neither, 1 the largest, 2 the smallest
GROUP = 4 + 2 * DIGITS  # labels and titles: which chart of the picture; heads of a table's columns: 2 or 3
PANEL_GROUPS = (0, 1, 4, 5)
GROUPS = 6
CHANNELS = GROUP + 1
NONE = -1

Point = tuple[float, float]


class Links:
    """The table of one picture, [rows, columns, CHANNELS] int8, NONE where nothing is known."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = np.full((height // CELL, width // CELL, CHANNELS), NONE, np.int8)

    def clear(self) -> None:
        self.cells[:] = NONE

    def centre(self, box: tuple[float, float, float, float]) -> None:
        """All cells whose middle lies in the box, and the one at its centre, learn the centre."""
        left, top, right, bottom = box
        x, y = (left + right) / 2, (top + bottom) / 2
        if not (0 <= x < self.width and 0 <= y < self.height):
            return
        place = min(99, int(x / self.width * 100)), min(99, int(y / self.height * 100))
        columns = slice(max(0, int(np.ceil(left / CELL - 0.5))), max(0, int(np.floor(right / CELL - 0.5)) + 1))
        rows = slice(max(0, int(np.ceil(top / CELL - 0.5))), max(0, int(np.floor(bottom / CELL - 0.5)) + 1))
        self.cells[rows, columns, CENTRE] = place
        self.cells[int(y) // CELL, int(x) // CELL, CENTRE] = place

    def _at(self, points: Iterable[Point]) -> Iterable[np.ndarray]:
        for x, y in points:
            if 0 <= x < self.width and 0 <= y < self.height:
                yield self.cells[int(y) // CELL, int(x) // CELL]

    def group(self, points: Iterable[Point], group: int) -> None:
        for cell in self._at(points):
            cell[GROUP] = group

    def numbers(self, points: Iterable[Point], values: tuple[int, ...], ranks: tuple[int, ...] = ()) -> None:
        """The cells at these points learn one or two numbers of up to DIGITS digits, and perhaps their ranks."""
        row = np.full(2 * DIGITS, NONE, np.int8)
        for place, value in enumerate(values):
            text = str(value)[-DIGITS:]
            row[place * DIGITS:(place + 1) * DIGITS] = [BLANK] * (DIGITS - len(text)) + [int(char) for char in text]
        known = [*ranks, NONE, NONE][:2]
        for cell in self._at(points):
            cell[NUMBERS], cell[RANKS] = row, known
