# SPDX-License-Identifier: Apache-2.0
"""Pictures of coloured shapes, and a question of how many there are of one kind."""

import colorsys
import dataclasses
import math
import random

import cv2
import numpy as np

from train.data import prompts
from train.data.classes import shape_class
from train.data.lines import Mark

COLOURS = tuple(prompts.COLOURS)
KINDS = tuple(prompts.KINDS)
HUES = {"red": 0.0, "green": 0.35, "blue": 0.62, "yellow": 0.145, "purple": 0.79}
MAX_COUNT = 9
MAX_SHAPES = 14
_SHIFT = 4  # fractional bits of cv2's coordinates


@dataclasses.dataclass
class ShapesPicture:
    """An RGB picture, the shapes' marks in reading order, and the question put about it."""

    rgb: np.ndarray
    marks: list[Mark]
    colour: str | None
    kind: str
    count: int


def _ink(rng: random.Random, colour: str) -> tuple[int, int, int]:
    if colour == "black":
        level = rng.randint(0, 45)
        return level, level, level
    hue = HUES[colour] + rng.uniform(-0.02, 0.02)
    light = rng.uniform(0.85, 1.0) if colour == "yellow" else rng.uniform(0.55, 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, rng.uniform(0.7, 1.0), light)
    return round(red * 255), round(green * 255), round(blue * 255)


def _corners(kind: str, radius: float, angle: float) -> list[tuple[float, float]]:
    if kind == "square":
        return [(radius * 1.2 * math.cos(angle + (i + 0.5) * math.pi / 2), radius * 1.2 * math.sin(angle + (i + 0.5) * math.pi / 2))
                for i in range(4)]
    if kind == "triangle":
        return [(radius * 1.2 * math.sin(angle + i * 2 * math.pi / 3), -radius * 1.2 * math.cos(angle + i * 2 * math.pi / 3))
                for i in range(3)]
    reach = [radius * (1.2 if i % 2 == 0 else 0.5) for i in range(10)]
    return [(r * math.sin(angle + i * math.pi / 5), -r * math.cos(angle + i * math.pi / 5)) for i, r in enumerate(reach)]


def _stamp(rgb: np.ndarray, kind: str, ink: tuple[int, int, int], x: float, y: float, radius: float, angle: float) -> None:
    scale = 1 << _SHIFT
    if kind == "circle":
        cv2.circle(rgb, (round(x * scale), round(y * scale)), round(radius * scale), ink, -1, cv2.LINE_AA, _SHIFT)
        return
    points = np.array([(round((x + dx) * scale), round((y + dy) * scale)) for dx, dy in _corners(kind, radius, angle)], np.int32)
    cv2.fillPoly(rgb, [points], ink, cv2.LINE_AA, _SHIFT)


def _members(rng: random.Random, count: int, colour: str | None, kind: str) -> list[tuple[str, str]]:
    """`count` shapes that answer the question, then distractors that do not; half of them differ in one trait only."""
    members = [(colour or rng.choice(COLOURS), kind) for _ in range(count)]
    while len(members) < MAX_SHAPES and rng.random() < 0.82:
        other = (rng.choice(COLOURS), rng.choice(KINDS))
        if colour and rng.random() < 0.5:
            other = rng.choice(((colour, other[1]), (other[0], kind)))
        if other[1] != kind or (colour and other[0] != colour):
            members.append(other)
    return members


def _places(rng: random.Random, number: int, width: int, height: int) -> list[tuple[float, float, float]]:
    """Centres and radii of `number` discs that do not touch; the radius shrinks until they fit."""
    largest = rng.uniform(12, 30)
    placed: list[tuple[float, float, float]] = []
    tries = 0
    while len(placed) < number:
        radius = max(8.0, rng.uniform(0.6, 1.0) * largest)
        reach = radius * 1.25
        x, y = rng.uniform(reach, width - reach), rng.uniform(reach, height - reach)
        if all((x - a) ** 2 + (y - b) ** 2 > (1.25 * (radius + c) + 1) ** 2 for a, b, c in placed):
            placed.append((x, y, radius))
        tries += 1
        if tries % 40 == 0:
            largest = max(8.0, largest * 0.85)
    return placed


def draw_shapes(rng: random.Random, width: int, height: int) -> ShapesPicture:
    """The count asked for is uniform over 0 to 9, so that no number is a good guess."""
    count = rng.randint(0, MAX_COUNT)
    kind = rng.choice(KINDS)
    colour = rng.choice(COLOURS) if rng.random() < 0.75 else None
    members = _members(rng, count, colour, kind)
    paper = rng.randint(205, 255)
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:] = [min(255, max(170, paper + rng.randint(-14, 14))) for _ in range(3)]
    one_ink_each = {name: _ink(rng, name) for name in COLOURS} if rng.random() < 0.5 else None
    marks: list[Mark] = []
    for (name, form), (x, y, radius) in zip(members, _places(rng, len(members), width, height)):
        ink = one_ink_each[name] if one_ink_each else _ink(rng, name)
        _stamp(rgb, form, ink, x, y, radius, rng.uniform(-0.3, 0.3))
        marks.append((shape_class(name, form), x, y))
    marks.sort(key=lambda mark: mark[1])
    return ShapesPicture(rgb, marks, colour, kind, count)
