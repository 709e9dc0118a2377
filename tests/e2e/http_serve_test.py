#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_serve_test.py PROGRAM: `monocle serve` among clients that misbehave or vanish."""

import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = ""
LONG = {
    "model": "monocle-demo",
    "stream": True,
    "max_tokens": 2000,
    "ignore_eos": True,
    "messages": [{"role": "user", "content": "Read the text."}],
}


class Server:
    """A running `monocle serve` on a free port; `descriptors` limits its open files."""

    def __init__(self, *flags, descriptors=0):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        command = [PROGRAM, "serve", "--port", "0", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=limit)
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Stop with"):
                break
        self.port = int(re.search(r"API\s+http://[^:]+:(\d+)", self.output)[1])

    def health(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=20) as answer:
            return json.load(answer)

    def idle(self):
        """Whether nothing runs or waits any more, within ten seconds."""
        for _ in range(100):
            if self.health()["queue"] == {"waiting": 0, "running": 0}:
                return True
            time.sleep(0.1)
        return False

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, **changes):
        """A connection with a request on its way."""
        body = json.dumps({**LONG, **changes}).encode()
        connection = self.connect()
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        return connection

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


def read_all(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def read_until(connection, mark):
    data = b""
    while mark not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


class Clients(unittest.TestCase):
    def serve(self, *flags, **limits):
        server = Server(*flags, **limits)
        self.addCleanup(lambda: server.process.poll() is None and server.stop(signal.SIGKILL))
        return server

    def flood(self, server, *flags):
        command = [sys.executable, "-B", HERE / "http_flood.py", str(server.port), *map(str, flags)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_a_crowd_of_idlers_and_streams_leaves_nothing_behind(self):
        server = self.serve("--max-queue", "500")
        files = server.open_files()
        body = json.dumps(LONG)
        out = self.flood(server, "--half-open", 1000, "--streams", 200, "--never-read", 50, "--stream-body", body,
                         "--seconds", 3)
        self.assertEqual(out["refused"], 0)
        self.assertGreater(out["stream_bytes"], 0)
        self.assertTrue(server.idle())
        self.assertLessEqual(server.open_files(), files + 2)

    def test_clients_that_vanish_are_cancelled(self):
        server = self.serve()
        files = server.open_files()
        waiting = [server.ask() for _ in range(40)]  # more than run at once
        plain = [server.ask(stream=False) for _ in range(5)]
        read_until(waiting[0], b"data: ")
        uploading = server.connect()
        uploading.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n\r\n{")
        for connection in [*waiting, *plain, uploading]:
            connection.close()
        self.assertTrue(server.idle())
        self.assertLessEqual(server.open_files(), files + 2)
        with server.ask(max_tokens=3) as connection:
            self.assertIn(b"[DONE]", read_until(connection, b"[DONE]"))

    def test_few_descriptors(self):
        server = self.serve(descriptors=128)
        self.flood(server, "--half-open", 500, "--seconds", 1)
        self.assertTrue(server.idle())
        with server.ask(max_tokens=3) as connection:
            self.assertIn(b"[DONE]", read_until(connection, b"[DONE]"))

    def test_refusals_have_the_shape_of_the_api(self):
        server = self.serve()
        cases = {
            b"nonsense\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n\r\n": 400,
            b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 414,
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"a" * 20000 + b"\r\n\r\n": 431,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n": 413,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}": 415,
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
        }
        for request, status in cases.items():
            with self.subTest(request[:60]), server.connect() as connection:
                connection.sendall(request)
                answer = read_all(connection)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer[:200])
                error = json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
                self.assertEqual(set(error), {"message", "type", "param", "code"})

    def test_a_stop_lets_answers_end(self):
        server = self.serve()
        with server.ask(max_tokens=200) as connection:
            data = read_until(connection, b"data: ")
            self.assertEqual(server.stop(), 0)
            self.assertIn(b"[DONE]", data + read_all(connection))

    def test_a_stop_without_grace_cuts(self):
        server = self.serve("--grace", "0")
        with server.ask() as connection:
            data = read_until(connection, b"data: ")
            self.assertEqual(server.stop(signal.SIGINT), 0)
            self.assertNotIn(b"[DONE]", data + read_all(connection))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
