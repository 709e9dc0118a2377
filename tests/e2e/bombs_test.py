#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bombs_test.py PROGRAM [--measure] [--threads N] [--max-image-tokens N] [--streams N]: pictures made to hurt (bombs.py), one after another, while other requests stream.

Each must be refused by a clear error (or answered, where it is a picture after all), in bounded memory, and the streams must
not notice. --measure also asks for two seconds per bomb and for the streams' 99th percentile between tokens to stay
within 20 % of what it is without bombs, at about twenty bombs a second, each once: figures for a machine of its own, so ctest
leaves them out. What bombs without a pause do, as fast as one client throws them, is said beside it."""

import argparse
import json
import os
import selectors
import sys
import time

import bombs
import served
from served import Server, data_uri, look, post

RSS_LIMIT_MIB = 2048
BOMB_LIMIT_S = 2.0
ITL_LIMIT = 1.2
ROUNDS = 6
PAUSE_S = 0.05  # between two bombs: their own client takes a share of the machine, too


def requests():
    """Name, the bytes of a request, and whether it may be answered."""
    made = [(name, look(data_uri(data)), good) for name, data, good in bombs.pictures()]
    for name, part in bombs.others():
        made.append((name, [{"role": "user", "content": [part, {"type": "text", "text": "hi"}]}], False))
    return [(name, post({"messages": messages, "max_tokens": 1}), good) for name, messages, good in made]


def explode(server, request):
    """Status, error code and seconds of one bomb."""
    begin = time.monotonic()
    with server.send(request) as connection:
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(65536)
            if not part:
                return None, "connection closed", time.monotonic() - begin
            answer += part
        head, body = answer.split(b"\r\n\r\n", 1)
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
        while len(body) < length:
            body += connection.recv(65536)
    seconds = time.monotonic() - begin
    status = int(head.split(b" ")[1])
    error = json.loads(body).get("error") or {}
    return status, error.get("message", ""), seconds


class Streams:
    """Good requests that stream until told to stop; the times between two pieces of each."""

    def __init__(self, server, count):
        self.server = server
        self.selector = selectors.DefaultSelector()
        self.last = {}
        self.gaps = []
        self.ended = 0
        for _ in range(count):
            self.open()

    def open(self):
        connection = self.server.ask(max_tokens=1500)
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ)

    def run(self, until):
        while not until():
            for key, _ in self.selector.select(0.02):
                data = key.fileobj.recv(65536)
                now = time.monotonic()
                if key.fd in self.last and b"data: {" in data:
                    self.gaps.append(now - self.last[key.fd])
                self.last[key.fd] = now
                if b"[DONE]" in data or not data:  # its answer is full; another takes its place
                    self.ended += 1
                    self.last.pop(key.fd)
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()
                    self.open()

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def percentile(samples, share):
    if not samples:
        return float("nan")  # too short to see one
    return sorted(samples)[int(share * (len(samples) - 1))] * 1000


def run_bombs(server, made, rows, pause=0):
    for name, request, good in made:
        rows.append((name, good, *explode(server, request), server.status("VmHWM") / 1024))
        time.sleep(pause)


def report(rows, measure):
    """Prints what became of each bomb; the problems."""
    problems = []
    for name, good, status, message, seconds, peak_mib in rows:
        print(f"{name:36} {status} {seconds:6.2f} s  peak {peak_mib:6.0f} MiB  {message[:90]}")
        if status not in ((200, 400, 413) if good else (400, 413)):
            problems.append(f"{name}: status {status}, {message}")
        if status != 200 and not message:
            problems.append(f"{name}: refused without a reason")
        if measure and seconds > BOMB_LIMIT_S:
            problems.append(f"{name}: {seconds:.2f} s, at most {BOMB_LIMIT_S} s")
    if rows[-1][-1] > RSS_LIMIT_MIB:
        problems.append(f"memory reached {rows[-1][-1]:.0f} MiB, at most {RSS_LIMIT_MIB} MiB")
    return problems


def throw(server, made, seconds, pause):
    """A process that throws these bombs for that long: at a low priority, because its own work is not the server's."""
    pid = os.fork()
    if pid == 0:
        try:
            os.nice(19)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                run_bombs(server, made, [], pause)
        finally:
            os._exit(0)
    return pid


def gaps_for(streams, seconds, server=None, made=(), pause=0):
    """The times between tokens in that time, with these bombs beside."""
    streams.gaps = []
    end = time.monotonic() + seconds
    if made:
        pid = throw(server, made, seconds, pause)
        streams.run(lambda: os.waitpid(pid, os.WNOHANG)[0])
    else:
        streams.run(lambda: time.monotonic() > end)
    return streams.gaps


def with_streams(server, made, count, measure):
    """The bombs again while good requests stream. Times with and without bombs take turns, so that all see the same machine.
    Those that are refused may cost the streams nothing; those that are pictures after all have their own prompt computed."""
    streams = Streams(server, count)
    bad, fair = ([bomb for bomb in made if bomb[2] == good] for good in (False, True))
    quiet, refused, flood, read = [], [], [], []
    gaps_for(streams, 1)
    for _ in range(ROUNDS if measure else 1):
        quiet += gaps_for(streams, 2)
        refused += gaps_for(streams, 2, server, bad, PAUSE_S)
        flood += gaps_for(streams, 2, server, bad)
        read += gaps_for(streams, 2, server, fair)
    streams.close()
    before, after, flooded, beside = (percentile(gaps, 0.99) for gaps in (quiet, refused, flood, read))
    print(f"between tokens, 99 %: {before:.1f} ms without bombs ({len(quiet)} gaps), {after:.1f} ms while bombs are refused "
          f"({len(refused)}), {flooded:.1f} ms without a pause ({len(flood)}), {beside:.1f} ms while others are read ({len(read)})")
    if measure and after > before * ITL_LIMIT:
        return [f"the streams' 99th percentile rose from {before:.1f} to {after:.1f} ms"]
    return []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--threads", type=int, default=2, help="of the engine; the rest of the machine is the bombs' and the clients'")
    parser.add_argument("--max-image-tokens", type=int, default=4096, help="of the server: what a large picture may cost")
    parser.add_argument("--streams", type=int, default=16)
    args = parser.parse_args()
    made = requests()
    with Server(args.program, "--threads", args.threads, "--max-image-tokens", args.max_image_tokens) as server:
        rows = []
        run_bombs(server, made, rows)
        problems = report(rows, args.measure)
        problems += with_streams(server, made, args.streams, args.measure)
        if not server.idle(20):
            problems.append(f"not at rest afterwards: {server.health()} {server.blocks()}")
        with server.send(post({"messages": look(served.picture()), "max_tokens": 64})) as connection:
            connection.settimeout(30)
            if served.LINE.encode() not in connection.recv(65536):
                problems.append("a good picture is no longer read")
        if server.stop() != 0:
            problems.append("the server did not stop cleanly")
    for problem in problems:
        print("FAILED", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
