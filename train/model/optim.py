# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices inside the towers, AdamW for everything else.

Learning rates are tensors, so that a step can be replayed as a CUDA graph.
"""

import collections

import torch
from torch import Tensor, nn

from train.model.network import VisionAttention

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Newton-Schulz quintic of Keller Jordan's Muon


def orthogonalise(stack: Tensor, steps: int = 5) -> Tensor:
    """Nearest (semi-)orthogonal matrices of a stack [n, rows, cols], roughly: singular values end near one."""
    a, b, c = COEFFICIENTS
    x = stack.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).to(stack.dtype)


class Muon(torch.optim.Optimizer):
    """Matrices of one shape are orthogonalised together; a fused qkv counts as three matrices."""

    def __init__(self, params: list[nn.Parameter], fused: set[nn.Parameter], lr: Tensor, momentum: float = 0.95,
                 weight_decay: float = 0.05) -> None:
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        for param in params:
            self.state[param]["momentum"] = torch.zeros_like(param)
        # shape -> (parameter number, part number) of every matrix of that shape
        self.by_shape: dict[tuple[int, int], list[tuple[int, int]]] = collections.defaultdict(list)
        for number, param in enumerate(params):
            parts = 3 if param in fused else 1
            self.by_shape[param.shape[0] // parts, param.shape[1]] += [(number, part) for part in range(parts)]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        group, = self.param_groups
        params = group["params"]
        grads = [param.grad for param in params]
        buffers = [self.state[param]["momentum"] for param in params]
        torch._foreach_lerp_(buffers, grads, 1 - group["momentum"])
        nesterov = torch._foreach_lerp(grads, buffers, group["momentum"])
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        updates, targets = [], []
        for (rows, cols), members in self.by_shape.items():
            stack = torch.stack([nesterov[number].narrow(0, part * rows, rows) for number, part in members])
            updates += (orthogonalise(stack) * (group["lr"] * -max(1.0, rows / cols) ** 0.5)).unbind()
            targets += [params[number].narrow(0, part * rows, rows) for number, part in members]
        torch._foreach_add_(targets, updates)


def make_optimizers(model: nn.Module, heads: list[nn.Module], muon_lr: float, adam_lr: float) -> list[torch.optim.Optimizer]:
    fused = {module.qkv.weight for module in model.modules() if isinstance(module, VisionAttention)}
    matrices, rest = [], []
    for part in (model, *heads):
        for name, parameter in part.named_parameters():
            outer = parameter.ndim != 2 or "embed" in name or name.startswith("classes.")
            (rest if outer else matrices).append(parameter)
    on_gpu, device = rest[0].is_cuda, rest[0].device
    adam = torch.optim.AdamW(rest, torch.tensor(adam_lr, device=device), betas=(0.9, 0.95), weight_decay=0.0, fused=on_gpu,
                             capturable=on_gpu)
    optimizers = [Muon(matrices, fused, torch.tensor(muon_lr, device=device)), adam]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"].item()
    return optimizers
