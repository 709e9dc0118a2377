# SPDX-License-Identifier: Apache-2.0
"""The lean training forward equals transformers' Qwen3-VL."""

import pytest
import torch

from train.data.encode import Encoder, Form
from train.model import checkpoint
from train.model.config import TINY, Shape
from train.model.geometry import geometry, layout
from train.model.network import Qwen3VL, pair_frames, patchify

TOLERANCE = 1e-4
SAMPLES = 2


def stirred(shape: Shape) -> Qwen3VL:
    """A model whose norms and biases are away from one and zero."""
    torch.manual_seed(1)
    lean = Qwen3VL(shape).eval()
    with torch.no_grad():
        for parameter in lean.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return lean


def largest_difference(shape: Shape, size: tuple[int, int], question: str, form: Form = Form()) -> float:
    """Largest logit difference, both in fp32 on the same random weights and pictures, over the text after the pictures."""
    encoder, lean = Encoder(), stirred(shape)
    reference = checkpoint.reference_model(shape, encoder.tokenizer)
    checkpoint.to_reference(lean.state_dict(), reference)
    width, height = size
    where = layout(geometry(shape, width, height), encoder.before(form))
    patches = patchify(torch.rand(SAMPLES * form.pictures * (2 if form.fps else 1), 3, height, width) * 2 - 1, shape.patch)
    # transformers takes two frames of each picture: channel, frame, row, column
    frames = pair_frames(patches if form.fps else patches.repeat_interleave(2, 0))
    suffix = torch.tensor([encoder.question(question, form.outer) + encoder.spelled("ab")] * SAMPLES)
    token = encoder.sentence("<|video_pad|>")[0] if form.fps else encoder.image_pad
    text = torch.cat([where.ids.expand(SAMPLES, -1), suffix], 1)
    text[:, where.places] = token
    grid = torch.tensor([[form.pictures, where.geometry.rows, where.geometry.cols]] * SAMPLES)
    pixels = {"pixel_values_videos": frames.flatten(0, 1), "video_grid_thw": grid} if form.fps else {
        "pixel_values": frames.flatten(0, 1), "image_grid_thw": (grid * 0 + grid.new_tensor([1, 0, 0]) + grid * grid.new_tensor([0, 1, 1]))
        .repeat_interleave(form.pictures, 0)}
    with torch.no_grad():
        image, deep = lean.see(frames if form.fps else patches, where.geometry)
        image, *deep = (tokens.unflatten(0, (SAMPLES, -1)).flatten(1, 2) for tokens in (image, *deep))
        ours = lean.logits(lean.read(image, deep, where, suffix))
        kinds = (text == token).int() * (2 if form.fps else 1)
        theirs = reference(input_ids=text, mm_token_type_ids=kinds, use_cache=False, **pixels).logits
    return (ours - theirs[:, -suffix.shape[1]:]).abs().max().item()


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (64, 64)])
def test_tiny_forward_equals_transformers(size: tuple[int, int]) -> None:
    assert largest_difference(TINY, size, "Read the text in the image.") < TOLERANCE


def test_shipped_shape_equals_transformers() -> None:
    assert largest_difference(Shape(), (128, 64), "图中有几个圆形?") < TOLERANCE


@pytest.mark.parametrize("form", [Form(3), Form(2, 2.0), Form(3, 2.0, True), Form(2, 1.0)])
def test_several_pictures_and_clips_equal_transformers(form: Form) -> None:
    assert largest_difference(TINY, (96, 64), "有哪些步骤?", form) < TOLERANCE


def test_text_only_equals_transformers() -> None:
    encoder = Encoder()
    lean = Qwen3VL(TINY).eval()
    reference = checkpoint.reference_model(TINY, encoder.tokenizer)
    checkpoint.to_reference(lean.state_dict(), reference)
    ids = torch.tensor([encoder.plain_prompt("你是谁?")])
    with torch.no_grad():
        difference = lean.logits(lean.chat(ids, torch.float32)) - reference(input_ids=ids, use_cache=False).logits
    assert difference.abs().max().item() < TOLERANCE
