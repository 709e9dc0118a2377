# SPDX-License-Identifier: Apache-2.0
"""The tasks whose pictures are drawn in colour: canvases, sizes of batches, questions a picture, how they are degraded."""

import dataclasses
import random
from collections.abc import Callable

from train.data import contract, gui, infographic, markup, pages
from train.data.case import Case

Canvas = tuple[int, int]  # width, height


@dataclasses.dataclass(frozen=True)
class Task:
    draw: Callable[[random.Random, Canvas, bool, int], Case]
    canvases: dict[Canvas, int]  # how often each is used
    pictures: int  # in a training batch
    asks: int  # questions about each
    turn: float = 0.0  # largest turn in degrees; also says that the paper's colours and light vary
    strength: float = 0.4  # of blur, noise and JPEG


TASKS = {
    "gui": Task(gui.draw, {(320, 640): 3, (384, 768): 3, (640, 448): 2, (768, 512): 2}, 48, 3),
    "contract": Task(contract.draw, {(512, 704): 3, (480, 672): 1}, 40, 3, turn=2.5, strength=0.8),
    "page": Task(pages.draw, {(384, 256): 2, (512, 256): 2, (384, 384): 2, (512, 384): 3, (512, 512): 2}, 72, 2, turn=1.2, strength=0.8),
    "info": Task(infographic.draw, {(512, 512): 3, (448, 576): 2, (640, 448): 3, (384, 512): 1}, 48, 4),
    "html": Task(markup.html, {(448, 576): 1, (448, 384): 1}, 32, 1),
    "flow": Task(markup.flow, {(448, 576): 1, (448, 448): 1}, 24, 1),
}
EARLY_STEPS = 250  # in which pages, the bridge from lines to everything else, come more often


def of_step(rng: random.Random, step: int) -> list[str]:
    """The tasks of one step beside lines: screens always, then a page or a contract, then a chart or markup."""
    pages_share = 0.75 if step < EARLY_STEPS else 0.4
    second = "page" if rng.random() < pages_share else "contract"
    third, = rng.choices(("info", "html", "flow"), (64, 22, 14))
    return ["gui", second, third]
