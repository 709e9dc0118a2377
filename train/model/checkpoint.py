# SPDX-License-Identifier: Apache-2.0
"""Weights on disk, and the bridge to transformers' own class."""

import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from train.model.config import Shape, hub_config
from train.model.network import Qwen3VL

PIECE_BYTES = 15_000_000  # files that come back from a lent machine may be limited to 16 MiB


def save_pieces(model: nn.Module, folder: pathlib.Path, name: str) -> None:
    """bf16 weights as `name`-1.safetensors, `name`-2.safetensors, ... each below PIECE_BYTES."""
    pieces: list[dict[str, torch.Tensor]] = [{}]
    room = PIECE_BYTES
    for key, tensor in model.state_dict().items():
        tensor = tensor.detach().to("cpu", torch.bfloat16).contiguous()
        if tensor.nbytes > room:
            pieces.append({})
            room = PIECE_BYTES
        pieces[-1][key] = tensor
        room -= tensor.nbytes
    for number, piece in enumerate(pieces, 1):
        path = folder / f"{name}-{number}.safetensors"
        part = path.with_suffix(".part")
        save_file(piece, part, {"format": "pt"})
        part.replace(path)  # whoever is killed while writing leaves the earlier piece


def load_pieces(folder: pathlib.Path, name: str) -> dict[str, torch.Tensor]:
    """The tensors of a run's pieces, or of a checkpoint's one file."""
    files = sorted(folder.glob(f"{name}-*.safetensors")) or list(folder.glob(f"{name}.safetensors"))
    if not files:
        raise FileNotFoundError(f"no {name}-*.safetensors in {folder}")
    return {key: tensor for file in files for key, tensor in load_file(file).items()}


def reference_model(shape: Shape, tokenizer, dtype: torch.dtype = torch.float32) -> nn.Module:
    """transformers' Qwen3-VL of this shape, with its own random weights."""
    from train.model import beside_torch  # noqa: F401  before transformers
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    config = json.loads(json.dumps(hub_config(shape, tokenizer)))
    config.pop("architectures")
    config.pop("transformers_version")
    return Qwen3VLForConditionalGeneration._from_config(Qwen3VLConfig(**config), dtype=dtype).eval()


def to_reference(weights: dict[str, torch.Tensor], reference: nn.Module) -> None:
    """Copies our weights into transformers' model; every name must match, but for the tied head."""
    missing, unexpected = reference.load_state_dict(weights, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    reference.tie_weights()


def round_to_bf16(model: Qwen3VL) -> None:
    """What is shipped is bf16; evaluate exactly that."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))
