# SPDX-License-Identifier: Apache-2.0
"""Qwen3-VL's graph over rectangular batches, for training.

The parameters have transformers' names and shapes, so a state dict goes both ways; `tests/test_forward.py` checks that
the outputs are equal. What differs is the form of computation: all pictures of a batch share one canvas, so attention
is one batched call, positions are constant tables (model/geometry.py) and nothing depends on data, which lets the
compiler work on each block.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.model.config import Shape
from train.model.geometry import Geometry, Layout, rotary, text_positions


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [B, heads, L, head_dim], in the precision of cos and sin."""
    first, second = x.float().chunk(2, -1)
    return (x * cos + torch.cat([-second, first], -1) * sin).to(x.dtype)


class RMSNorm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * self.weight.to(x.dtype)


class VisionAttention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.vit_heads
        self.qkv = nn.Linear(shape.vit_hidden, 3 * shape.vit_hidden)
        self.proj = nn.Linear(shape.vit_hidden, shape.vit_hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, width))


class VisionMLP(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(shape.vit_hidden, shape.vit_mlp)
        self.linear_fc2 = nn.Linear(shape.vit_mlp, shape.vit_hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_fc2(F.gelu(self.linear_fc1(x), approximate="tanh"))


class VisionBlock(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.vit_hidden, eps=1e-6)
        self.norm2 = nn.LayerNorm(shape.vit_hidden, eps=1e-6)
        self.attn = VisionAttention(shape)
        self.mlp = VisionMLP(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), cos, sin)
        return x + self.mlp(self.norm2(x))


class Merger(nn.Module):
    """2 x 2 patches to one token. The main merger normalises each patch, the DeepStack ones the whole block."""

    def __init__(self, shape: Shape, norm_after: bool) -> None:
        super().__init__()
        self.norm_after = norm_after
        width = 4 * shape.vit_hidden
        self.norm = nn.LayerNorm(width if norm_after else shape.vit_hidden, eps=1e-6)
        self.linear_fc1 = nn.Linear(width, width)
        self.linear_fc2 = nn.Linear(width, shape.hidden)

    def forward(self, x: Tensor) -> Tensor:
        batch, patches, width = x.shape
        blocks = (batch, patches // 4, 4 * width)
        x = self.norm(x.reshape(blocks)) if self.norm_after else self.norm(x).reshape(blocks)
        return self.linear_fc2(F.gelu(self.linear_fc1(x)))


class PatchEmbed(nn.Module):
    """A picture is two equal frames, so the two halves of the kernel act on the same pixels: sum them first. A clip's group of two
    frames comes as patches of twice the length (channel, frame, row, column)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size = (2, shape.patch, shape.patch)
        self.proj = nn.Conv3d(3, shape.vit_hidden, size, size)

    def forward(self, patches: Tensor) -> Tensor:
        kernel = self.proj.weight
        one = patches.shape[-1] * 2 == kernel[0].numel()
        return F.linear(patches, (kernel.sum(2) if one else kernel).flatten(1), self.proj.bias)


class Visual(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.taps = shape.deepstack
        self.patch_embed = PatchEmbed(shape)
        self.pos_embed = nn.Embedding(shape.grid ** 2, shape.vit_hidden)
        self.blocks = nn.ModuleList([VisionBlock(shape) for _ in range(shape.vit_depth)])
        self.merger = Merger(shape, norm_after=False)
        self.deepstack_merger_list = nn.ModuleList([Merger(shape, norm_after=True) for _ in shape.deepstack])

    def forward(self, patches: Tensor, geometry: Geometry) -> tuple[Tensor, list[Tensor]]:
        """patches [B, N, 3*16*16] to tokens [B, N/4, hidden] and one such tensor per DeepStack tap."""
        x = self.patch_embed(patches)
        x = x + (self.pos_embed(geometry.pos_index) * geometry.pos_weight).sum(0).to(x.dtype)
        deep = []
        for number, block in enumerate(self.blocks):
            x = block(x, geometry.vit_cos, geometry.vit_sin)
            if number in self.taps:
                deep.append(self.deepstack_merger_list[self.taps.index(number)](x))
        return self.merger(x), deep


class TextAttention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.head_dim, self.groups = shape.head_dim, shape.heads // shape.kv_heads
        self.q_proj = nn.Linear(shape.hidden, shape.heads * shape.head_dim, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head_dim, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.kv_heads * shape.head_dim, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head_dim, shape.hidden, bias=False)
        self.q_norm = RMSNorm(shape.head_dim)
        self.k_norm = RMSNorm(shape.head_dim)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(batch, length, -1, self.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k_proj(x).view(batch, length, -1, self.head_dim)).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, -1, self.head_dim).transpose(1, 2)
        k = rotate(k, cos, sin).repeat_interleave(self.groups, 1)
        v = v.repeat_interleave(self.groups, 1)
        mixed = F.scaled_dot_product_attention(rotate(q, cos, sin), k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class TextMLP(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.mlp, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.mlp, bias=False)
        self.down_proj = nn.Linear(shape.mlp, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class TextLayer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden)
        self.post_attention_layernorm = RMSNorm(shape.hidden)
        self.self_attn = TextAttention(shape)
        self.mlp = TextMLP(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class LanguageModel(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList([TextLayer(shape) for _ in range(shape.layers)])
        self.norm = RMSNorm(shape.hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, places: Tensor | None, deep: list[Tensor], inner: list[Tensor] | None = None) -> Tensor:
        """`deep[i]` is added after layer i to the image tokens, which stand at `places`. States between layers go to `inner`."""
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin)
            if number < len(deep):
                x = x + torch.zeros_like(x).index_copy(1, places, deep[number])
            if inner is not None:
                inner.append(x)
        return self.norm(x)


class Inner(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.visual = Visual(shape)
        self.language_model = LanguageModel(shape)


class Qwen3VL(nn.Module):
    """The whole model; `lm_head` is the embedding table (tied)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Inner(shape)
        self._rotary: dict[tuple, tuple[Tensor, Tensor]] = {}
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding | nn.Conv3d):
                nn.init.normal_(module.weight, std=0.02)
        for layer in self.model.language_model.layers:  # residual branches start small
            for linear in (layer.self_attn.o_proj, layer.mlp.down_proj):
                nn.init.normal_(linear.weight, std=0.02 / (2 * self.shape.layers) ** 0.5)

    def _tables(self, where: Layout | None, suffix: int, device: torch.device) -> tuple[Tensor, Tensor]:
        lengths = [len(text) for text in where.before] if where else []
        key = (suffix, *lengths, *((where.geometry.rows, where.geometry.cols) if where else ()))
        if key not in self._rotary:
            positions = text_positions(lengths, where.geometry if where else None, suffix)
            self._rotary[key] = tuple(table.to(device) for table in rotary(self.shape, positions))
        return self._rotary[key]

    def see(self, patches: Tensor, geometry: Geometry) -> tuple[Tensor, list[Tensor]]:
        return self.model.visual(patches, geometry)

    def read(self, image: Tensor, deep: list[Tensor], where: Layout, suffix: Tensor, inner: list[Tensor] | None = None) -> Tensor:
        """Final hidden states of the suffix [B, T, hidden], given what `see` returned, a sequence's pictures one after another. The
        whole sequence's states between layers are added to `inner`."""
        text = self.model.language_model
        embedded = text.embed_tokens(torch.cat([where.ids.expand(len(suffix), -1), suffix], 1)).to(image.dtype)
        x = embedded.index_copy(1, where.places, image)
        states = text(x, *self._tables(where, suffix.shape[1], suffix.device), where.places, deep, inner)
        return states[:, where.length:]

    def chat(self, ids: Tensor, dtype: torch.dtype) -> Tensor:
        """Hidden states of a text-only sequence [B, L]."""
        text = self.model.language_model
        return text(text.embed_tokens(ids).to(dtype), *self._tables(None, ids.shape[1], ids.device), None, [])

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.model.language_model.embed_tokens.weight)


def patchify(pixels: Tensor, patch: int = 16) -> Tensor:
    """Normalised pixels [B, 3, H, W] to patches [B, N, 3*patch*patch] in merge-block order."""
    batch, _, height, width = pixels.shape
    blocks = pixels.view(batch, 3, height // (2 * patch), 2, patch, width // (2 * patch), 2, patch)
    return blocks.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(batch, -1, 3 * patch * patch)


def pair_frames(patches: Tensor) -> Tensor:
    """Patches of frames [F, N, 3*patch*patch] to those of groups of two [F/2, N, 3*2*patch*patch], channels first."""
    frames, number, values = patches.shape
    pairs = patches.view(frames // 2, 2, number, 3, values // 3).permute(0, 2, 3, 1, 4)
    return pairs.reshape(frames // 2, number, 2 * values)
