#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures transformers in bf16 with its scaled-dot-product attention and prints the samples as JSON.

    bench/peers/transformers_peer.py CHECKPOINT [--prompts 1,512] [--steps 8] [--picture 1024]
"""
import json
import os
import random
import time

import torch
import transformers
from measure import peer_arguments, resident_peak


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def text(model, prompts, steps, vocab):
    """Prefill of each prompt, then greedy steps behind it; the mean of the steps after the first."""
    samples = []
    for prompt in prompts:
        ids = torch.tensor([[random.randrange(vocab) for _ in range(prompt)]])
        # the head for the last position only, as generate() does
        seconds, out = timed(lambda: model(input_ids=ids, use_cache=True, logits_to_keep=1))
        if prompt > 1:
            samples.append({"what": "prefill", "value": seconds, "tokens": prompt})
        step_seconds = []
        for _ in range(steps):
            token = out.logits[:, -1:].argmax(-1)
            seconds, out = timed(lambda: model(input_ids=token, past_key_values=out.past_key_values, use_cache=True,
                                               logits_to_keep=1))
            step_seconds.append(seconds)
        samples.append({"what": "decode", "value": sum(step_seconds[1:]) / (steps - 1), "tokens": 1,
                        "depth": prompt if prompt > 1 else 0})
    return samples


def picture(model, checkpoint, side):
    """The tower alone, then everything from pixels to the first token. The processor of videos would need torchvision, so
    the picture's parts of the combined processor are put together here."""
    from PIL import Image
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    config = model.config
    pixels_of = Qwen2VLImageProcessorPil.from_pretrained(checkpoint)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    image = Image.frombytes("RGB", (side, side), random.randbytes(side * side * 3))
    tokens = (side // 32) ** 2
    prompt = ("<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * tokens
              + "<|vision_end|>What is in this picture?<|im_end|>\n<|im_start|>assistant\n")

    def inputs():
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        pixels = pixels_of(images=[image], return_tensors="pt")
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "image_grid_thw": pixels["image_grid_thw"],
                "pixel_values": pixels["pixel_values"].to(torch.bfloat16),
                "mm_token_type_ids": (ids == config.image_token_id).int()}
    once = inputs()
    encode, _ = timed(lambda: model.model.visual(once["pixel_values"], once["image_grid_thw"]))
    whole, _ = timed(lambda: model.generate(**inputs(), max_new_tokens=1, do_sample=False))
    return [{"what": "encode", "value": encode, "tokens": tokens}, {"what": "first_token", "value": whole}]


def main():
    arguments = peer_arguments(__doc__, "checkpoint", "folder of the checkpoint")

    random.seed(1)
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    load, model = timed(lambda: transformers.Qwen3VLForConditionalGeneration.from_pretrained(
        arguments.checkpoint, dtype=torch.bfloat16, attn_implementation="sdpa").eval())
    text(model, [16], 2, model.config.text_config.vocab_size)  # warms up
    samples = text(model, arguments.prompts, arguments.steps, model.config.text_config.vocab_size)
    if arguments.picture:
        samples += picture(model, arguments.checkpoint, arguments.picture)
    samples += [{"what": "ready_warm", "value": load}, {"what": "resident", "value": resident_peak(os.getpid())}]
    print(json.dumps({"version": transformers.__version__, "torch": torch.__version__, "samples": samples}))


if __name__ == "__main__":
    main()
