# SPDX-License-Identifier: Apache-2.0
"""The demo model's shape, and the configuration files of a published Qwen3-VL checkpoint.

`hub_config` writes config.json the way transformers 4.57 did (`rope_theta` and `rope_scaling` beside each other), which
is the form of the published checkpoints; later transformers read it too.
"""

import dataclasses
import json
import pathlib

from tokenizers import Tokenizer

MEAN_STD = [0.5, 0.5, 0.5]


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of both towers. Heads have 64 channels; positions come from a square grid of `grid` x `grid`."""

    vocab: int = 8192
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 384
    vit_hidden: int = 256
    vit_depth: int = 6
    vit_heads: int = 4
    vit_mlp: int = 512
    deepstack: tuple[int, ...] = (1, 3, 4)
    grid: int = 32
    head_dim: int = 64
    patch: int = 16
    mrope: tuple[int, int, int] = (12, 10, 10)
    rope_theta: float = 5e6
    vit_rope_theta: float = 1e4

    @property
    def patch_values(self) -> int:
        return 3 * self.patch * self.patch


TINY = Shape(hidden=128, layers=4, heads=2, kv_heads=1, mlp=96, vit_hidden=64, vit_depth=4, vit_heads=1, vit_mlp=96,
             deepstack=(0, 1, 2), grid=8)


def hub_config(shape: Shape, tokenizer: Tokenizer, dtype: str = "bfloat16") -> dict:
    """Content of config.json."""
    token = tokenizer.token_to_id
    text = dict(
        attention_bias=False, attention_dropout=0.0, bos_token_id=token("<|endoftext|>"), dtype=dtype,
        eos_token_id=token("<|im_end|>"), head_dim=shape.head_dim, hidden_act="silu", hidden_size=shape.hidden,
        initializer_range=0.02, intermediate_size=shape.mlp, max_position_embeddings=4096, model_type="qwen3_vl_text",
        num_attention_heads=shape.heads, num_hidden_layers=shape.layers, num_key_value_heads=shape.kv_heads,
        rms_norm_eps=1e-6,
        rope_scaling={"mrope_interleaved": True, "mrope_section": list(shape.mrope), "rope_type": "default"},
        rope_theta=int(shape.rope_theta), tie_word_embeddings=True, use_cache=True, vocab_size=shape.vocab)
    vision = dict(
        deepstack_visual_indexes=list(shape.deepstack), depth=shape.vit_depth, hidden_act="gelu_pytorch_tanh",
        hidden_size=shape.vit_hidden, in_channels=3, initializer_range=0.02, intermediate_size=shape.vit_mlp,
        model_type="qwen3_vl", num_heads=shape.vit_heads, num_position_embeddings=shape.grid ** 2,
        out_hidden_size=shape.hidden, patch_size=shape.patch, spatial_merge_size=2, temporal_patch_size=2)
    return dict(
        architectures=["Qwen3VLForConditionalGeneration"], image_token_id=token("<|image_pad|>"), model_type="qwen3_vl",
        text_config=text, tie_word_embeddings=True, transformers_version="4.57.0",
        video_token_id=token("<|video_pad|>"), vision_config=vision, vision_end_token_id=token("<|vision_end|>"),
        vision_start_token_id=token("<|vision_start|>"))


def write_side_files(folder: pathlib.Path, shape: Shape, tokenizer: Tokenizer) -> None:
    """Everything of the checkpoint but weights, tokenizer.json and the chat template."""
    end, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    common = dict(patch_size=shape.patch, temporal_patch_size=2, merge_size=2, image_mean=MEAN_STD, image_std=MEAN_STD,
                  processor_class="Qwen3VLProcessor")
    special = [added.content for added in tokenizer.get_added_tokens_decoder().values() if added.special]
    files = {
        "config.json": hub_config(shape, tokenizer),
        # Greedy: the answers are transcriptions and numbers, there is nothing to sample.
        "generation_config.json": dict(bos_token_id=pad, pad_token_id=pad, do_sample=False, eos_token_id=[end, pad],
                                       transformers_version="4.57.0"),
        # Areas in pixels. The lower bound is that of 128 x 128, so that a 512 x 64 line keeps its size.
        "preprocessor_config.json": dict(size=dict(longest_edge=1048576, shortest_edge=16384), **common,
                                         image_processor_type="Qwen2VLImageProcessorFast"),
        "video_preprocessor_config.json": dict(size=dict(longest_edge=6291456, shortest_edge=4096), **common,
                                               video_processor_type="Qwen3VLVideoProcessor"),
        "tokenizer_config.json": dict(tokenizer_class="Qwen2Tokenizer", add_prefix_space=False, bos_token=None,
                                      eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None, errors="replace",
                                      clean_up_tokenization_spaces=False, split_special_tokens=False,
                                      model_max_length=4096, additional_special_tokens=special),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf8")
