# SPDX-License-Identifier: Apache-2.0
"""llama.cpp, through its own llama-batched-bench and llama-server."""
import json
import re

from measure import Sample, run

FORMATS = {"bf16": "bf16", "int8": "q8_0", "int4": "q4_0", "int4-mixed": "q4_K_M"}


class LlamaCpp:
    name = "llama.cpp"
    version = "b11434"

    def __init__(self, programs, models, threads, flags):
        """`flags`: what its best configuration needs, e.g. ["-fa", "off"]; see the tuning part of run.py."""
        self.programs, self.models, self.threads, self.flags = programs, models, threads, flags

    def model(self, form):
        return self.models / f"llama-{FORMATS[form]}.gguf"

    def format_name(self, form):
        return FORMATS[form]

    def bench(self, form, prompts, steps, batches=(1,), flags=None):
        context = max(batches) * (max(prompts) + steps)
        out = run([self.programs / "llama-batched-bench", "-m", self.model(form), "-t", self.threads, "-tb", self.threads,
                   "-c", max(context, 512), "-npp", ",".join(map(str, prompts)), "-ntg", steps,
                   "-npl", ",".join(map(str, batches)), "--output-format", "jsonl", *(flags or self.flags)])
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def text(self, form, prompts, steps):
        samples = []
        for line in self.bench(form, prompts, steps):
            depth = line["pp"] if line["pp"] > 1 else 0
            samples.append(Sample("decode", line["t_tg"] / line["tg"], depth=depth, tokens=1))
            if line["pp"] > 1:
                samples.append(Sample("prefill", line["t_pp"], tokens=line["pp"]))
        return samples

    def together(self, form, prompt, steps, batches):
        return [Sample("decode", line["t_tg"] / line["tg"], depth=prompt, batch=line["pl"], tokens=line["pl"])
                for line in self.bench(form, [prompt], steps, batches)]

    def decode_bytes(self, form, depth):
        """What one token reads: every weight (the embedding is the head), and the f16 keys and values before it."""
        text = json.loads((self.models / "checkpoint/config.json").read_text())["text_config"]
        kv = 2 * 2 * text["num_hidden_layers"] * text["num_key_value_heads"] * text["head_dim"]
        return self.model(form).stat().st_size + kv * depth

    def projector(self):
        return self.models / "llama-vision-bf16.gguf"

    def files(self, form):
        return [self.model(form), self.projector()]

    def server(self, form, port):
        return [self.programs / "llama-server", "-m", self.model(form), "--mmproj", self.projector(), "-t", self.threads,
                "-tb", self.threads, "-c", 4096, "-np", 1, "--port", port, "-lv", 4, *self.flags]

    def encode_seconds(self, reply, log):
        """Between two lines of its log (verbosity 4), which begin with minutes.seconds.milliseconds.microseconds."""
        begin, end = (re.findall(rf"^(\d+)\.(\d+)\.(\d+)\.(\d+) I .*{text}", log, re.MULTILINE)[-1]
                      for text in ("encoding mtmd batch", "decoding image batch 1/"))
        seconds = lambda at: int(at[0]) * 60 + int(at[1]) + int(at[2]) / 1e3 + int(at[3]) / 1e6
        return seconds(end) - seconds(begin)
