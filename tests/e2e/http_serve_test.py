#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_serve_test.py PROGRAM: `monocle serve` among clients that misbehave or vanish."""

import json
import pathlib
import signal
import subprocess
import sys
import unittest

from served import LONG, Server, post, read_all, read_until

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = ""


class Clients(unittest.TestCase):
    def serve(self, *flags, **limits):
        server = Server(PROGRAM, *flags, **limits)
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
        uploading = server.send(post(b"{", length=500000))
        for connection in [*waiting, *plain, uploading]:
            connection.close()
        self.assertTrue(server.idle())
        self.assertLessEqual(server.open_files(), files + 2)
        self.assertTrue(server.answers())

    def test_few_descriptors(self):
        server = self.serve(descriptors=128)
        self.flood(server, "--half-open", 500, "--seconds", 1)
        self.assertTrue(server.idle())
        self.assertTrue(server.answers())

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
