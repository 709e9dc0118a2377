# SPDX-License-Identifier: Apache-2.0
"""Makes torchvision importable beside a build of torch that its wheel was not made for; import it before transformers.

The package index has torchvision for CUDA's torch only. Beside the CPU's its compiled operators do not load, and the import then fails
on those whose results it describes. The processors only resize pictures, so the operators' names are enough.
"""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
