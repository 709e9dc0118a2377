#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/model: a random Qwen3-VL of a few thousand weights in the published checkpoint layout, and what
transformers computes with it, stage by stage, for a text, pictures, a clip and a padded batch.

    pip install torch transformers torchvision safetensors pillow
    python tools/goldens/make_model.py

The geometry is the real one where it matters (patches, merge order, interleaved rope, DeepStack, grouped heads, odd
sizes of everything else), so that the test proves the architecture and stays under a megabyte.
"""
import copy
import json
import pathlib
import shutil

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from transformers import (PreTrainedTokenizerFast, Qwen2VLImageProcessor, Qwen3VLConfig,
                          Qwen3VLForConditionalGeneration, Qwen3VLProcessor, Qwen3VLVideoProcessor)
from transformers.video_utils import VideoMetadata

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/model"
TOKENIZER = ROOT / "tests/data/tokenizer/tokenizer.json"
STEPS = 8
IMAGE_PIXELS = {"shortest_edge": 32 * 32, "longest_edge": 128 * 128}
VIDEO_PIXELS = {"shortest_edge": 4 * 32 * 32, "longest_edge": 8 * 64 * 64}


def config(ids):
    """config.json as published checkpoints have it, at toy size; 72 vision channels give heads of 36 (not a power of two)."""
    text = dict(attention_bias=False, attention_dropout=0.0, bos_token_id=ids["<|endoftext|>"], dtype="float32",
                eos_token_id=ids["<|im_end|>"], head_dim=32, hidden_act="silu", hidden_size=48,
                initializer_range=0.02, intermediate_size=80, max_position_embeddings=4096,
                model_type="qwen3_vl_text", num_attention_heads=4, num_hidden_layers=4, num_key_value_heads=2,
                rms_norm_eps=1e-6, rope_scaling={"mrope_interleaved": True, "mrope_section": [6, 5, 5], "rope_type": "default"},
                rope_theta=5000000, tie_word_embeddings=True, use_cache=True, vocab_size=992)
    vision = dict(deepstack_visual_indexes=[0, 2], depth=4, hidden_act="gelu_pytorch_tanh", hidden_size=72,
                  in_channels=3, initializer_range=0.02, intermediate_size=104, model_type="qwen3_vl",
                  num_heads=2, num_position_embeddings=36, out_hidden_size=48, patch_size=16,
                  spatial_merge_size=2, temporal_patch_size=2)
    return dict(architectures=["Qwen3VLForConditionalGeneration"], image_token_id=ids["<|image_pad|>"],
                model_type="qwen3_vl", text_config=text, tie_word_embeddings=True, transformers_version="4.57.0",
                video_token_id=ids["<|video_pad|>"], vision_config=vision,
                vision_end_token_id=ids["<|vision_end|>"], vision_start_token_id=ids["<|vision_start|>"])


def fill(model):
    """Random values of a scale that keeps every stage far from zero and from saturation."""
    generator = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                value = 1.0 + 0.1 * noise
            elif parameter.ndim == 1:
                value = 0.05 * noise
            elif "embed" in name and "patch" not in name:
                value = 0.4 * noise
            else:
                value = noise * 1.3 / parameter[0].numel() ** 0.5
            # bf16 in the file halves it, and the float32 run sees exactly what the file holds
            parameter.copy_(value.bfloat16().float())


def picture(width, height, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([255 * x / width, 255 * y / height, 127 + 120 * np.sin((x + 2 * y) / 9)], -1)
    return Image.fromarray(np.clip(ramp + rng.normal(0, 20, ramp.shape), 0, 255).astype(np.uint8))


def turn(*parts):
    body = "".join(p if isinstance(p, str) else f"<|vision_start|><|{p[0]}_pad|><|vision_end|>" for p in parts)
    return f"<|im_start|>user\n{body}<|im_end|>\n<|im_start|>assistant\n"


@torch.no_grad()
def run(model, batch, columns):
    kept, hooks = {}, []

    def keep(module, name, before=False):
        def store(value):
            kept.setdefault(name, (value[0] if isinstance(value, tuple) else value).detach().clone())
        if before:
            hooks.append(module.register_forward_pre_hook(lambda _m, args: store(args)))
        else:
            hooks.append(module.register_forward_hook(lambda _m, _a, out: store(out)))

    vision, text = model.model.visual, model.model.language_model
    for kind, key in (("image", "pixel_values"), ("video", "pixel_values_videos")):
        if key not in batch:
            continue
        keep(vision.patch_embed, f"{kind}.patch_embed")
        keep(vision.blocks[0], f"{kind}.after_pos_embed", before=True)
        for i, block in enumerate(vision.blocks):
            keep(block, f"{kind}.block.{i}")
        keep(vision.merger, f"{kind}.merger")
        for i, merger in enumerate(vision.deepstack_merger_list):
            keep(merger, f"{kind}.deepstack.{i}")
        vision(batch[key], grid_thw=batch[f"{kind}_grid_thw"])
        while hooks:
            hooks.pop().remove()
    grids = {k: batch.get(k) for k in ("image_grid_thw", "video_grid_thw")}
    if any(g is not None for g in grids.values()):
        positions, delta = model.model.get_rope_index(batch["input_ids"], batch["mm_token_type_ids"],
                                                      attention_mask=batch["attention_mask"], **grids)
    else:
        positions = (batch["attention_mask"].cumsum(-1) - 1).clamp(min=0)[None].expand(3, -1, -1)
        delta = torch.zeros(len(positions[0]), 1, dtype=torch.long)
    kept["position_ids"], kept["rope_deltas"] = positions, delta
    keep(text.layers[0], "lm.inputs_embeds", before=True)
    for i, layer in enumerate(text.layers):
        keep(layer, f"lm.layer.{i}.raw")
    keep(text.norm, "lm.final_norm")
    model.model.rope_deltas = None
    out = model.generate(**batch, do_sample=False, max_new_tokens=STEPS, min_new_tokens=STEPS, eos_token_id=[],
                         pad_token_id=model.config.text_config.bos_token_id, output_logits=True,
                         return_dict_in_generate=True)
    while hooks:
        hooks.pop().remove()
    logits = torch.stack(out.logits).float()
    kept["prefill.last_logits"] = logits[0]
    kept["decode.tokens"] = out.sequences[:, batch["input_ids"].shape[1]:]
    kept["decode.logits_cols"] = logits[:, :, columns]
    for key in ("input_ids", "attention_mask", "image_grid_thw", "video_grid_thw"):
        if key in batch:
            kept["in." + key] = batch[key]
    return {k: np.ascontiguousarray(v.numpy()) for k, v in kept.items()}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "goldens").mkdir(parents=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER), eos_token="<|im_end|>",
                                        pad_token="<|endoftext|>", padding_side="left")
    cfg = config({t: tokenizer.convert_tokens_to_ids(t) for t in
                  ("<|endoftext|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")})
    model = Qwen3VLForConditionalGeneration._from_config(
        Qwen3VLConfig(**copy.deepcopy({k: v for k, v in cfg.items() if k != "architectures"})),
        attn_implementation="eager").eval()
    fill(model)
    model.tie_weights()
    model.bfloat16().save_pretrained(OUT)
    # Reloaded, not converted back: a round trip would have rounded the rope frequencies too.
    model = Qwen3VLForConditionalGeneration.from_pretrained(OUT, dtype=torch.float32, attn_implementation="eager").eval()

    processors = dict(patch_size=16, temporal_patch_size=2, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    files = {"config.json": cfg,
             "generation_config.json": dict(bos_token_id=cfg["text_config"]["bos_token_id"], do_sample=False,
                                            eos_token_id=cfg["text_config"]["eos_token_id"],
                                            pad_token_id=cfg["text_config"]["bos_token_id"]),
             "preprocessor_config.json": dict(size=IMAGE_PIXELS, image_processor_type="Qwen2VLImageProcessorFast", **processors),
             "video_preprocessor_config.json": dict(size=VIDEO_PIXELS, video_processor_type="Qwen3VLVideoProcessor", **processors)}
    for name, content in files.items():
        (OUT / name).write_text(json.dumps(content, indent=2) + "\n")
    shutil.copy(TOKENIZER, OUT)

    sizes = dict(patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    processor = Qwen3VLProcessor(Qwen2VLImageProcessor(size=dict(IMAGE_PIXELS), **sizes), tokenizer,
                                 Qwen3VLVideoProcessor(size=dict(VIDEO_PIXELS), **sizes))
    pictures = {"wide": picture(150, 70, 1), "tall": picture(41, 97, 2)}
    clip = np.stack([np.roll(np.asarray(picture(60, 44, 3)), 4 * i, 1) for i in range(11)])
    for name, image in pictures.items():
        np.save(OUT / f"goldens/{name}.npy", np.asarray(image))
    np.save(OUT / "goldens/clip.npy", clip)
    columns = np.arange(0, 992, 31, dtype=np.int64)
    np.save(OUT / "goldens/columns.npy", columns)

    image, video = ("image",), ("video",)
    cases = {"text": ([turn("Hello, what can you do?")], [], False),
             "image": ([turn(image, "Describe this.")], ["wide"], False),
             "video": ([turn("How long is ", video, "?")], [], True),
             "batch": ([turn("Who?"), turn(image, "and", image, "!"), turn(image, "or", video)], ["wide", "tall", "tall"], True)}
    index = dict(torchvision=True, logit_columns="columns.npy", cases={})
    for name, (texts, images, has_video) in cases.items():
        media = {"images": [pictures[i] for i in images] or None}
        if has_video:
            media |= {"videos": [clip], "video_metadata": [VideoMetadata(total_num_frames=11, fps=5.0, duration=2.2)]}
        batch = processor(text=texts, padding=True, return_tensors="pt", **media)
        tensors = {k: v for k, v in batch.items() if torch.is_tensor(v)}
        save_file(run(model, tensors, torch.from_numpy(columns)), OUT / f"goldens/{name}.safetensors")
        index["cases"][name] = dict(texts=texts, images=[f"{i}.npy" for i in images],
                                    videos=[dict(frames="clip.npy", fps=5.0)] if has_video else [])
    (OUT / "goldens/index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
