#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy_test.py PROGRAM: what a service manager and a container rely on: health, keys, the environment."""

import http.server
import os
import re
import socket
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request

PROGRAM = ""
LABELLED = re.compile(r"^  (\w+) +(\S+)", re.MULTILINE)


def run(*args, **environment):
    return subprocess.run(
        [PROGRAM, *args], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def check(port, *flags):
    return run("healthcheck", "--url", f"http://127.0.0.1:{port}", *flags)


def ask(url, method="GET", **headers):
    """The status of a request without a body."""
    request = urllib.request.Request(url, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


class Served:
    """`monocle serve` on a free port for one `with`; `said` is what it printed, by label."""

    def __init__(self, *flags, **environment):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", *flags],
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        text = ""
        for line in self.process.stdout:
            text += line
            if line.startswith("Stop with"):
                break
        self.said = dict(LABELLED.findall(text))
        self.url = self.said["API"]
        self.port = int(re.search(r":(\d+)/v1$", self.url)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.close()
        self.process.wait(timeout=60)

    def models(self, key=""):
        """The status of /v1/models with this key."""
        return ask(self.url + "/models", Authorization=f"Bearer {key}") if key else ask(self.url + "/models")


class Health(unittest.TestCase):
    def test_a_running_server_is_healthy_and_a_stopped_one_is_not(self):
        with Served() as server:
            result = check(server.port)
            self.assertEqual((result.returncode, result.stdout[:8]), (0, "healthy:"), result)
        result = check(server.port)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"^not healthy: http://127\.0\.0\.1:\d+ does not answer: cannot connect")

    def test_the_admin_listener_answers_two_routes_and_names_a_wrong_method(self):
        with Served("--admin", "127.0.0.1:0") as server:
            for method, path, status in (
                ("GET", "/health", 200), ("HEAD", "/metrics", 200), ("OPTIONS", "/health", 204),
                ("TRACE", "/health", 405), ("POST", "/metrics", 405), ("GET", "/v1/models", 404), ("POST", "/nonsense", 404),
            ):
                with self.subTest(method=method, path=path):
                    self.assertEqual(ask(server.said["admin"] + path, method), status)

    def test_a_server_that_says_no_is_not_healthy(self):
        class No(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(503 if self.path == "/health" else 200)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), No) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            result = check(server.server_port)
            server.shutdown()
        self.assertEqual(result.returncode, 1)
        self.assertIn("/health answered 503", result.stdout)

    def test_silence_ends_in_time(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            result = check(silent.getsockname()[1], "--timeout", "1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no answer within the time", result.stdout)

    def test_an_address_that_is_none_is_bad_input(self):
        for url in ("127.0.0.1:7860", "http://", "https://127.0.0.1"):
            result = run("healthcheck", "--url", url)
            self.assertEqual((result.returncode, result.stdout), (2, ""), url)
            self.assertRegex(result.stderr, "^monocle: the URL '")


class Keys(unittest.TestCase):
    def test_a_container_makes_a_key_of_its_own(self):
        environment = {"MONOCLE_HOST": "0.0.0.0", "MONOCLE_RANDOM_KEY": "1"}
        with Served(**environment) as server:
            first = server.said["key"]
            self.assertRegex(first, r"^mk-[0-9a-f]{40}$")
            self.assertTrue(server.url.startswith("http://127.0.0.1:"), server.url)
            self.assertEqual([server.models(), server.models(first[:-1] + "z"), server.models(first)], [401, 401, 200])
            self.assertEqual(check(server.port).returncode, 0)
        with Served(**environment) as server:
            self.assertNotEqual(server.said["key"], first)

    def test_no_auth_goes_before_a_made_key(self):
        with Served(MONOCLE_HOST="0.0.0.0", MONOCLE_RANDOM_KEY="1", MONOCLE_NO_AUTH="1") as server:
            self.assertNotIn("key", server.said)
            self.assertEqual(server.models(), 200)

    def test_beyond_loopback_somebody_must_decide(self):
        result = run("serve", "--port", "0", MONOCLE_HOST="0.0.0.0")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--random-key", result.stderr)

    def test_the_environment_of_the_original_service(self):
        with Served(QUANTIZE="int8", MAX_IMAGE_SIZE="1024", ENABLE_SLIDING_WINDOW="true") as server:
            self.assertEqual(server.models(), 200)
        result = run("serve", "--port", "0", QUANTIZE="int3")
        self.assertEqual(result.returncode, 2)
        result = run("serve", "--port", "0", MONOCLE_MODEL="/nowhere")
        self.assertEqual(result.returncode, 2)
        self.assertIn("/nowhere", result.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
