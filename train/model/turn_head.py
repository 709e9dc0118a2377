# SPDX-License-Identifier: Apache-2.0
"""Dense supervision of time, in training only: what a clip's groups of frames say about its steps.

At the last token of each group, two layers before the last, the decoder names the number of the step that is shown and the second
it began. Without it captions were right where their times were not: that one differs from the next shows only when both are looked
at, and nothing asked for that but the digits of an answer. The layers behind are left to fetch it.
"""

import torch.nn.functional as F
from torch import Tensor, nn

BEFORE_LAST = 2
STEPS, SECONDS = 10, 64
WIDTHS = (STEPS, SECONDS)


class TurnHead(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.classes = nn.Linear(hidden, -(-sum(WIDTHS) // 16) * 16)

    def forward(self, states: Tensor) -> Tensor:
        """[B, groups, hidden] to scores [B, groups, sum(WIDTHS)]."""
        return self.classes(self.norm(states))[..., :sum(WIDTHS)]


def turn_loss(scores: Tensor, turns: Tensor) -> Tensor:
    """Mean over number and beginning; turns [B, groups, 2]."""
    parts = scores.float().split(WIDTHS, -1)
    return sum(F.cross_entropy(part.flatten(0, 1), wanted.flatten()) for part, wanted in zip(parts, turns.long().unbind(-1))) / 2
