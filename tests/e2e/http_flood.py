# SPDX-License-Identifier: Apache-2.0
"""Holds many connections to a server and measures how fast it answers meanwhile.

    http_flood.py PORT [--half-open N] [--streams N] [--never-read N] [--seconds S] [--path /health]

half-open: a request head that never ends. streams: a request (--stream-path, --stream-body) whose answer
is read as it comes. never-read: the same, but nothing is read. The poll is a request on a fresh
connection every 20 ms; the figures are one JSON object on stdout. Exit code 1 when --limit-ms is given and
the 99th percentile is above it, or when a poll failed.
"""

import argparse
import json
import resource
import selectors
import socket
import sys
import time

HALF_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Ty"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--half-open", type=int, default=0)
    parser.add_argument("--streams", type=int, default=0)
    parser.add_argument("--never-read", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--path", default="/health")
    parser.add_argument("--poll-port", type=int, default=0, help="the port of the poll, when it is another")
    parser.add_argument("--stream-path", default="/v1/chat/completions")
    parser.add_argument("--stream-body", default="")
    parser.add_argument("--limit-ms", type=float, default=0)
    parser.add_argument("--pid", type=int, default=0, help="the server's, for its resident memory")
    return parser.parse_args()


def stream_request(args):
    if not args.stream_body:
        head = f"GET {args.stream_path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        return head.encode()
    body = args.stream_body.encode()
    head = (
        f"POST {args.stream_path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Crowd:
    """Connections that only exist, or also read."""

    def __init__(self, port):
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        self.bytes = 0
        self.ended = 0
        self.refused = 0

    def add(self, first_bytes, reads):
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            connection.sendall(first_bytes)
        except OSError:
            self.refused += 1
            return
        connection.setblocking(False)
        self.sockets.append(connection)
        if reads:
            self.selector.register(connection, selectors.EVENT_READ)

    def read(self, until):
        """Reads whatever comes until that time."""
        while (left := until - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                try:
                    data = key.fileobj.recv(65536)
                except OSError:
                    data = b""
                self.bytes += len(data)
                if not data:
                    self.ended += 1
                    self.selector.unregister(key.fileobj)


def poll(port, path):
    """Seconds of one request on a connection of its own; None when it fails."""
    begin = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while data := connection.recv(65536):
                answer += data
    except OSError:
        return None
    return time.monotonic() - begin if answer.startswith(b"HTTP/1.1 200") else None


def percentile(samples, share):
    return samples[min(len(samples) - 1, int(share * len(samples)))]


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0


def main():
    args = arguments()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result = {"resident_before_mib": resident_mib(args.pid)} if args.pid else {}
    crowd = Crowd(args.port)
    begin = time.monotonic()
    for _ in range(args.half_open):
        crowd.add(HALF_HEAD, False)
    for _ in range(args.never_read):
        crowd.add(stream_request(args), False)
    for _ in range(args.streams):
        crowd.add(stream_request(args), True)
    result["connected_s"] = time.monotonic() - begin
    samples, failed = [], 0
    started, worst_at = time.monotonic(), 0.0
    while (now := time.monotonic()) < started + args.seconds:
        taken = poll(args.poll_port or args.port, args.path)
        if taken is None:
            failed += 1
        else:
            worst_at = now - started if taken * 1000 > max(samples, default=0) else worst_at
            samples.append(taken * 1000)
        crowd.read(time.monotonic() + 0.02)
    samples.sort()
    result.update(
        {
            "connections": len(crowd.sockets),
            "refused": crowd.refused,
            "stream_bytes": crowd.bytes,
            "streams_ended": crowd.ended,
            "polls": len(samples),
            "polls_failed": failed,
            "p50_ms": percentile(samples, 0.5) if samples else None,
            "p99_ms": percentile(samples, 0.99) if samples else None,
            "max_ms": samples[-1] if samples else None,
            "max_at_s": worst_at,  # 0: behind the crowd's own arrival
        }
    )
    if args.pid:
        result["resident_mib"] = resident_mib(args.pid)
    print(json.dumps(result, indent=2))
    return 1 if failed or not samples or 0 < args.limit_ms < result["p99_ms"] else 0


if __name__ == "__main__":
    sys.exit(main())
