#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""load_test.py PROGRAM [--requests N] [--clients N] [--soak MINUTES]: is a busy server right?

Mixed requests (load_mix) at once, on a server short of cache, against the same requests one by one on one that shares
nothing between them: every answer must be the same byte for byte, and end exactly once; afterwards every block is free or
cached and no descriptor is left. With --soak the mix goes round for that long at a modest rate, and memory and descriptors
may not grow. ctest runs the short form; the long one is --requests 1000."""

import argparse
import collections
import statistics
import sys
import time

from load_client import difference, run_jobs, without_leaving
from load_mix import make_job
from served import Server

FLAGS = ("--threads", "2", "--max-model-len", "2048", "--batch-invariant")
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
    return parser.parse_args()


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


def compare(args):
    jobs = [make_job(args.seed, index) for index in range(args.requests)]
    problems = []
    with Server(args.program, *FLAGS, *SCARCE) as server:
        files = server.open_files()
        begin = time.monotonic()
        under_load = run_jobs(server.port, jobs, args.clients)
        seconds = time.monotonic() - begin
        check_rest(server, files, problems)
        blocks, metrics, ended = server.blocks(), server.metrics(), server.ended()
        check(problems, ended.get("error", 0) == 0, f"requests ended in errors: {ended}")
        check(problems, server.stop() == 0, "the server did not stop cleanly")
    with Server(args.program, *FLAGS, "--no-prefix-cache") as server:
        alone = run_jobs(server.port, [without_leaving(job) for job in jobs], 1)
        check(problems, server.stop() == 0, "the server that was asked one by one did not stop cleanly")
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
    problems, samples, asked = [], [], 0
    with Server(args.program, *FLAGS, *SCARCE) as server:
        files, threads = server.open_files(), server.status("Threads")
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < args.soak * 60:
            jobs = [make_job(1000 + asked, index) for index in range(100)]
            outcomes = run_jobs(server.port, jobs, args.soak_clients, args.soak_pause)
            problems += [f"{job.kind}: {outcome}" for job, outcome in zip(jobs, outcomes) if isinstance(outcome, str)]
            asked += len(jobs)
            check_rest(server, files, problems)
            check(problems, server.status("Threads") == threads, "the number of threads has changed")
            samples.append((elapsed / 3600, server.status("VmRSS") / 1024))
            print(f"{elapsed / 60:6.1f} min {asked:6} requests  {server.open_files()} files  {samples[-1][1]:.1f} MiB", flush=True)
        ended = server.ended()
        check(problems, ended.get("error", 0) == 0, f"requests ended in errors: {ended}")
        check(problems, server.stop() == 0, "the server did not stop cleanly")
    settled = samples[len(samples) // 4 :]
    halves = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    early, late = (statistics.median(memory for _, memory in half) for half in halves)
    print(f"memory behind the first quarter: {early:.1f} MiB, then {late:.1f} MiB (medians), slope {slope(settled):+.1f} MiB/h")
    check(problems, late - early < GROWTH_MIB, f"memory grew by {late - early:.1f} MiB")
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
