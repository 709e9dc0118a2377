# SPDX-License-Identifier: Apache-2.0
"""Our program, through `monocle bench model` and `monocle serve`."""
import json

from measure import Sample, run

KV = {"bf16": "bf16", "int8": "int8", "int4": "int8"}  # narrow weights go with a narrow cache


class Monocle:
    name = "monocle"

    def __init__(self, program, models, threads):
        self.program, self.models, self.threads = program, models, threads
        self.version = run([program, "--version"]).strip()
        self.roofs = []
        self.reads = []  # GB/s of memory, sampled between steps of decode
        self.shares = {}  # what, depth of a decode or tokens of a prefill, batch -> share of the roof in its own run

    def model(self, form):
        return self.models / f"monocle-{form}.monocle"

    def format_name(self, form):
        return f"{form}, KV {KV[form]}"

    def bench(self, form, *flags):
        result = json.loads(run([self.program, "bench", "model", "--model", self.model(form), "--kv", KV[form],
                                 "--threads", self.threads, "--json", *flags]))
        self.roofs.append(result["roof"])
        return result

    def text(self, form, prompts, steps):
        """Per prompt length: prefill of it, then decode behind it. Prompts of one token stand for an empty cache."""
        samples = []
        for prompt in prompts:
            result = self.bench(form, "--prompt", prompt, "--gen", steps, "--image", 0,
                                "--repeats", 0 if prompt > 1024 else 1)
            samples += self.samples(result, form, prompt)
        return samples

    def together(self, form, prompt, steps, batches):
        result = self.bench(form, "--prompt", prompt, "--gen", steps, "--batch", ",".join(map(str, batches)),
                            "--image", 0, "--repeats", 0)
        return self.samples(result, form, prompt)

    def samples(self, result, form, prompt):
        depth = prompt if prompt > 1 else 0
        out = []
        for phase in result["decode"]:
            out.append(Sample("decode", phase["seconds"]["median"], depth=depth, batch=phase["batch"], tokens=phase["tokens"]))
            self.shares["decode", depth, phase["batch"]] = phase["share_of_memory_roof"]
            self.reads.append(phase["memory_read_gb_s"])
        for phase in result["prefill"] if prompt > 1 else []:
            out.append(Sample("prefill", phase["seconds"]["median"], tokens=phase["tokens"]))
            self.shares["prefill", phase["tokens"], 1] = phase["share_of_compute_roof"]
        return out

    def files(self, form):
        return [self.model(form)]

    def server(self, form, port):
        return [self.program, "serve", "--model", self.model(form), "--threads", self.threads, "--port", port,
                "--kv", KV[form], "--max-num-seqs", 1, "--max-model-len", 4096]

    def encode_seconds(self, reply, log):
        return reply["timing_ms"]["vision"] / 1e3
