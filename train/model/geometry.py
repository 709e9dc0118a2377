# SPDX-License-Identifier: Apache-2.0
"""Constant tables of one canvas size: position interpolation, rotary angles, patch order.

All of a batch share a canvas, so these are computed once per canvas instead of once per forward.
"""

import dataclasses
from collections.abc import Sequence

import torch

from train.model.config import Shape


@dataclasses.dataclass
class Geometry:
    """Tables for a canvas of `rows` x `cols` patches (patches in merge-block order, 2 x 2 blocks in raster order)."""

    rows: int
    cols: int
    pos_index: torch.Tensor  # [4, N] rows of the position table
    pos_weight: torch.Tensor  # [4, N, 1] their bilinear weights
    vit_cos: torch.Tensor  # [N, head_dim]
    vit_sin: torch.Tensor

    @property
    def tokens(self) -> int:
        return self.rows * self.cols // 4


def patch_order(rows: int, cols: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of each patch, enumerated block by block."""
    row = torch.arange(rows).view(rows // 2, 1, 2, 1).expand(-1, cols // 2, -1, 2).reshape(-1)
    col = torch.arange(cols).view(1, cols // 2, 1, 2).expand(rows // 2, -1, 2, -1).reshape(-1)
    return row, col


def _axis(index: torch.Tensor, length: int, grid: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Lower and upper grid row of each index and the upper one's weight; align-corners, as Qwen3-VL does it."""
    place = index.float() * (grid - 1) / max(length - 1, 1)
    low = place.floor().long()
    return low, (low + 1).clamp(max=grid - 1), place - low


def geometry(shape: Shape, width: int, height: int, device: torch.device | str = "cpu") -> Geometry:
    rows, cols = height // shape.patch, width // shape.patch
    row, col = patch_order(rows, cols)
    top, bottom, down = _axis(row, rows, shape.grid)
    left, right, across = _axis(col, cols, shape.grid)
    upper, lower = top * shape.grid, bottom * shape.grid
    index = torch.stack([upper + left, upper + right, lower + left, lower + right])
    weight = torch.stack([(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across])
    spatial = shape.head_dim // 2
    inverse = 1.0 / shape.vit_rope_theta ** (torch.arange(0, spatial, 2).float() / spatial)
    angles = torch.cat([row[:, None] * inverse, col[:, None] * inverse], 1).repeat(1, 2)
    tables = (index, weight[..., None], angles.cos(), angles.sin())
    return Geometry(rows, cols, *(table.to(device) for table in tables))


@dataclasses.dataclass
class Layout:
    """A sequence's form: texts and pictures in turn, then the suffix, which varies. All pictures share one geometry."""

    geometry: Geometry
    before: tuple[tuple[int, ...], ...]  # token ids before each picture
    ids: torch.Tensor  # [L] those texts, with 0 where a picture's tokens come
    places: torch.Tensor  # [pictures * tokens] where they come

    @property
    def length(self) -> int:
        return len(self.ids)


def layout(image: Geometry, before: Sequence[Sequence[int]]) -> Layout:
    ids: list[int] = []
    places: list[torch.Tensor] = []
    for text in before:
        ids += text
        places.append(torch.arange(len(ids), len(ids) + image.tokens))
        ids += [0] * image.tokens
    device = image.pos_index.device
    return Layout(image, tuple(map(tuple, before)), torch.tensor(ids).to(device), torch.cat(places).to(device))


def text_positions(before: Sequence[int], image: Geometry | None, suffix: int) -> torch.Tensor:
    """Positions (t, h, w) of texts of these lengths with a picture behind each, and of the suffix: [3, L]."""
    parts, now = [], 0
    for length in before:
        rows, cols = image.rows // 2, image.cols // 2
        parts.append(torch.arange(now, now + length).expand(3, -1))
        now += length
        parts.append(torch.stack([torch.zeros(rows * cols, dtype=torch.long), torch.arange(rows).repeat_interleave(cols),
                                  torch.arange(cols).repeat(rows)]) + now)
        now += max(rows, cols)
    return torch.cat([*parts, torch.arange(now, now + suffix).expand(3, -1)], 1)


def rotary(shape: Shape, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin [L, head_dim] of the decoder's interleaved rotary embedding."""
    inverse = 1.0 / shape.rope_theta ** (torch.arange(0, shape.head_dim, 2).float() / shape.head_dim)
    angles = positions[..., None].float() * inverse  # [3, L, head_dim / 2]
    mixed = angles[0].clone()
    for axis in (1, 2):
        channels = slice(axis, shape.mrope[axis] * 3, 3)
        mixed[:, channels] = angles[axis][:, channels]
    mixed = mixed.repeat(1, 2)
    return mixed.cos(), mixed.sin()
