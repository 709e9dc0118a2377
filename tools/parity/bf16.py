#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares monocle with transformers, both in bfloat16 and on the same device, on the cases of a reference directory.

    python3 tools/parity/bf16.py DIR... --program build/release/apps/monocle --device cuda:0

DIR is a checkpoint with a `goldens` folder (trace.py describes it). Two things are compared:

- the logits after the prompt: the rms distance of either program to the same model in float32, as a share of the
  logits' standard deviation. Ours may be at most --bound times that of transformers.
- the greedy tokens: transformers reads the prompt followed by the tokens that monocle chose, so at every step both
  have seen the same. A step is equal if no logit of transformers is above that of monocle's token: their logits are
  bfloat16, so the best may be several. Of the other steps those are no errors at which float32 agrees with monocle, or
  the two best logits of float32 lie closer than the logits of transformers are to it.
- what can be expected of the second: at how many of these steps transformers agrees with itself in that sense if only
  its attention is computed another way (`eager` instead of `sdpa`).

Prints one JSON object. Exit status 1 if a bound is exceeded or fewer than 99 % of the steps are equal.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file


KINDS = (torch.float32, "sdpa"), (torch.bfloat16, "sdpa"), (torch.bfloat16, "eager")


def load_model(directory, dtype, attention, device):
    model = transformers.Qwen3VLForConditionalGeneration.from_pretrained(directory, dtype=dtype, attn_implementation=attention)
    return model.eval().to(device)


@torch.no_grad()
def logits_of(model, inputs, chosen):
    """Logits of the last prompt position and of every chosen token but the last: [sequences, steps, vocabulary]."""
    steps = chosen.shape[1]
    batch = dict(inputs)
    tail = chosen[:, : steps - 1]
    for key, fill in (("input_ids", tail), ("attention_mask", torch.ones_like(tail)), ("mm_token_type_ids", torch.zeros_like(tail))):
        batch[key] = torch.cat([batch[key].long(), fill.long()], dim=1)
    batch = {key: value.to(model.device) for key, value in batch.items()}
    for key in ("pixel_values", "pixel_values_videos"):
        if key in batch:
            batch[key] = batch[key].to(model.dtype)
    model.model.rope_deltas = None
    return model(**batch, logits_to_keep=steps).logits.float().cpu().numpy()


def monocle(args, directory, case):
    index = directory / "goldens/index.json"
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as out:
        subprocess.run([args.program, "trace", "--model", directory, "--cases", index, "--case", case, "--out", out.name,
                        "--steps", str(args.steps), "--quant", args.quant, "--device", args.device], check=True,
                       stdout=subprocess.DEVNULL)
        return load_file(out.name)


def rms(difference):
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def chosen_by(logits, tokens):
    """Where no logit is above that of the token."""
    return np.take_along_axis(logits, tokens[..., None].astype(np.int64), -1)[..., 0] == logits.max(-1)


def compare(ours, exact, theirs, eager):
    first, tokens = ours["prefill.last_logits"], ours["decode.tokens"]
    scale = float(exact[:, 0].std())
    best = np.sort(exact, axis=-1)[..., -2:]
    near = best[..., 1] - best[..., 0] < 2 * np.sqrt(np.mean((theirs - exact) ** 2, axis=-1))
    same = chosen_by(theirs, tokens)
    excused = ~same & ((exact.argmax(-1) == tokens) | near)
    return {
        "rms_ours": rms(first - exact[:, 0]) / scale,
        "rms_transformers": rms(theirs[:, 0] - exact[:, 0]) / scale,
        "steps": int(tokens.size),
        "equal": int(same.sum()),
        "ties": int(excused.sum()),
        "equal_to_themselves": int(chosen_by(theirs, eager.argmax(-1)).sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path, nargs="+")
    parser.add_argument("--program", required=True)
    parser.add_argument("--device", default="cpu", help="of monocle, and of transformers")
    parser.add_argument("--quant", default="bf16")
    parser.add_argument("--cases", default="", help="only these, with commas between them")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--bound", type=float, default=1.5)
    args = parser.parse_args()
    results, wrong = [], False
    for directory in args.directory:
        cases = json.loads((directory / "goldens/index.json").read_text())["cases"]
        names = [case for case in cases if not args.cases or case in args.cases.split(",")]
        inputs = {}
        for case in names:
            golden = load_file(directory / f"goldens/{case}.safetensors")
            inputs[case] = {key[3:]: torch.from_numpy(value) for key, value in golden.items() if key.startswith("in.")}
        ours = {case: monocle(args, directory, case) for case in names}
        logits = {}
        for kind in KINDS:
            model = load_model(directory, *kind, args.device)
            for case in names:
                chosen = torch.from_numpy(ours[case]["decode.tokens"].astype(np.int64))
                logits[case, kind] = logits_of(model, inputs[case], chosen)
            del model
        for case in names:
            result = compare(ours[case], *(logits[case, kind] for kind in KINDS))
            wrong |= result["rms_ours"] > args.bound * result["rms_transformers"]
            results.append({"checkpoint": directory.name, "case": case, **result})
    steps = sum(r["steps"] for r in results)
    equal, ties = sum(r["equal"] for r in results), sum(r["ties"] for r in results)
    wrong |= equal + ties < 0.99 * steps
    print(json.dumps({"device": torch.cuda.get_device_name(args.device) if args.device.startswith("cuda") else args.device,
                      "torch": torch.__version__, "transformers": transformers.__version__, "quant": args.quant,
                      "steps": steps, "equal": equal, "ties": ties,
                      "equal_to_themselves": sum(r["equal_to_themselves"] for r in results), "cases": results}, indent=1))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
