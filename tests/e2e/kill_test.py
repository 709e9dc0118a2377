#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill_test.py PROGRAM [--clients N] [--servers N]: processes that are killed (SIGKILL) in the middle of things.

Clients die while they upload, while their prompt is read and while their answer streams: within a second every block is
free or cached again and no descriptor is left. Servers die while they answer: the next one listens on the same port within
two seconds, and none leaves a file behind. ctest runs the full numbers, 300 clients and 20 servers."""

import argparse
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

from served import LONG, Server, look, picture, post, read_all, read_until

TOGETHER = 10
BACK_S = 1.0
RESTART_S = 2.0
# Several pictures and a long text: its prompt takes many steps.
HEAVY = {**LONG, "messages": look(picture("chart-en.png"), picture("web.png"), picture("page.jpg"), text="why " * 900)}


def upload(server, rng):
    data = post(HEAVY)
    return server.send(data[: rng.randrange(1, len(data))])


def prefill(server, rng):
    body = json.loads(json.dumps(HEAVY))
    body["messages"][0]["content"][-1]["text"] += str(rng.random())  # not in the prefix cache
    return server.send(post(body))


def decode(server, rng):
    connection = server.ask(stream=rng.random() < 0.8)
    connection.settimeout(2)
    try:
        read_until(connection, b"data: {")
    except TimeoutError:
        pass  # a whole answer says nothing until it is complete
    return connection


PHASES = (upload, prefill, decode)


def doomed_client(server, phase, rng):
    """A process that is as far as `phase` goes, or about to be; its pid and the pipe that tells."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        try:
            held = phase(server, rng)  # noqa: F841: its connection stays open
            os.write(told, b".")
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(told)
    return pid, ready


def kill_clients(server, count):
    """The problems, and the longest time until the server was at rest."""
    problems, longest = [], 0.0
    files = server.open_files()
    for begin in range(0, count, TOGETHER):
        rngs = [random.Random(begin + i) for i in range(TOGETHER)]
        clients = [doomed_client(server, PHASES[(begin + i) % 3], rng) for i, rng in enumerate(rngs)]
        for _, ready in clients:
            os.read(ready, 1)
            os.close(ready)
        time.sleep(rngs[0].random() * 0.05)
        for pid, _ in clients:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        killed = time.monotonic()
        while not (server.at_rest() and server.open_files() <= files):
            if time.monotonic() - killed > 20:
                problems.append(f"clients {begin} to {begin + TOGETHER}: {server.blocks()}, {server.open_files()} files")
                return problems, 20.0
            time.sleep(0.005)
        longest = max(longest, time.monotonic() - killed)
    return problems, longest


def kill_servers(program, count):
    """The problems, and the longest time from a start to the first good answer."""
    problems, longest, port = [], 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(count):
            begin = time.monotonic()
            with Server(program, "--threads", 2, port=port, TMPDIR=scratch, HOME=scratch) as server:
                answered = server.answers()
                longest = max(longest, time.monotonic() - begin)
                port = server.port
                streaming, uploading = server.ask(), server.send(post(b"{", length=1000))
                data = read_until(streaming, b"data: {")
                server.stop(signal.SIGKILL)
                try:
                    data += read_all(streaming)
                except ConnectionResetError:
                    pass
                if not answered or b"[DONE]" in data:
                    problems.append("no answer after a restart" if not answered else "a cut stream looks whole")
                uploading.close()
        left = [str(path) for path in pathlib.Path(scratch).rglob("*")]
        if left:
            problems.append(f"files left behind: {left}")
    return problems, longest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--measure", action="store_true", help="fail when a time is over its limit")
    args = parser.parse_args()
    with Server(args.program, "--threads", 2) as server:
        problems, back = kill_clients(server, args.clients)
        print(f"{args.clients} clients killed; at rest at most {back:.2f} s later")
        if not server.answers() or server.stop() != 0:
            problems.append("the server did not survive in good order")
    more, restart = kill_servers(args.program, args.servers)
    print(f"{args.servers} servers killed; the next one answered after at most {restart:.2f} s")
    problems += more
    if args.measure and (back > BACK_S or restart > RESTART_S):
        problems.append(f"at rest after {back:.2f} s (limit {BACK_S}), restarted after {restart:.2f} s (limit {RESTART_S})")
    for problem in problems:
        print("FAILED", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
