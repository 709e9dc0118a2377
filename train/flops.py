# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of a training step, and what share of the GPU's peak a run reached: `python3 -m train.flops RECORD`.

Counts multiply-adds of matrix products and attention (a causal one as half), forward and backward (three times the
forward), each as two operations. Everything else is left out, so the share is a lower bound.
"""

import dataclasses
import json
import pathlib
import sys

from train.data import packs
from train.data.classes import CLASSES
from train.data.encode import Encoder
from train.model.config import Shape
from train.model.place_head import WIDTHS, PlaceHead
from train.model.reading_head import SLOTS, ReadingHead

PEAK = 790e12  # bf16 matrix product measured on the machine the runs were made on (one NVIDIA H200)


def of_batch(shape: Shape, encoder: Encoder, batch: packs.Batch) -> float:
    """Operations for one sample with its questions, forward and backward; lengths are those of the batch, padding included."""
    height, width = batch.pixels.shape[1:3]
    patches = width * height // shape.patch ** 2
    tokens, pictures = patches // 4, batch.form.pictures
    samples = len(batch.pixels) // (pictures * (2 if batch.form.fps else 1))
    length = sum(map(len, encoder.before(batch.form))) + pictures * tokens + batch.suffix.shape[1]
    wide, hidden = shape.vit_hidden, shape.hidden
    inputs = shape.patch_values * (2 if batch.form.fps else 1)
    vit = patches * (inputs * wide + shape.vit_depth * (4 * wide ** 2 + 2 * wide * shape.vit_mlp + 2 * patches * wide))
    mergers = tokens * (1 + len(shape.deepstack)) * (16 * wide ** 2 + 4 * wide * hidden)
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    decoder = length * shape.layers * (2 * hidden * (query + key) + 3 * hidden * shape.mlp + length * query)
    reading, place = ReadingHead(1, 1).classes.in_features, PlaceHead(1).classes.in_features
    heads = tokens * (SLOTS * reading * (hidden + CLASSES) + place * (hidden + sum(WIDTHS)))
    asks = len(batch.suffix) // samples
    return 6.0 * (pictures * (vit + mergers + heads) + asks * (decoder + batch.target.shape[1] * hidden * shape.vocab))


def per_step(shape: Shape, sizes: packs.Sizes, steps: int = 60) -> float:
    """The mean over some steps, drawn with a sixth of the samples."""
    encoder, small, total = Encoder(), dataclasses.replace(sizes, lines=4, shapes=4, share=sizes.share / 6), 0.0
    for step in range(1 << 12, (1 << 12) + steps):
        for batch in packs.make_pack(encoder, small, 1, step):
            samples = {"line": sizes.lines, "shape": sizes.shapes}.get(batch.kind) or sizes.samples(batch.kind)
            total += samples * of_batch(shape, encoder, batch)
    return total / steps


if __name__ == "__main__":
    record = json.loads(pathlib.Path(sys.argv[1]).read_text())
    operations = per_step(Shape(), packs.Sizes())
    rate = operations * record["steps"] / record["train_seconds"]
    print(f"{operations / 1e12:.2f} TFLOP a step, {rate / 1e12:.1f} TFLOP/s, {100 * rate / PEAK:.1f} % of the peak")
