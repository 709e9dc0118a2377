# SPDX-License-Identifier: Apache-2.0
"""An RGB picture under construction, which remembers where each glyph and widget stands.

Text is copied from the glyph cache, forms are drawn by OpenCV with fractional coordinates. Marks are for the reading
head (model/reading_head.py): widgets first, then glyphs in reading order.
"""

import functools

import cv2
import numpy as np

from train.data import fonts
from train.data.classes import GLYPH_CLASS, WIDGET_CLASS
from train.data.lines import Mark
from train.data.links import Links

_SHIFT = 3  # fractional bits of OpenCV's coordinates
_SCALE = 1 << _SHIFT

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def _spread(text: str, font: str, size: int) -> tuple[np.ndarray, tuple[tuple[int, float], ...], int]:
    """Ink of a text without its place: coverage, (class, centre) of each visible glyph, advance."""
    glyphs = [fonts.glyph(font, size, char) for char in text]
    total = sum(advance for _, advance, _ in glyphs)
    ink = np.zeros((int(size * fonts.LINE_HEIGHT), total + size), np.uint8)
    centres, x = [], 0
    for char, (bitmap, advance, left) in zip(text, glyphs):
        if char != " ":
            start = max(x + left, 0)
            area = ink[:, start:start + bitmap.shape[1]]
            np.maximum(area, bitmap[:, :area.shape[1]], out=area)
            if char in GLYPH_CLASS:
                centres.append((GLYPH_CLASS[char], x + advance / 2))
        x += advance
    return ink, tuple(centres), total


_remembered = functools.lru_cache(maxsize=4096)(_spread)


def text_width(text: str, font: str, size: int) -> int:
    return sum(fonts.glyph(font, size, char)[1] for char in text)


class Canvas:
    def __init__(self, width: int, height: int, paper: Colour) -> None:
        self.width, self.height = width, height
        self.rgb = np.empty((height, width, 3), np.uint8)
        self.rgb[:] = paper
        self.glyphs: list[Mark] = []
        self.widgets: list[Mark] = []
        self.links = Links(width, height)

    def text(self, place: tuple[float, float], text: str, font: str, size: int, colour: Colour, anchor: str = "l") -> float:
        """Writes one line whose vertical middle is `place[1]`; anchor l, m or r says what `place[0]` is. Returns its right end."""
        spread = _remembered if len(text) < 9 else _spread
        ink, centres, total = spread(text, fonts.resolved(font), size)
        left = round(place[0] - {"l": 0, "m": total / 2, "r": total}[anchor])
        top = round(place[1] - size * 0.6)
        y, x = max(top, 0), max(left, 0)
        ink = ink[y - top:max(0, self.height - top), x - left:max(0, self.width - left)]
        if ink.size:
            area = self.rgb[y:y + ink.shape[0], x:x + ink.shape[1]]
            area[:] = _blend(area, colour, ink)
        middle = top + size * 0.6
        self.glyphs += [(kind, left + centre, middle) for kind, centre in centres]
        return left + total

    def places(self, first: int) -> list[tuple[float, float]]:
        """Where the glyphs from number `first` on stand."""
        return [mark[1:] for mark in self.glyphs[first:]]

    def mark(self, name: str, x: float, y: float) -> None:
        self.widgets.append((WIDGET_CLASS[name], x, y))

    def box(self, box: Box, fill: Colour | None = None, outline: Colour | None = None, width: int = 1) -> None:
        left, top, right, bottom = (round(value) for value in box)
        if fill is not None:
            self.rgb[max(top, 0):max(bottom, 0), max(left, 0):max(right, 0)] = fill
        if outline is not None:
            cv2.rectangle(self.rgb, (left, top), (right - 1, bottom - 1), outline, width)

    def rounded(self, box: Box, radius: float, fill: Colour, outline: Colour | None = None) -> None:
        left, top, right, bottom = (round(value) for value in box)
        radius = int(min(radius, (right - left) / 2, (bottom - top) / 2))
        if outline is not None:
            self.rounded((left, top, right, bottom), radius, outline)
            self.rounded((left + 1, top + 1, right - 1, bottom - 1), radius - 1, fill)
            return
        if radius < 2:
            self.box((left, top, right, bottom), fill)
            return
        self.box((left + radius, top, right - radius, bottom), fill)
        self.box((left, top + radius, right, bottom - radius), fill)
        for x in (left + radius, right - radius - 1):
            for y in (top + radius, bottom - radius - 1):
                cv2.circle(self.rgb, (x, y), radius, fill, -1, cv2.LINE_AA)

    def disc(self, x: float, y: float, radius: float, fill: Colour, width: int = -1) -> None:
        cv2.circle(self.rgb, (round(x * _SCALE), round(y * _SCALE)), round(radius * _SCALE), fill, width, cv2.LINE_AA, _SHIFT)

    def polyline(self, points: list[tuple[float, float]], colour: Colour, width: int = 2) -> None:
        cv2.polylines(self.rgb, [self._fixed(points)], False, colour, width, cv2.LINE_AA, _SHIFT)

    def polygon(self, points: list[tuple[float, float]], fill: Colour) -> None:
        cv2.fillPoly(self.rgb, [self._fixed(points)], fill, cv2.LINE_AA, _SHIFT)

    @staticmethod
    def _fixed(points: list[tuple[float, float]]) -> np.ndarray:
        return np.array([(round(x * _SCALE), round(y * _SCALE)) for x, y in points], np.int32)

    def marks(self) -> list[Mark]:
        """Widgets, then glyphs line by line; those off the canvas are left out."""
        every = self.widgets + sorted(self.glyphs, key=lambda mark: (mark[2], mark[1]))
        return [mark for mark in every if 0 <= mark[1] < self.width and 0 <= mark[2] < self.height]


def _blend(area: np.ndarray, colour: Colour, ink: np.ndarray) -> np.ndarray:
    below = area.astype(np.int16)
    return below + (np.array(colour, np.int16) - below) * (ink[..., None].astype(np.float32) / 255)
