#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""load_test.py PROGRAM [--requests N] [--clients N] [--soak MINUTES] [--device DEVICE]: is a busy server right?

Mixed requests (load_mix) at once, on a server short of cache, against the same requests one by one on one that shares
nothing between them: every answer must be the same byte for byte, and end exactly once; afterwards every block is free or
cached and no descriptor is left. With --soak the mix goes round for that long, memory (of the GPU too, on one) and descriptors
may not grow, and with --compare the first requests of every round are those of the first, which has its answers from a
server that was asked one by one. ctest runs the short form; the long one is --requests 1000."""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import time

from load_client import difference, run_jobs, without_leaving
from load_mix import make_job
from served import Server

FLAGS = ("--max-model-len", "2048", "--batch-invariant")
SCARCE = ("--kv-cache-mib", "7", "--max-num-seqs", "24", "--max-queue", "1000")
SETTLE_S = 20
GROWTH_MIB = 4  # what the allocator keeps differs by more than that from one round to the next


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--requests", type=int, default=150)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--soak", type=float, default=0, help="minutes")
    parser.add_argument("--soak-clients", type=int, default=2)
    parser.add_argument("--soak-pause", type=float, default=0.25, help="seconds of a client between two requests")
    parser.add_argument("--soak-requests", type=int, default=100, help="requests of a round")
    parser.add_argument("--compare", type=int, default=0, help="with --soak: how many of a round are always the same")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path, help="where a soak leaves its figures")
    return parser.parse_args()


def flags(args):
    return (*FLAGS, "--device", args.device, "--threads", str(args.threads))


def gpu_memory_mib(args, pid):
    """What the server holds of the GPU's memory; all that is used where nvidia-smi names no processes; 0 on a CPU."""
    if not args.device.startswith("cuda:"):
        return 0

    def ask(query):
        command = ["nvidia-smi", query, "--format=csv,noheader,nounits", "-i", args.device.removeprefix("cuda:")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")

    for line in ask("--query-compute-apps=pid,used_memory"):
        process, _, used = line.partition(", ")
        if process == str(pid) and used.isdigit():
            return int(used)
    return int(ask("--query-gpu=memory.used")[0])


def check(problems, good, text):
    if not good:
        problems.append(text)


def check_rest(server, files, problems):
    """After the load: nothing runs, every block is free or cached, no descriptor is left."""
    check(problems, server.idle(SETTLE_S), f"not at rest: {server.health()} {server.blocks()}")
    end = time.monotonic() + SETTLE_S  # the last connections close a moment after their answers
    while server.open_files() > files and time.monotonic() < end:
        time.sleep(0.02)
    check(problems, server.open_files() <= files, f"{server.open_files()} open files, {files} before")


def answers_alone(args, jobs, problems):
    with Server(args.program, *flags(args), "--no-prefix-cache") as server:
        alone = run_jobs(server.port, [without_leaving(job) for job in jobs], 1)
        check(problems, server.stop() == 0, "the server that was asked one by one did not stop cleanly")
    return alone


def compare(args):
    jobs = [make_job(args.seed, index) for index in range(args.requests)]
    problems = []
    with Server(args.program, *flags(args), *SCARCE) as server:
        files = server.open_files()
        begin = time.monotonic()
        under_load = run_jobs(server.port, jobs, args.clients)
        seconds = time.monotonic() - begin
        check_rest(server, files, problems)
        blocks, metrics, ended = server.blocks(), server.metrics(), server.ended()
        check(problems, ended.get("error", 0) == 0, f"requests ended in errors: {ended}")
        check(problems, server.stop() == 0, "the server did not stop cleanly")
    alone = answers_alone(args, jobs, problems)
    for number, (job, one, other) in enumerate(zip(jobs, under_load, alone)):
        if why := difference(job, one, other):
            problems.append(f"request {number} ({job.kind}): {why}")
    kinds = collections.Counter(job.kind for job in jobs)
    compared = sum(1 for outcome in under_load if outcome is not None)
    preempted = int(next(value for name, value in metrics.items() if name.startswith("vllm:num_preemptions")))
    print(f"{args.requests} requests by {args.clients} clients in {seconds:.1f} s: {dict(sorted(kinds.items()))}")
    print(f"{compared} outcomes compared with the same requests alone; {preempted} preemptions; ended: {ended}")
    print(f"blocks at rest: {blocks['free']} free + {blocks['cached']} cached of {blocks['total']}")
    return problems


def slope(samples):
    """Least squares: what the second number gains per unit of the first."""
    count = len(samples)
    mean_x, mean_y = (sum(values) / count for values in zip(*samples))
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def soak(args):
    """Rounds of the mix, each with another seed. The first quarter fills caches; growth counts from there."""
    problems, samples, asked, compared, different = [], [], 0, 0, 0
    always = [make_job(args.seed, index) for index in range(args.compare)]
    alone = answers_alone(args, always, problems)
    with Server(args.program, *flags(args), *SCARCE) as server:
        files, threads = server.open_files(), server.status("Threads")
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < args.soak * 60:
            jobs = always + [make_job(1000 + asked, index) for index in range(args.soak_requests - len(always))]
            outcomes = run_jobs(server.port, jobs, args.soak_clients, args.soak_pause)
            problems += [f"{job.kind}: {outcome}" for job, outcome in zip(jobs, outcomes) if isinstance(outcome, str)]
            for job, one, other in zip(always, outcomes, alone):
                compared += one is not None
                if why := difference(job, one, other):
                    different += 1
                    problems.append(f"{job.kind}: {why}")
            asked += len(jobs)
            check_rest(server, files, problems)
            check(problems, server.status("Threads") == threads, "the number of threads has changed")
            sample = {"minutes": elapsed / 60, "requests": asked, "files": server.open_files(),
                      "resident_mib": server.status("VmRSS") / 1024, "gpu_mib": gpu_memory_mib(args, server.pid)}
            samples.append(sample)
            print(f"{sample['minutes']:6.1f} min {asked:6} requests  {sample['files']} files  "
                  f"{sample['resident_mib']:.1f} MiB  GPU {sample['gpu_mib']} MiB", flush=True)
        ended = server.ended()
        check(problems, ended.get("error", 0) == 0, f"requests ended in errors: {ended}")
        check(problems, server.stop() == 0, "the server did not stop cleanly")
    settled = samples[len(samples) // 4 :]
    halves = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    memory = {}
    for field in ("resident_mib", "gpu_mib"):
        early, late = (statistics.median(sample[field] for sample in half) for half in halves)
        gain = slope([(sample["minutes"] / 60, sample[field]) for sample in settled])
        memory[field] = {"early": early, "late": late, "slope_per_hour": gain}
        print(f"{field} behind the first quarter: {early:.1f}, then {late:.1f} (medians), slope {gain:+.1f} MiB/h")
        check(problems, late - early < GROWTH_MIB, f"{field} grew by {late - early:.1f} MiB")
    print(f"{asked} requests, {compared} compared with the same alone, {different} of them different; ended: {ended}")
    if args.json:
        figures = {"device": args.device, "minutes": args.soak, "clients": args.soak_clients, "requests": asked,
                   "compared": compared, "different": different, "ended": ended, "memory": memory, "problems": problems[:20],
                   "samples": samples[:: max(1, len(samples) // 60)]}
        args.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return problems


def main():
    args = arguments()
    problems = soak(args) if args.soak else compare(args)
    for problem in problems[:20]:
        print("FAILED", problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
