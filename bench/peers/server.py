# SPDX-License-Identifier: Apache-2.0
"""One server of the OpenAI API: how soon it is ready, how soon it answers about a picture, what it keeps in memory."""
import base64
import json
import pathlib
import random
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zlib

from measure import Sample, drop_from_cache, resident_peak

ANSWER_TIMEOUT_S = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def picture(side, seed):
    """A PNG of random 16x16 squares; each seed another picture, so that no cache helps."""
    numbers = random.Random(seed)
    rows = b""
    for _ in range(side // 16):
        squares = b"".join(bytes(numbers.randrange(256) for _ in range(3)) * 16 for _ in range(side // 16))
        rows += (b"\0" + squares) * 16
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


class Server:
    """A started server; a context manager that stops it."""

    def __init__(self, command):
        self.log_file = tempfile.NamedTemporaryFile("r", suffix=".log")
        self.url = f"http://127.0.0.1:{command[command.index('--port') + 1]}"
        start = time.perf_counter()
        with open(self.log_file.name, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        try:
            self.wait_until_ready()
        except RuntimeError:
            self.process.kill()
            raise
        self.ready_seconds = time.perf_counter() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self):
        while True:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=5) as reply:
                    if reply.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server ended:\n{self.log()[-2000:]}")
            time.sleep(0.005)

    def log(self):
        return pathlib.Path(self.log_file.name).read_text(errors="replace")

    def first_token(self, content):
        """Seconds until a one-token answer is complete, and the reply."""
        with urllib.request.urlopen(self.url + "/v1/models", timeout=5) as reply:
            model = json.load(reply)["data"][0]["id"]
        body = json.dumps({"model": model, "max_tokens": 1, "temperature": 0,
                           "messages": [{"role": "user", "content": content}]}).encode()
        request = urllib.request.Request(self.url + "/v1/chat/completions", body, {"Content-Type": "application/json"})
        start = time.perf_counter()
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as reply:
            answer = json.load(reply)
        return time.perf_counter() - start, answer


def picture_samples(engine, form, side, seed):
    """Starts the engine's server with a warm file cache, asks once for a word and once about a picture."""
    with Server(engine.server(form, free_port())) as server:
        server.first_token("Hello.")
        image = base64.b64encode(picture(side, seed)).decode()
        seconds, answer = server.first_token([
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
            {"type": "text", "text": "What is in this picture?"}])
        encode = engine.encode_seconds(answer, server.log())
        return [Sample("ready_warm", server.ready_seconds), Sample("encode", encode, tokens=(side // 32) ** 2),
                Sample("first_token", seconds, tokens=0, depth=0), Sample("resident", resident_peak(server.process.pid))]


def start_samples(engine, form, cold):
    """Seconds until the server takes requests, with its files in the page cache or not."""
    for path in engine.files(form):
        if cold:
            drop_from_cache(path)
    with Server(engine.server(form, free_port())) as server:
        return [Sample("ready_cold" if cold else "ready_warm", server.ready_seconds)]
