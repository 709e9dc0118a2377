# SPDX-License-Identifier: Apache-2.0
"""Muon's update is close to orthogonal, and the optimiser lowers a loss."""

import torch
from torch import nn

from train.model.optim import Muon, orthogonalise


def test_orthogonalised_singular_values_are_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((2, 16, 32), (2, 32, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)).float())
        assert 0.5 < values.min() and values.max() < 1.4


def test_muon_lowers_a_loss_with_fused_matrices() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 24, bias=False)
    goal, inputs = torch.randn(64, 24), torch.randn(64, 8)
    optimizer = Muon([layer.weight], {layer.weight}, torch.tensor(0.05))
    losses = []
    for _ in range(30):
        loss = (layer(inputs) - goal).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
