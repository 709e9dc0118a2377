#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a Hugging Face directory with random weights in the published 2B shape, so that every engine measures the same
model, from the same files.

    bench/peers/random_checkpoint.py models/demo SOURCE OUT

The demo model gives everything that is not size (chat template, preprocessing, markup tokens); SOURCE, the folder that
build_llama_cpp.sh unpacked, holds the vocabulary of the family as a test file of that project.
"""
import argparse
import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, Qwen3VLForConditionalGeneration

TEXT = {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 262144}
ROPE = {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"}
VISION = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2048,
          "num_position_embeddings": 2304, "deepstack_visual_indexes": [5, 11, 17]}
FIRST_MARKUP_TOKEN = 151643


def shifted(value, offset):
    """`value` of a JSON file with every ..._token_id in it moved by `offset`."""
    if isinstance(value, dict):
        return {key: move(item, offset) if key.endswith("_token_id") else shifted(item, offset)
                for key, item in value.items()}
    return value


def move(ids, offset):
    return [i + offset for i in ids] if isinstance(ids, list) else ids + offset


def write_tokenizer(demo, source, out):
    """The demo's tokenizer.json with the larger vocabulary; returns how far the markup tokens moved."""
    sys.path.insert(0, str(source / "llama.cpp/gguf-py"))
    import gguf
    fields = gguf.GGUFReader(source / "llama.cpp/models/ggml-vocab-qwen2.gguf").fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = fields["tokenizer.ggml.merges"].contents()

    tokenizer = json.loads((demo / "tokenizer.json").read_text())
    offset = FIRST_MARKUP_TOKEN - tokenizer["added_tokens"][0]["id"]
    tokenizer["model"]["vocab"] = {token: i for i, token in enumerate(tokens[:FIRST_MARKUP_TOKEN])}
    tokenizer["model"]["merges"] = [merge.split(" ") for merge in merges]
    for token in tokenizer["added_tokens"]:
        token["id"] += offset
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    return offset


def write_configs(demo, out, offset):
    config = shifted(json.loads((demo / "config.json").read_text()), offset)
    config["text_config"] |= TEXT | {"rope_scaling": ROPE}
    config["vision_config"] |= VISION
    (out / "config.json").write_text(json.dumps(config, indent=2))
    generation = shifted(json.loads((demo / "generation_config.json").read_text()), offset)
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2))
    for name in ("preprocessor_config.json", "video_preprocessor_config.json"):
        pixels = json.loads((demo / name).read_text())
        pixels["size"] = {"shortest_edge": 65536, "longest_edge": 16777216}
        (out / name).write_text(json.dumps(pixels, indent=2))
    limits = json.loads((demo / "tokenizer_config.json").read_text()) | {"model_max_length": TEXT["max_position_embeddings"]}
    (out / "tokenizer_config.json").write_text(json.dumps(limits, indent=2))
    shutil.copy(demo / "chat_template.json", out)


def write_weights(out):
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(AutoConfig.from_pretrained(out))
    torch.manual_seed(1)
    weights = {}
    for name, parameter in model.named_parameters():  # without the head, which is the embedding
        values = torch.randn(parameter.shape)
        if parameter.dim() == 1:
            values = values * 0.05 + name.endswith(("norm.weight", "norm1.weight", "norm2.weight"))
        else:
            values *= parameter.shape[1:].numel() ** -0.5
        weights[name] = values.to(torch.bfloat16)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    offset = write_tokenizer(arguments.demo, arguments.source, arguments.out)
    write_configs(arguments.demo, arguments.out, offset)
    write_weights(arguments.out)


if __name__ == "__main__":
    main()
