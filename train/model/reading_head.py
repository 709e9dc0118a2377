# SPDX-License-Identifier: Apache-2.0
"""Dense supervision of the vision tower, used in training only.

Next-token loss alone teaches the language prior first and reading very late. So each merged token (a 32 x 32 px cell)
must also name the marks (characters, shapes) whose centre lies in it, up to SLOTS, in reading order. The head is
dropped on export.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOTS = 6
CELL = 32
NOTHING_WEIGHT = 0.05  # most slots are empty; without this, 'nothing' is all the head learns at first


class ReadingHead(nn.Module):
    def __init__(self, hidden: int, classes: int, width: int = 192) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.slots = nn.Linear(hidden, SLOTS * width)
        self.classes = nn.Linear(width, -(-classes // 16) * 16)  # odd widths have slow matrix products; the last few mean nothing

    def grow_from(self, weights: dict[str, Tensor]) -> None:
        """Takes over a head that knew fewer classes; those that came later start out as unlikely."""
        own = self.state_dict()
        own["classes.weight"].zero_()
        own["classes.bias"].fill_(-10.0)
        for name, tensor in weights.items():
            own[name][tuple(slice(length) for length in tensor.shape)] = tensor.to(own[name])
        self.load_state_dict(own)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, M, hidden] to class scores [B, M, SLOTS, classes]."""
        batch, cells, _ = tokens.shape
        return self.classes(F.gelu(self.slots(self.norm(tokens))).view(batch, cells, SLOTS, -1))


def cell_labels(marks: Tensor, columns: int, rows: int) -> Tensor:
    """[B, K, 3] marks (class, x, y; reading order; class 0 unused) to [B, rows*columns, SLOTS] classes."""
    kind = marks[..., 0].long()
    column = (marks[..., 1] / CELL).floor().long()
    row = (marks[..., 2] / CELL).floor().long()
    inside = (kind > 0) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    cell = torch.where(inside, row * columns + column, -1)
    # The slot is the number of earlier marks in the same cell.
    same = cell[:, :, None] == cell[:, None, :]
    slot = same.tril(-1).sum(-1)
    inside &= slot < SLOTS
    spare = rows * columns * SLOTS  # where marks without a place go; cut off below
    place = torch.where(inside, cell * SLOTS + slot, spare)
    labels = torch.zeros(len(marks), spare + 1, dtype=torch.long, device=marks.device)
    labels.scatter_(1, place, kind)
    return labels[:, :spare].view(len(marks), rows * columns, SLOTS)


def reading_loss(scores: Tensor, labels: Tensor) -> Tensor:
    flat = labels.flatten()
    losses = F.cross_entropy(scores.flatten(0, -2).float(), flat, reduction="none")
    weight = torch.where(flat > 0, 1.0, NOTHING_WEIGHT)
    return (losses * weight).sum() / weight.sum()
