# SPDX-License-Identifier: Apache-2.0
"""What every engine's measurements have in common: samples, their summary, the order of the runs, what is written down."""
import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess


@dataclasses.dataclass(frozen=True)
class Sample:
    """One figure. `what`: decode, prefill, encode, first_token, ready_warm, ready_cold (seconds) or resident (bytes)."""
    what: str
    value: float
    depth: int = 0      # tokens in the cache before
    batch: int = 1      # sequences
    tokens: float = 0   # that the seconds made, 0 = no rate




def both_orders(engines):
    """First to last, then last to first: what drifts with time hits every engine alike."""
    return [*engines, *reversed(engines)]


def summary(engine, form, samples):
    """One entry per kind of figure: median, smallest, largest, rate at the median."""
    kinds = {}
    for sample in samples:
        kinds.setdefault((sample.what, sample.depth, sample.batch, sample.tokens), []).append(sample.value)
    rows = []
    for (what, depth, batch, tokens), values in kinds.items():
        median = statistics.median(values)
        row = {"engine": engine, "format": form, "what": what, "depth": depth, "batch": batch,
               "bytes" if what == "resident" else "seconds": {"median": median, "min": min(values), "max": max(values)},
               "runs": len(values)}
        if tokens:
            row |= {"tokens": tokens, "tokens_per_second": tokens / median}
        rows.append(row)
    return rows


def run(command, **options):
    """Standard output of a program that must succeed; its standard error is shown when it does not."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def drop_from_cache(path):
    """Asks the system to forget the cached pages of a file or of the files in a folder, so that the next read is cold."""
    files = [path] if path.is_file() else [f for f in path.iterdir() if f.is_file()]
    for file in files:
        with file.open("rb") as opened:
            os.fdatasync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def resident_peak(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no VmHWM")


def peer_arguments(description, name, what):
    """The command line of a peer that is a Python script; `name` and `what` are its model's. Prompts become numbers."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(name, help=what)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompts", default="", help="prompt lengths with commas; 1 stands for an empty cache")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--picture", type=int, default=0, help="side in pixels, 0 = none")
    arguments = parser.parse_args()
    arguments.prompts = [int(prompt) for prompt in arguments.prompts.split(",") if prompt]
    return arguments


def write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {path}", flush=True)
