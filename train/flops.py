# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of a training step, and what share of the GPU's peak a run reached: `python3 -m train.flops RECORD`.

Counts multiply-adds of matrix products and attention (a causal one as half), forward and backward (three times the
forward), each as two operations. Everything else is left out, so the share is a lower bound.
"""

import dataclasses
import json
import pathlib
import sys

from train.data import packs, tasks
from train.data.classes import CLASSES
from train.data.encode import Encoder
from train.model.config import Shape
from train.model.reading_head import SLOTS, ReadingHead

PEAK = 790e12  # bf16 matrix product measured on the machine the runs were made on (one NVIDIA H200)
PREFIX = 4


def picture(shape: Shape, canvas: tuple[int, int], asks: int, lengths: tuple[int, int]) -> float:
    """Operations for one picture with its questions, forward and backward."""
    (width, height), (suffix, answers) = canvas, lengths
    patches = width * height // shape.patch ** 2
    tokens = patches // 4
    length = PREFIX + tokens + suffix
    wide, hidden = shape.vit_hidden, shape.hidden
    vit = patches * (shape.patch_values * wide + shape.vit_depth * (4 * wide ** 2 + 2 * wide * shape.vit_mlp + 2 * patches * wide))
    mergers = tokens * (1 + len(shape.deepstack)) * (16 * wide ** 2 + 4 * wide * hidden)
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    decoder = length * shape.layers * (2 * hidden * (query + key) + 3 * hidden * shape.mlp + length * query)
    inner = ReadingHead(1, 1).classes.in_features
    head = tokens * SLOTS * inner * (hidden + CLASSES)
    return 6.0 * (vit + mergers + asks * (decoder + answers * hidden * shape.vocab) + head)


def mean(shape: Shape, canvases: dict[tuple[int, int], int], asks: int, lengths: tuple[int, int]) -> float:
    """Over a task's canvases; `lengths` are those of suffix and answer, padding included."""
    total = sum(weight * picture(shape, canvas, asks, lengths) for canvas, weight in canvases.items())
    return total / sum(canvases.values())


def per_step(shape: Shape, sizes: packs.Sizes, steps: int = 60) -> float:
    """The mean over some late steps of a run, from the lengths that were really drawn."""
    encoder, small, total = Encoder(), dataclasses.replace(sizes, share=sizes.share / 6), 0.0
    for step in range(1 << 12, (1 << 12) + steps):
        for batch in packs.make_pack(encoder, dataclasses.replace(small, lines=2, shapes=2), 1, step):
            kind, lengths = batch.kind, (batch.suffix.shape[1], batch.target.shape[1])
            if kind == "line":
                total += sizes.lines * mean(shape, packs.LINE_CANVASES, 1, lengths)
            elif kind == "shape":
                total += sizes.shapes * mean(shape, packs.SHAPES_CANVASES, 1, lengths)
            else:
                total += sizes.pictures(kind) * mean(shape, tasks.TASKS[kind].canvases, tasks.TASKS[kind].asks, lengths)
    return total / steps


if __name__ == "__main__":
    record = json.loads(pathlib.Path(sys.argv[1]).read_text())
    operations = per_step(Shape(), packs.Sizes())
    rate = operations * record["steps"] / record["train_seconds"]
    print(f"{operations / 1e12:.2f} TFLOP a step, {rate / 1e12:.1f} TFLOP/s, {100 * rate / PEAK:.1f} % of the peak")
