# SPDX-License-Identifier: Apache-2.0
"""Dense supervision of place, in training only: the reading head's counterpart.

Each merged token names its own column and row in hundredths of the picture, the centre of the component it lies on, and the
numbers that belong to the label it holds (data/links.py). Without it labels were right where places were not: what stands beside
each other differs in nothing but position, which a token need not carry in its content until something asks for it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.data import links

HUNDREDTHS = 100
WIDTHS = (HUNDREDTHS,) * 4 + (links.BLANK + 1,) * (2 * links.DIGITS) + (3, 3, links.GROUPS)  # own place, centre, digits, ranks, group


class PlaceHead(nn.Module):
    def __init__(self, hidden: int, width: int = 192) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.inner = nn.Linear(hidden, width)
        self.classes = nn.Linear(width, -(-sum(WIDTHS) // 16) * 16)  # odd widths have slow matrix products

    def grow_from(self, state: dict[str, Tensor]) -> None:
        """Starts from an earlier head, which may have known fewer classes; new ones are added at the end only."""
        own = self.state_dict()
        for name, value in state.items():
            own[name][:len(value)] = value
        self.load_state_dict(own)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, M, hidden] to scores [B, M, sum(WIDTHS)]."""
        return self.classes(F.gelu(self.inner(self.norm(tokens))))[..., :sum(WIDTHS)]


def own_places(columns: int, rows: int, device: torch.device) -> Tensor:
    """[rows * columns, 2]: column and row of each cell's middle in hundredths."""
    across = (torch.arange(columns, device=device) * 2 + 1) * HUNDREDTHS // (2 * columns)
    down = (torch.arange(rows, device=device) * 2 + 1) * HUNDREDTHS // (2 * rows)
    return torch.stack([across.repeat(rows), down.repeat_interleave(columns)], -1)


def place_loss(scores: Tensor, own: Tensor, cells: Tensor) -> Tensor:
    """Mean over what is known of scores [B, M, sum(WIDTHS)]; own [M, 2]; cells [B, M, CHANNELS] or [B, 0, CHANNELS] for none."""
    parts = scores.float().split(WIDTHS, -1)
    wanted = list(own.expand(len(scores), -1, -1).unbind(-1))
    if cells.shape[1]:
        wanted += cells.long().unbind(-1)
    total = scores.new_zeros((), dtype=torch.float32)
    for part, target in zip(parts, wanted):
        losses = F.cross_entropy(part.flatten(0, 1), target.flatten(), ignore_index=links.NONE, reduction="sum")
        total = total + losses / (target != links.NONE).sum().clamp(min=1)
    return total / 4
