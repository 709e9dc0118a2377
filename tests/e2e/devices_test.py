#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""devices_test.py PROGRAM: several devices in one server, the memory plan, and devices that cannot be used."""

import concurrent.futures
import json
import pathlib
import re
import signal
import subprocess
import sys
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "models/demo"
PROGRAM = ""


class Server:
    """A running `monocle serve` with the demo model on a free port."""

    def __init__(self, *flags):
        command = [PROGRAM, "serve", "--model", str(DEMO), "--port", "0", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Stop with"):
                break
        self.port = int(re.search(r"API\s+http://[^:]+:(\d+)", self.output)[1])

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read().decode()

    def ask(self, question):
        body = {"model": "monocle-demo", "max_tokens": 8, "temperature": 0, "ignore_eos": True,
                "messages": [{"role": "user", "content": question}]}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(60)


def run(*args):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


class Devices(unittest.TestCase):
    def test_two_engines_share_the_requests(self):
        server = Server("--device", "cpu,cpu", "--threads", "2")
        try:
            questions = [f"Read the text number {i}." for i in range(8)]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(server.ask, questions))
            self.assertEqual([server.ask(question) for question in questions], answers)
            devices = json.loads(server.get("/ui/status"))["devices"]
            self.assertEqual([device["name"] for device in devices], ["cpu:0", "cpu:1"])
            self.assertEqual([device["error"] for device in devices], ["", ""])
            metrics = server.get("/metrics")
            for name in ("cpu:0", "cpu:1"):
                tokens = re.search(rf'monocle_device_generation_tokens_total{{.*device="{name}"}} (\d+)', metrics)
                self.assertGreater(int(tokens[1]), 0, name)
                self.assertRegex(metrics, rf'monocle_device_up{{.*device="{name}"}} 1')
            total = sum(map(int, re.findall(r"monocle_device_generation_tokens_total{.*} (\d+)", metrics)))
            self.assertEqual(total, int(re.search(r"vllm:generation_tokens_total{.*} (\d+)", metrics)[1]))
        finally:
            self.assertEqual(server.stop(), 0)

    def test_one_device_only_elsewhere(self):
        done = run("ask", "--model", DEMO, "--device", "cpu,cpu", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("one device", done.stderr)

    def test_devices_that_do_not_exist(self):
        for device, code in (("cuda:99", (1, 2)), ("gpu", (2,)), ("cuda:0,0", (2,)), ("cpu,auto", (2,)), ("", (2,))):
            with self.subTest(device):
                done = run("ask", "--model", DEMO, f"--device={device}", "x")
                self.assertIn(done.returncode, code, done.stderr)
                self.assertEqual(done.stdout, "")


class Memory(unittest.TestCase):
    def test_the_plan_is_printed_and_adds_up(self):
        server = Server("--memory", "1G", "--max-model-len", "2048", "--max-num-seqs", "4")
        try:
            table = re.search(r"memory of .*\n((?:    .* GiB\n)+)", server.output)[1]
            rows = {name.strip(): float(size) for name, size in re.findall(r"    (.*?)\s+([\d.]+) GiB", table)}
            together = rows.pop("together")
            self.assertAlmostEqual(sum(rows.values()), together, delta=0.05)
            self.assertLessEqual(together, 1.0)
            self.assertIn("keys and values, 8192 tokens", rows)
        finally:
            self.assertEqual(server.stop(), 0)

    def test_a_limit_gives_fewer_keys_and_values(self):
        flags = ("--max-model-len", "2048", "--max-num-seqs", "64", "--max-image-tokens", "256")
        tokens = []
        for limit in ("600M", "200M"):
            server = Server("--memory", limit, *flags)
            tokens.append(int(re.search(r"keys and values, (\d+) tokens", server.output)[1]))
            self.assertEqual(server.stop(), 0)
        self.assertGreater(tokens[0], tokens[1])
        self.assertGreaterEqual(tokens[1], 2048)

    def test_too_little_is_refused_with_what_to_lower(self):
        done = run("serve", "--model", DEMO, "--port", "0", "--memory", "20M")
        self.assertEqual(done.returncode, 2)
        for words in ("are needed", "0.02 GiB are allowed", "--max-model-len", "--max-num-seqs"):
            self.assertIn(words, done.stderr)
        for limit in ("much", "-1", "0"):
            self.assertEqual(run("serve", "--model", DEMO, "--port", "0", "--memory", limit).returncode, 2)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
