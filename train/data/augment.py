# SPDX-License-Identifier: Apache-2.0
"""From ink coverage or flat RGB to pictures that look photographed: on the GPU, a whole batch at a time.

Order: small affine change of the ink (with the marks moved along), colours, uneven light, blur, noise, JPEG.
data/pictures.py does the same on the CPU, with a real codec, for evaluation and the samples.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Annex K tables of the JPEG standard at quality 50.
LUMA = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87,
        80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92,
        95, 98, 112, 100, 103, 99]
CHROMA = [17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66] + [99] * 38
TO_YCC = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]


def degrade(rgb: Tensor, across: Tensor, down: Tensor, light: Tensor, blur: Tensor, noise: Tensor, quantum: Tensor,
            coded: Tensor, dct: Tensor, to_ycc: Tensor, to_rgb: Tensor) -> Tensor:
    """Uneven light, blur, noise and JPEG on pixels [B, 3, H, W] in 0..1; returns -1..1. Pure, so that it compiles.

    across [W] and down [H, 1]: places from -0.5 to 0.5. light [B, 3, 1, 1]: slope across, slope down, loss.
    blur and coded [B, 1, 1, 1]: side weight of the blur; whether the picture goes through JPEG.
    quantum [B, 3, 1, 1, 64]: the codec's steps.
    """
    rgb = rgb * (1 + light[:, 0:1] * across + light[:, 1:2] * down - light[:, 2:3])
    for axis in (2, 3):
        length = rgb.shape[axis]
        before = torch.cat([rgb.narrow(axis, 0, 1), rgb.narrow(axis, 0, length - 1)], axis)
        after = torch.cat([rgb.narrow(axis, 1, length - 1), rgb.narrow(axis, length - 1, 1)], axis)
        rgb = rgb * (1 - 2 * blur) + (before + after) * blur
    rgb = rgb + noise
    ycc = torch.stack([(rgb * row.view(1, 3, 1, 1)).sum(1) for row in to_ycc], 1)
    blocks = ycc.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4).flatten(4)
    coefficients = ((blocks @ dct.T) / quantum).round() * quantum
    blocks = (coefficients @ dct).unflatten(4, (8, 8)).transpose(3, 4)
    ycc = blocks.flatten(4, 5).flatten(2, 3)
    jpeg = torch.stack([(ycc * row.view(1, 3, 1, 1)).sum(1) for row in to_rgb], 1)
    return (rgb + (jpeg - rgb) * coded).clamp(0, 1) * 2 - 1


@dataclasses.dataclass(frozen=True)
class Motion:
    """How far a picture may move: degrees, shear, and the range of its scale beside one."""

    turn: float
    shear: float
    scale: tuple[float, float]


class Augment:
    """Random degradation of batches. Every draw is from the one generator, so a run repeats exactly."""

    def __init__(self, device: torch.device | str, seed: int, compiled: bool = False) -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        index = torch.arange(8.0)
        dct = torch.cos((2 * index[None] + 1) * index[:, None] * math.pi / 16) / 2
        dct[0] /= 2 ** 0.5
        to_ycc = torch.tensor(TO_YCC)
        # The 8 x 8 transform as one 64 x 64 matrix: rows (u, v), columns (i, j).
        self.constants = [table.to(self.device) for table in (torch.kron(dct, dct), to_ycc, torch.linalg.inv(to_ycc))]
        self.tables = torch.tensor([LUMA, CHROMA, CHROMA], dtype=torch.float32, device=self.device).view(1, 3, 1, 1, 64)
        self.halves: dict[tuple[int, int], Tensor] = {}
        self.degrade = torch.compile(degrade, dynamic=True) if compiled else degrade

    def uniform(self, size: int, low: float, high: float, *extra: int) -> Tensor:
        shape = (size, *extra) if extra else (size, 1, 1, 1)
        return torch.rand(shape, device=self.device, generator=self.generator) * (high - low) + low

    def often(self, size: int, probability: float) -> Tensor:
        return (self.uniform(size, 0.0, 1.0) < probability).float()

    def lines(self, ink: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        """Ink [B, H, W] uint8 to pixels [B, 3, H, W] in -1..1, and the moved marks."""
        coverage, marks = self._move(ink[:, None].float() / 255, marks.float(), Motion(1.2, 0.15, (-0.08, 0.03)), "zeros")
        paper, colour = self._colours(len(ink))
        return self._degrade(paper + (colour - paper) * coverage), marks

    def shapes(self, rgb: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        """RGB [B, H, W, 3] uint8 to pixels [B, 3, H, W] in -1..1; the marks stay."""
        return self._degrade(rgb.permute(0, 3, 1, 2).contiguous().float() / 255), marks.float()

    def pictures(self, rgb: Tensor, marks: Tensor, turn: float, strength: float) -> tuple[Tensor, Tensor]:
        """The same for a task's pictures. With a `turn` they are scans: turned up to so many degrees, unevenly lit."""
        pixels, marks = rgb.permute(0, 3, 1, 2).contiguous().float() / 255, marks.float()
        if turn:
            pixels, marks = self._move(pixels, marks, Motion(turn, 0.02, (-0.06, 0.01)), "border")
        return self._degrade(pixels, strength, 1.0 if turn else 0.0), marks

    def _move(self, pixels: Tensor, marks: Tensor, motion: Motion, outside: str) -> tuple[Tensor, Tensor]:
        """Half of the pictures are turned, sheared and scaled a little about their centre."""
        size, _, height, width = pixels.shape
        some = self.often(size, 0.5).view(-1)
        angle = self.uniform(size, -motion.turn, motion.turn).view(-1) * some * math.pi / 180
        shear = self.uniform(size, -motion.shear, motion.shear).view(-1) * some
        wide, high = (1 + self.uniform(size, *motion.scale).view(-1) * some for _ in range(2))
        # new = forward @ old, in pixels about the centre
        a, b, c, d = wide * angle.cos(), shear - angle.sin(), wide * angle.sin(), high * angle.cos()
        forward = torch.stack([a, b, c, d], -1).view(size, 2, 2)
        inverse = torch.stack([d, -b, -c, a], -1).view(size, 2, 2) / (a * d - b * c).view(-1, 1, 1)
        half = self._half(width, height)
        theta = torch.cat([inverse * half[None, None, :] / half[None, :, None], torch.zeros(size, 2, 1, device=self.device)], 2)
        grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
        moved = (marks[..., 1:] - half) @ forward.mT + half
        pixels = F.grid_sample(pixels, grid, align_corners=False, padding_mode=outside)
        return pixels, torch.cat([marks[..., :1], moved], -1)

    def _half(self, width: int, height: int) -> Tensor:
        """The centre; kept, since making a tensor from numbers waits for the device."""
        if (width, height) not in self.halves:
            self.halves[width, height] = torch.tensor([width / 2, height / 2], device=self.device)
        return self.halves[width, height]

    def _colours(self, size: int) -> tuple[Tensor, Tensor]:
        """Paper and ink colour [B, 3, 1, 1] with a luma distance that stays legible; mostly dark on light."""
        light = self.uniform(size, 0.72, 1.0)
        contrast = self.uniform(size, 0.38, 1.0)
        dark = (light - contrast).clamp(min=0.0)
        paper = light + self.uniform(size, -0.08, 0.08, 3, 1, 1)
        ink = dark + self.uniform(size, -0.25, 0.25, 3, 1, 1) * self.often(size, 0.4)
        swap = self.often(size, 0.2)
        return (paper + (ink - paper) * swap).clamp(0, 1), (ink + (paper - ink) * swap).clamp(0, 1)

    def _degrade(self, rgb: Tensor, strength: float = 1.0, lit: float = 1.0) -> Tensor:
        """Draws what happens to each picture, then lets it happen. `strength` scales how often and how much, `lit` how often
        the light is uneven."""
        size, _, height, width = rgb.shape
        across = torch.linspace(-0.5, 0.5, width, device=self.device)
        down = torch.linspace(-0.5, 0.5, height, device=self.device)[:, None]
        turn = self.uniform(size, 0.0, 2 * math.pi)
        slope = self.uniform(size, 0.0, 0.35) * self.often(size, 0.4 * lit)
        light = torch.cat([slope * turn.cos(), slope * turn.sin(), slope * 0.5], 1)
        blur = self.uniform(size, 0.0, 0.27 * strength) * self.often(size, 0.5 * strength)
        noise = torch.randn(rgb.shape, device=self.device, generator=self.generator)
        noise *= self.uniform(size, 0.0, 0.04 * strength) * self.often(size, 0.6 * strength)
        quality = self.uniform(size, 95.0 - 55.0 * strength, 95.0, 1, 1, 1, 1)
        coarse = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
        quantum = (self.tables * coarse).clamp(min=1.0) / 255
        return self.degrade(rgb, across, down, light, blur, noise, quantum, self.often(size, 0.5), *self.constants)
