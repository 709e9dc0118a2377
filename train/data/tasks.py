# SPDX-License-Identifier: Apache-2.0
"""The tasks whose pictures are drawn in colour: canvases, sizes of batches, questions a picture, how they are degraded."""

import dataclasses
import functools
import random
from collections.abc import Callable

from train.data import clips, contract, contract_pages, gui, infographic, markup, pages
from train.data.case import Case

Canvas = tuple[int, int]  # width, height


@dataclasses.dataclass(frozen=True)
class Task:
    draw: Callable[[random.Random, Canvas, bool, int], Case]
    canvases: dict[Canvas, int]  # how often each is used
    samples: int  # in a training batch
    asks: int  # questions about each
    turn: float = 0.0  # largest turn in degrees; also says that the paper's colours and light vary
    strength: float = 0.4  # of blur, noise and JPEG
    frames: int = 1  # pictures a sample, those of a clip counted singly


def _contract(number: int, samples: int) -> Task:
    return Task(functools.partial(contract_pages.draw, pages=number), {(512, 704): 3, (480, 672): 1}, samples, 2, 2.5, 0.8, number)


def _clip(seconds: int, samples: int, outer: bool = False) -> Task:
    draw = functools.partial(clips.draw, cut=clips.Cut(seconds, outer))
    return Task(draw, {(192, 128): 2, (256, 160): 1}, samples, 2, frames=seconds * clips.FPS)


TASKS = {
    "gui": Task(gui.draw, {(320, 640): 3, (384, 768): 3, (640, 448): 2, (768, 512): 2}, 48, 3),
    "contract": Task(contract.draw, {(512, 704): 3, (480, 672): 1}, 40, 3, turn=2.5, strength=0.8),
    "page": Task(pages.draw, {(384, 256): 2, (512, 256): 2, (384, 384): 2, (512, 384): 3, (512, 512): 2}, 72, 2, turn=1.2, strength=0.8),
    "info": Task(infographic.draw, {(512, 512): 3, (448, 576): 2, (640, 448): 3, (384, 512): 1}, 48, 4),
    "info-many": Task(infographic.many, {(640, 704): 1, (832, 512): 1}, 20, 6),
    "html": Task(markup.html, {(448, 576): 1, (448, 384): 1}, 32, 1),
    "flow": Task(markup.flow, {(448, 576): 1, (448, 448): 1}, 24, 1),
    "contract-2": _contract(2, 20),
    "contract-3": _contract(3, 14),
    "contract-5": _contract(5, 8),
    "contract-8": _contract(8, 5),
    "clip-15": _clip(15, 14),
    "clip-30": _clip(30, 8),
    "clip-30-outer": _clip(30, 8, True),
    "clip-60": _clip(60, 5),
}
SECOND = {"page": 32, "contract": 22, "contract-2": 14, "contract-3": 12, "contract-5": 10, "contract-8": 12}
FOURTH = {"": 10, "info-many": 20, "html": 9, "flow": 6, "clip-15": 12, "clip-30": 13, "clip-30-outer": 5, "clip-60": 25}


def of_step(rng: random.Random) -> list[str]:
    """The tasks of one step beside lines: screens and charts always, a page or a contract, and perhaps markup or a clip."""
    second, fourth = (rng.choices(list(weights), list(weights.values()))[0] for weights in (SECOND, FOURTH))
    return ["gui", second, "info", *([fourth] if fourth else [])]
