# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of a training step, and what share of the GPU's peak a run reached: `python3 -m train.flops RECORD`.

Counts multiply-adds of matrix products and attention (a causal one as half), forward and backward (three times the
forward), each as two operations. Everything else is left out, so the share is a lower bound.
"""

import json
import pathlib
import sys

from train.data import packs, shapes
from train.model.config import Shape
from train.model.reading_head import SLOTS, ReadingHead

PEAK = 790e12  # bf16 matrix product measured on the machine the runs were made on (one NVIDIA H200)
PREFIX = 4


def picture(shape: Shape, width: int, height: int, suffix: int, answers: int) -> float:
    """Operations for one picture with its text, forward and backward."""
    patches = width * height // shape.patch ** 2
    tokens = patches // 4
    length = PREFIX + tokens + suffix
    wide, hidden = shape.vit_hidden, shape.hidden
    vit = patches * (shape.patch_values * wide + shape.vit_depth * (4 * wide ** 2 + 2 * wide * shape.vit_mlp + 2 * patches * wide))
    mergers = tokens * (1 + len(shape.deepstack)) * (16 * wide ** 2 + 4 * wide * hidden)
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    decoder = length * shape.layers * (2 * hidden * (query + key) + 3 * hidden * shape.mlp + length * query)
    inner = ReadingHead(1, 1).classes.in_features
    head = tokens * SLOTS * inner * (hidden + shapes.CLASSES)
    return 6.0 * (vit + mergers + decoder + answers * hidden * shape.vocab + head)


def mean(shape: Shape, canvases: dict[tuple[int, int], int], suffix: int, answers: int) -> float:
    total = sum(weight * picture(shape, *canvas, suffix, answers) for canvas, weight in canvases.items())
    return total / sum(canvases.values())


def per_step(shape: Shape, sizes: packs.Sizes) -> float:
    line = mean(shape, packs.LINE_CANVASES, packs.SUFFIX, packs.ANSWER)
    counted = mean(shape, packs.SHAPES_CANVASES, packs.SHAPES_SUFFIX, packs.SHAPES_ANSWER)
    return sizes.lines * line + sizes.shapes * counted


if __name__ == "__main__":
    record = json.loads(pathlib.Path(sys.argv[1]).read_text())
    operations = per_step(Shape(), packs.Sizes())
    rate = operations * record["steps"] / record["train_seconds"]
    print(f"{operations / 1e12:.2f} TFLOP a step, {rate / 1e12:.1f} TFLOP/s, {100 * rate / PEAK:.1f} % of the peak")
