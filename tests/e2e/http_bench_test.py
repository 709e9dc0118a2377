#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_bench_test.py PROGRAM: `monocle bench serve` against a stand-in whose speed is known."""

import collections
import http.server
import json
import subprocess
import sys
import threading
import time
import unittest

PROGRAM = ""
FIRST_S = 0.05  # until the first token
NEXT_S = 0.01  # between two


class StandIn(http.server.BaseHTTPRequestHandler):
    """One model, answers of max_tokens tokens; prompts with the word in `fails` go wrong."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True
    lock = threading.Lock()
    seen = []
    running = 0
    most_running = 0
    mode = "good"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, {"object": "list", "data": [{"id": "stand-in", "object": "model"}]})

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cls = type(self)
        with cls.lock:
            cls.seen.append((self.path, request, self.headers.get("Authorization")))
            number = len(cls.seen)
            cls.running += 1
            cls.most_running = max(cls.most_running, cls.running)
        try:
            if cls.mode == "refuse" and number % 2 == 0:
                self.reply(503, {"error": {"message": "full"}})
            else:
                self.stream(request, cut=cls.mode == "cut" and number % 2 == 0)
        finally:
            with cls.lock:
                cls.running -= 1

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def stream(self, request, cut):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chat = "messages" in request
        count = request["max_tokens"]
        self.chunk(b": ping\n\n")
        if chat:
            self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        for i in range(count):
            time.sleep(NEXT_S if i else FIRST_S)
            if cut and i == 1:
                self.close_connection = True
                return
            self.event({"choices": [{"index": 0, "delta": {"content": "x"}} if chat else {"index": 0, "text": "x"}]})
        usage = {"prompt_tokens": 10, "completion_tokens": count, "prompt_tokens_details": {"cached_tokens": 4}}
        self.event({"choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def event(self, value):
        data = f"data: {json.dumps(value)}\n\n".encode()
        self.chunk(data[:7])  # the reader must join what the network cut
        self.chunk(data[7:])


class Server:
    def __init__(self, mode="good"):
        self.handler = type("Handler", (StandIn,), {"seen": [], "lock": threading.Lock(), "mode": mode})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bench(self, *flags, code=0, env=None):
        url = f"http://127.0.0.1:{self.server.server_port}/v1/"
        command = [PROGRAM, "bench", "serve", "--url", url, *map(str, flags)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}"
        return done.stdout

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class BenchServe(unittest.TestCase):
    def serve(self, mode="good"):
        server = Server(mode)
        self.addCleanup(server.close)
        return server

    def test_closed_loop_counts_and_times(self):
        server = self.serve()
        flags = ["--requests", 12, "--answer-tokens", 10, 10, "--json"]
        out = json.loads(server.bench("--concurrency", "1,4", *flags))
        self.assertEqual([level["level"] for level in out["levels"]], ["1 clients", "4 clients"])
        for level in out["levels"]:
            self.assertEqual(level["requests"], 12)
            self.assertEqual(level["errors"], {})
            self.assertEqual(level["completion_tokens"], 120)
            self.assertEqual(level["prompt_tokens"], 120)
            self.assertEqual(level["cached_tokens"], 48)
            self.assertTrue(level["tokens_by_usage"])
            # What the stand-in's sleeps allow at most; how far a busy machine is from it is not tested.
            self.assertGreaterEqual(level["ttft_ms"]["p50"], FIRST_S * 1e3)
            self.assertGreaterEqual(level["tpot_ms"]["p50"], NEXT_S * 1e3 * 0.99)
            self.assertGreaterEqual(level["e2e_ms"]["p50"], (FIRST_S + 9 * NEXT_S) * 1e3)
            rate = level["output_tokens_per_second"] * level["seconds"]
            self.assertAlmostEqual(rate, 120, places=6)
        self.assertEqual(server.handler.most_running, 4)
        self.assertEqual(len(server.handler.seen), 1 + 24)
        self.assertEqual({request["model"] for _, request, _ in server.handler.seen}, {"stand-in"})

    def test_the_same_seed_asks_the_same(self):
        texts = []
        for seed in (1, 1, 2):
            server = self.serve()
            server.bench("--requests", 6, "--prompt-words", 5, 40, "--answer-tokens", 1, 9, "--seed", seed, "--warmup", 0)
            texts.append([json.dumps(request, sort_keys=True) for _, request, _ in server.handler.seen])
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])
        requests = [json.loads(text) for text in texts[0]]
        words = [len(request["messages"][0]["content"].split()) for request in requests]
        self.assertTrue(all(5 <= count <= 40 for count in words) and len(set(words)) > 1, words)
        self.assertEqual(len({request["messages"][0]["content"] for request in requests}), 6)

    def test_open_loop_does_not_wait_for_answers(self):
        server = self.serve()
        flags = ["--rate", 100, "--requests", 30, "--answer-tokens", 20, 20, "--json"]
        level = json.loads(server.bench(*flags))["levels"][0]
        self.assertEqual(level["requests"], 30)
        self.assertEqual(level["errors"], {})
        self.assertGreater(server.handler.most_running, 4)

    def test_pictures_are_real_and_differ(self):
        server = self.serve()
        server.bench("--requests", 2, "--images", 2, "--image-side", 33, "--answer-tokens", 1, 1, "--warmup", 0)
        urls = collections.Counter()
        for _, request, _ in server.handler.seen:
            parts = request["messages"][0]["content"]
            self.assertEqual([part["type"] for part in parts], ["image_url", "image_url", "text"])
            urls.update(part["image_url"]["url"] for part in parts[:2])
        self.assertEqual(len(urls), 4)
        for url in urls:
            self.assertTrue(url.startswith("data:image/jpeg;base64,/9j/"), url[:40])

    def test_completions_and_a_key(self):
        server = self.serve()
        server.bench("--completions", "--requests", 2, "--warmup", 0, "--answer-tokens", 2, 2, env={"OPENAI_API_KEY": "secret"})
        for path, request, key in server.handler.seen:
            self.assertEqual(path, "/v1/completions")
            self.assertIsInstance(request["prompt"], str)
            self.assertEqual(key, "Bearer secret")

    def test_failures_are_counted_by_kind(self):
        flags = ["--requests", 10, "--answer-tokens", 3, 3, "--json"]
        refusing = self.serve("refuse")
        out = json.loads(refusing.bench(*flags, code=1))["levels"][0]
        self.assertEqual(out["errors"], {"status 503": 5})
        cutting = self.serve("cut")
        out = json.loads(cutting.bench(*flags, code=1))["levels"][0]
        self.assertEqual(list(out["errors"].values()), [5])

    def test_objectives_decide_what_is_good(self):
        server = self.serve()
        flags = ["--requests", 4, "--answer-tokens", 4, 4, "--json"]
        none = json.loads(server.bench(*flags, "--slo-ttft", FIRST_S * 1e3 / 2))["levels"][0]
        self.assertEqual(none["goodput_per_second"], 0)
        every = json.loads(server.bench(*flags, "--slo-ttft", 1e5, "--slo-tpot", 1e5))["levels"][0]
        self.assertAlmostEqual(every["goodput_per_second"], every["requests_per_second"])

    def test_the_table_for_people(self):
        out = self.serve().bench("--requests", 2, "--answer-tokens", 3, 3)
        for words in ("1 clients: 2 requests, 0 failed", "time to first token", "goodput"):
            self.assertIn(words, out)

    def test_bad_input_is_one_sentence(self):
        for flags in (["--url", "https://x"], ["--url", "http://127.0.0.1:1/v1"], ["--prompt-words", "9", "1"],
                      ["--images", "1", "--completions"]):
            done = subprocess.run([PROGRAM, "bench", "serve", *flags], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
