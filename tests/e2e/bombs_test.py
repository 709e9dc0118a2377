#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bombs_test.py PROGRAM [--measure]: pictures made to hurt (bombs.py), one after another, while other requests stream.

Each must be refused by a clear error (or answered, where it is a picture after all), in bounded memory, and the streams must
not notice. --measure also asks for two seconds per bomb and for the streams' 99th percentile between tokens to stay
within 20 % of what it is without bombs: figures for a machine of its own, so ctest leaves them out."""

import argparse
import json
import selectors
import sys
import threading
import time

import bombs
import served
from served import Server, data_uri, look, post

GOOD_STREAMS = 16
RSS_LIMIT_MIB = 2048
BOMB_LIMIT_S = 2.0
ITL_LIMIT = 1.2


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


def run_bombs(server, made, rows):
    for name, request, good in made:
        rows.append((name, good, *explode(server, request), server.status("VmHWM") / 1024))


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


def gaps_during(streams, server, made, repeats):
    """The times between tokens while these bombs go off, and what became of each bomb."""
    rows = []
    streams.gaps = []
    bomber = threading.Thread(target=lambda: [run_bombs(server, made, rows) for _ in range(repeats)])
    bomber.start()
    streams.run(lambda: not bomber.is_alive())
    return streams.gaps, rows


def with_streams(server, made, measure):
    """The bombs again while good requests stream: those that are refused, then all; and the same time without bombs before."""
    streams = Streams(server, GOOD_STREAMS)
    begin = time.monotonic()
    seconds = 20 if measure else 3
    streams.run(lambda: time.monotonic() > begin + seconds)
    quiet, streams.gaps = streams.gaps, []
    refused = [bomb for bomb in made if not bomb[2]]
    during, rows = gaps_during(streams, server, refused, 100 if measure else 1)
    during_all, more = gaps_during(streams, server, made, 1)
    streams.close()
    before, after, with_pictures = (percentile(gaps, 0.99) for gaps in (quiet, during, during_all))
    print(f"between tokens, 99 %: {before:.1f} ms without bombs ({len(quiet)} gaps), {after:.1f} ms while {len(rows)} are refused "
          f"({len(during)}), {with_pictures:.1f} ms while all are read ({len(during_all)})")
    problems = report(more, False)
    if measure and after > before * ITL_LIMIT:
        problems.append(f"the streams' 99th percentile rose from {before:.1f} to {after:.1f} ms")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--measure", action="store_true")
    args = parser.parse_args()
    made = requests()
    with Server(args.program, "--threads", 2) as server:
        rows = []
        run_bombs(server, made, rows)
        problems = report(rows, args.measure)
        problems += with_streams(server, made, args.measure)
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
