#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""limits_test.py PROGRAM [--clock LIBRARY] [--sanitized]: `monocle serve` when something runs out: cache, queue, memory, descriptors, disk,
time. It says so to whom it concerns, and goes on."""

import json
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error

from load_client import run_jobs
from load_mix import make_job
from served import LONG, Server, post, read_all, read_until

PROGRAM = ""
CLOCK = ""
SANITIZED = False
CROWD = 32
KEYS = ("sk-first-0123456789abcdef", "sk-second-0123456789abcdef")


class Ends(unittest.TestCase):
    def serve(self, *flags, **limits):
        server = Server(PROGRAM, "--threads", 2, *flags, **limits)
        self.addCleanup(lambda: server.process.poll() is None and server.stop(signal.SIGKILL))
        return server

    def status(self, server, path, **headers):
        try:
            server.get(path, **headers)
            return 200
        except urllib.error.HTTPError as error:
            return error.code


class Admission(Ends):
    def test_ten_times_the_cache(self):
        """Requests that need ten times the blocks there are: what is accepted ends, the rest is told when to come again."""
        requests, queue, words = (250, 40, 5) if SANITIZED else (500, 200, 40)
        server = self.serve("--max-model-len", 1024, "--kv-cache-mib", 3, "--max-queue", queue)
        total = server.blocks()["total"]
        each = -(-total * 10 // requests) * 16  # tokens
        prompt = " ".join(["river"] * words)
        counts = {}
        lock = threading.Lock()

        def ask(number):
            body = {"messages": [{"role": "user", "content": f"{number} {prompt}"}], "max_tokens": each, "ignore_eos": True}
            with server.send(post(body)) as connection:
                answer = read_until(connection, b"}}") if number % 2 else connection.recv(1 << 20)
            status = int(answer.split(b" ")[1])
            good = b'"finish_reason":"length"' in answer if status == 200 else b"retry-after" in answer.lower()
            with lock:
                counts[status, good] = counts.get((status, good), 0) + 1

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(requests)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(counts), {(200, True), (429, True)}, counts)
        self.assertEqual(sum(counts.values()), requests)
        self.assertTrue(server.idle())
        self.assertEqual(server.ended()["length"], counts[200, True])
        self.assertTrue(server.answers())

    def test_what_can_never_fit_is_refused_at_once(self):
        server = self.serve("--max-model-len", 512)
        with server.ask(max_tokens=600, stream=False) as connection:
            self.assertIn(b"context_length_exceeded", connection.recv(65536))

    def test_a_cache_larger_than_memory_is_one_sentence(self):
        if SANITIZED:
            self.skipTest("a sanitizer's own address space is larger than any limit worth setting")
        command = [PROGRAM, "serve", "--port", "0", "--kv-cache-mib", str(1 << 23)]

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

        done = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.strip().count("\n"), 0, done.stderr)


class Disk(Ends):
    def test_nothing_is_written(self):
        """A process that may not write one byte to a file serves every kind of request."""
        with tempfile.TemporaryDirectory() as scratch:
            server = self.serve(TMPDIR=scratch, HOME=scratch, file_bytes=0)
            outcomes = run_jobs(server.port, [make_job(7, index) for index in range(26 if SANITIZED else 52)], 8)
            self.assertEqual([outcome for outcome in outcomes if isinstance(outcome, str)], [])
            self.assertEqual(list(pathlib.Path(scratch).rglob("*")), [])
            written = re.search(r"^write_bytes: (\d+)", pathlib.Path(f"/proc/{server.pid}/io").read_text(), re.MULTILINE)
            self.assertEqual(written[1], "0")


class Descriptors(Ends):
    def test_a_thousand_connections_and_256_descriptors(self):
        server = self.serve("--max-queue", 1000, descriptors=256)
        before = server.open_files()
        held, refused = [], 0
        for number in range(1000):
            connection = server.ask(max_tokens=20) if number % 2 else server.send(b"POST /v1/chat/completions HTTP/1.1\r\nHo")
            held.append(connection)
        answered = 0
        for connection in held[1::2]:
            connection.settimeout(60)
            try:
                answer = read_until(connection, b"[DONE]")
            except ConnectionResetError:
                answer = b""
            answered += b"[DONE]" in answer
            refused += answer.startswith(b"HTTP/1.1 503") or not answer
        self.assertEqual(answered + refused, 500)
        self.assertGreater(answered, 100)
        for connection in held:
            connection.close()
        self.assertTrue(server.idle())
        self.assertLessEqual(server.open_files(), before + 2)
        self.assertTrue(server.answers())


class Signals(Ends):
    def test_a_stop_drains_and_then_cuts(self):
        # Long enough for the short answer on a slow machine, much too short for the long ones on a fast one.
        server = self.serve("--grace", 20 if SANITIZED else 6)
        short = server.ask(max_tokens=20)
        # As many as it takes that none can end within the time: one alone would, on a fast machine.
        endless = [server.ask(max_tokens=4000) for _ in range(CROWD)]
        data = read_until(endless[-1], b"data: ")
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        self.assertIn(b"[DONE]", read_all(short))
        with self.assertRaises(OSError):
            server.connect().recv(1)
        for connection in endless[::-1]:
            self.assertFalse(b"[DONE]" in data + read_all(connection), "a stream that should have been cut is complete")
            data = b""
        self.assertEqual(server.process.wait(timeout=30), 0)
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        for connection in [short, *endless]:
            connection.close()

    def test_hangup_reads_the_keys_again(self):
        with tempfile.TemporaryDirectory() as scratch:
            keys = pathlib.Path(scratch) / "keys"
            keys.write_text(KEYS[0], encoding="ascii")
            server = self.serve("--api-key-file", keys)
            old, new = ({"Authorization": f"Bearer {key}"} for key in KEYS)
            running = server.connect()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer {KEYS[0]}"
            running.sendall(post({**LONG, "max_tokens": 300}).replace(b"POST /v1/chat/completions HTTP/1.1", head.encode(), 1))
            data = read_until(running, b"data: ")
            keys.write_text(KEYS[1], encoding="ascii")
            self.hang_up(server, old, 401)
            self.assertEqual(self.status(server, "/v1/models", **new), 200)
            keys.write_text("short", encoding="ascii")
            server.process.send_signal(signal.SIGHUP)
            self.assertIn("stay", server.process.stdout.readline() + server.process.stdout.readline())
            self.assertEqual(self.status(server, "/v1/models", **new), 200)
            self.assertIn(b"[DONE]", data + read_until(running, b"[DONE]"))
            running.close()

    def hang_up(self, server, headers, status):
        server.process.send_signal(signal.SIGHUP)
        for _ in range(200):
            if self.status(server, "/v1/models", **headers) == status:
                return
            time.sleep(0.02)
        self.fail("the keys were not read again")

    def test_hangup_without_a_file_changes_nothing(self):
        server = self.serve()
        server.process.send_signal(signal.SIGHUP)
        self.assertIn("nothing to read", server.process.stdout.readline())
        self.assertTrue(server.answers())


class Clock(Ends):
    def test_the_wall_clock_jumps_by_a_day(self):
        """Every look at the wall clock is a day off, once ahead, once back: nothing but dates may depend on it."""
        if not CLOCK:
            self.skipTest("no --clock LIBRARY")
        server = self.serve(LD_PRELOAD=CLOCK)
        dates = set()
        for _ in range(8):
            with server.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n") as connection:
                dates.add(re.search(rb"Date: \w+, (\d+)", read_all(connection))[1])
        self.assertGreater(len(dates), 1, "the library was not used")
        outcomes = run_jobs(server.port, [make_job(9, index) for index in range(52)], 8)
        self.assertEqual([outcome for outcome in outcomes if isinstance(outcome, str)], [])
        with server.ask(stream=False, max_tokens=4) as connection:
            timing = json.loads(connection.recv(65536).split(b"\r\n\r\n", 1)[1])["timing_ms"]
        self.assertLess(max(timing.values()), 60_000)
        self.assertGreaterEqual(min(timing.values()), 0)
        self.assertTrue(server.idle())
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    if "--clock" in sys.argv:
        at = sys.argv.index("--clock")
        CLOCK = sys.argv[at + 1]
        del sys.argv[at : at + 2]
    if "--sanitized" in sys.argv:
        SANITIZED = True
        sys.argv.remove("--sanitized")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
