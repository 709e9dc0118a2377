# SPDX-License-Identifier: Apache-2.0
"""A drawn picture and what may be asked about it."""

import dataclasses

import numpy as np

from train.data.encode import Form
from train.data.lines import Mark

COPIED = "\0"


def copied(text: str) -> str:
    """Marks an answer's piece as read off the picture or the question."""
    return COPIED + text


@dataclasses.dataclass
class Ask:
    """A question with its answer in pieces: one that starts with COPIED is spelled, a token a character, others are tokenized."""

    question: str
    pieces: list[str]
    kind: str
    facts: dict = dataclasses.field(default_factory=dict)  # what scores and tests want to know

    @property
    def answer(self) -> str:
        return "".join(piece.removeprefix(COPIED) for piece in self.pieces)


@dataclasses.dataclass
class Case:
    """One picture; several pages or a clip's frames have a further axis in front, and marks for each picture (each two frames)."""

    rgb: np.ndarray  # [H, W, 3] or [N, H, W, 3] uint8
    marks: list[Mark] | list[list[Mark]]
    asks: list[Ask]
    cells: np.ndarray | None = None  # what data/links.py says of each cell
    form: Form = Form()
    turns: list[tuple[int, int]] = dataclasses.field(default_factory=list)  # of a clip's groups: number of the step, second it began
