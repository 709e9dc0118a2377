# SPDX-License-Identifier: Apache-2.0
"""The lean training forward equals transformers' Qwen3-VL."""

import pytest
import torch

from train.data.encode import Encoder
from train.model import checkpoint
from train.model.config import TINY, Shape
from train.model.geometry import geometry
from train.model.network import Qwen3VL, patchify

TOLERANCE = 1e-4


def largest_difference(shape: Shape, width: int, height: int, suffix_text: str) -> float:
    """Largest logit difference, both in fp32 on the same random weights and picture, over the text after the image."""
    encoder = Encoder()
    torch.manual_seed(1)
    lean = Qwen3VL(shape, encoder.prefix).eval()
    with torch.no_grad():
        for parameter in lean.parameters():  # norms and biases away from one and zero
            parameter.add_(torch.randn_like(parameter) * 0.05)
    reference = checkpoint.reference_model(shape, encoder.tokenizer)
    checkpoint.to_reference(lean.state_dict(), reference)

    pixels = torch.rand(2, 3, height, width) * 2 - 1
    patches = patchify(pixels, shape.patch)
    where = geometry(shape, width, height)
    suffix = torch.tensor([encoder.question(suffix_text) + encoder.spelled("ab")] * 2)
    with torch.no_grad():
        ours = lean.logits(lean.read(*lean.see(patches, where), where, suffix))
        ids = torch.cat([lean.prefix.expand(2, -1), torch.full((2, where.tokens), encoder.image_pad), suffix], 1)
        # transformers takes both frames of the (still) picture: channel, frame, row, column
        frames = patches.view(-1, 3, 1, shape.patch ** 2).expand(-1, -1, 2, -1).reshape(-1, 2 * shape.patch_values)
        theirs = reference(input_ids=ids, pixel_values=frames, image_grid_thw=torch.tensor([[1, where.rows, where.cols]] * 2),
                           mm_token_type_ids=(ids == encoder.image_pad).int(), use_cache=False).logits
    return (ours - theirs[:, -suffix.shape[1]:]).abs().max().item()


@pytest.mark.parametrize(("width", "height"), [(96, 64), (64, 96), (64, 64)])
def test_tiny_forward_equals_transformers(width: int, height: int) -> None:
    assert largest_difference(TINY, width, height, "Read the text in the image.") < TOLERANCE


def test_shipped_shape_equals_transformers() -> None:
    assert largest_difference(Shape(), 128, 64, "图中有几个圆形?") < TOLERANCE


def test_text_only_equals_transformers() -> None:
    encoder = Encoder()
    lean = Qwen3VL(TINY, encoder.prefix).eval()
    reference = checkpoint.reference_model(TINY, encoder.tokenizer)
    checkpoint.to_reference(lean.state_dict(), reference)
    ids = torch.tensor([encoder.plain_prompt("你是谁?")])
    with torch.no_grad():
        difference = lean.logits(lean.chat(ids, torch.float32)) - reference(input_ids=ids, use_cache=False).logits
    assert difference.abs().max().item() < TOLERANCE
