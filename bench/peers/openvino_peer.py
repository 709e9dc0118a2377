#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures OpenVINO GenAI's picture pipeline and prints the samples as JSON. Runs in its own environment (openvino.txt).

    python bench/peers/openvino_peer.py EXPORTED [--prompts 1,512] [--steps 8] [--picture 1024]
"""
import json
import os
import random
import time

import numpy as np
import openvino
import openvino_genai
from measure import peer_arguments, resident_peak


def generate(pipe, prompt, steps, images=()):
    config = openvino_genai.GenerationConfig(max_new_tokens=steps, min_new_tokens=steps, ignore_eos=True, do_sample=False,
                                             apply_chat_template=False)
    extra = {"images": [openvino.Tensor(image) for image in images]} if images else {}
    return pipe.generate(prompt, generation_config=config, **extra).perf_metrics


def text(pipe, prompts, steps):
    """The pipeline takes words: a digit is one token, so a prompt of N digits has N tokens."""
    samples = []
    for prompt in prompts:
        metrics = generate(pipe, "".join(random.choices("0123456789", k=prompt)), steps + 1)
        got = metrics.get_num_input_tokens()
        if got != prompt:
            raise SystemExit(f"a prompt of {prompt} digits became {got} tokens")
        if prompt > 1:
            samples.append({"what": "prefill", "value": metrics.get_ttft().mean / 1e3, "tokens": prompt})
        samples.append({"what": "decode", "value": metrics.get_tpot().mean / 1e3, "tokens": 1,
                        "depth": prompt if prompt > 1 else 0})
    return samples


def picture(pipe, side):
    image = np.frombuffer(random.randbytes(side * side * 3), np.uint8).reshape(1, side, side, 3)
    start = time.perf_counter()
    metrics = generate(pipe, "What is in this picture?", 1, [image])
    whole = time.perf_counter() - start
    return [{"what": "encode", "value": metrics.get_prepare_embeddings_duration().mean / 1e3, "tokens": (side // 32) ** 2},
            {"what": "first_token", "value": whole}]


def main():
    arguments = peer_arguments(__doc__, "exported", "folder that optimum-cli export openvino wrote")

    random.seed(1)
    start = time.perf_counter()
    pipe = openvino_genai.VLMPipeline(arguments.exported, "CPU", INFERENCE_NUM_THREADS=arguments.threads)
    load = time.perf_counter() - start
    generate(pipe, "0" * 16, 4)  # warms up
    samples = text(pipe, arguments.prompts, arguments.steps)
    if arguments.picture:
        samples += picture(pipe, arguments.picture)
    samples += [{"what": "ready_warm", "value": load}, {"what": "resident", "value": resident_peak(os.getpid())}]
    print(json.dumps({"version": openvino_genai.__version__, "samples": samples}))


if __name__ == "__main__":
    main()
