#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every case of a reference directory with `monocle trace` and compares it stage by stage.

    python3 tools/parity/trace.py DIR --program build/release/apps/monocle
    python3 tools/parity/trace.py DIR --program build/release/apps/monocle --quant int8

DIR is a checkpoint with a `goldens` folder: index.json, one safetensors file a case, pictures and clips as .npy. In
float32 ids, pixels and positions must be equal, activations and logits within --bound, the greedy tokens the same;
with --quant or in bf16 the logits' rms error is printed as a share of their standard deviation.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file


def difference(key, ours, theirs, mask):
    if ours.shape != theirs.shape:
        sys.exit(f"{key} has shape {ours.shape}, the reference {theirs.shape}")
    if key.startswith("lm."):
        ours, theirs = ours[mask], theirs[mask]
    if key == "position_ids":
        ours, theirs = ours[:, mask], theirs[:, mask]
    return np.abs(ours.astype(np.float64) - theirs.astype(np.float64))


def compare(ours, theirs, bound):
    """Names and sizes of what is off, and the largest difference of the rounded stages."""
    mask = theirs["in.attention_mask"] == 1
    off, worst = [], 0.0
    for key, value in theirs.items():
        largest = float(difference(key, ours[key], value, mask).max(initial=0))
        if key.startswith("in.") or value.dtype.kind == "i":
            if largest:
                off.append(f"{key} differs")
        else:
            worst = max(worst, largest)
            if not largest <= bound:
                off.append(f"{key} {largest:.1e}")
    return off, worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--quant", default="none")
    parser.add_argument("--compute", default="f32", choices=["auto", "f32"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--bound", type=float, default=5e-5)
    args = parser.parse_args()
    index = args.directory / "goldens/index.json"
    exact = args.compute == "f32" and args.quant == "none"
    failed = 0
    for case in json.loads(index.read_text())["cases"]:
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as out:
            subprocess.run([args.program, "trace", "--model", args.directory, "--cases", index, "--case", case, "--out",
                            out.name, "--steps", str(args.steps), "--quant", args.quant, "--compute", args.compute,
                            "--device", args.device], check=True)
            ours = load_file(out.name)
        theirs = load_file(index.parent / f"{case}.safetensors")
        if exact:
            off, worst = compare(ours, theirs, args.bound)
            print(f"{args.directory.name:12} {case:14} worst {worst:.1e}  tokens "
                  f"{'equal' if np.array_equal(ours['decode.tokens'], theirs['decode.tokens']) else 'DIFFER'}  {'; '.join(off)}")
            failed += bool(off)
        else:
            a, b = ours["prefill.last_logits"].astype(np.float64), theirs["prefill.last_logits"].astype(np.float64)
            same = np.mean(ours["decode.tokens"] == theirs["decode.tokens"])
            print(f"{args.directory.name:12} {case:14} logits rms error {np.sqrt(np.mean((a - b) ** 2)) / b.std():.2%} of "
                  f"their deviation, {same:.0%} of greedy tokens equal")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
