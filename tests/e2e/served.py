# SPDX-License-Identifier: Apache-2.0
"""A running `monocle serve` with the demo model on a free loopback port, and what can be asked about it: queue, blocks,
open files, memory. For tests that need the process itself; Python's standard library only."""

import base64
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "models/demo/samples"
CHAT = "/v1/chat/completions"
# A stream that would go on for a while, and says something with every token: of control tokens, too, there is text.
LONG = {
    "model": "monocle-demo",
    "stream": True,
    "max_tokens": 2000,
    "ignore_eos": True,
    "skip_special_tokens": False,
    "messages": [{"role": "user", "content": "Read the text."}],
}
PATIENCE_S = 240  # of a client that waits for its turn: a hang, not a slow machine
QUESTION = "Read the text in the image."
LINE = "The small model reads this line."  # the answer about line-en.png


def picture(name="line-en.png"):
    """A sample picture as a data: URI."""
    return data_uri((SAMPLES / name).read_bytes(), "jpeg" if name.endswith(".jpg") else "png")


def data_uri(data, kind="png"):
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def look(*uris, text=QUESTION):
    """Messages that show pictures and ask about them."""
    parts = [{"type": "image_url", "image_url": {"url": uri}} for uri in uris]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def post(body, path=CHAT, length=None):
    """The bytes of a request; `length` announces another body length than the true one."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    return f"{head}{len(data) if length is None else length}\r\n\r\n".encode() + data


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


class Server:
    """`descriptors` limits its open files, `file_bytes` the size of a file it may write; other names are its environment."""

    def __init__(self, program, *flags, descriptors=None, file_bytes=None, port=0, **environment):
        def limit():
            for which, value in ((resource.RLIMIT_NOFILE, descriptors), (resource.RLIMIT_FSIZE, file_bytes)):
                if value is not None:
                    resource.setrlimit(which, (value, value))

        command = [program, "serve", "--port", str(port), *map(str, flags)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=limit,
            env={**os.environ, **environment})
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Stop with"):
                break
        found = re.search(r"API\s+http://[^:]+:(\d+)", self.output)
        if found is None:
            raise RuntimeError(f"the server did not start: {self.output}")
        self.port = int(found[1])
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def health(self):
        return json.loads(self.get("/health"))

    def metrics(self):
        """Every sample by its name with labels."""
        lines = [line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def ended(self):
        """How many engine requests have ended, by reason."""
        reasons = {}
        for name, value in self.metrics().items():
            if name.startswith("vllm:request_success_total"):
                reasons[re.search(r'finished_reason="(\w+)"', name)[1]] = int(value)
        return reasons

    def blocks(self):
        """KV blocks by state, from the metrics: free, cached, used; and their total."""
        text = self.get("/metrics")
        samples = re.findall(r'^monocle_kv_blocks\{.*?state="(\w+)".*?\} (\S+)$', text, re.MULTILINE)
        found = {state: int(float(value)) for state, value in samples}
        found["total"] = int(re.search(r'^vllm:cache_config_info\{.*num_gpu_blocks="(\d+)"', text, re.MULTILINE)[1])
        return found

    def at_rest(self):
        """Whether nothing runs or waits and every block is free or cached."""
        if self.health()["queue"] != {"waiting": 0, "running": 0}:
            return False
        blocks = self.blocks()
        return blocks["free"] + blocks["cached"] == blocks["total"] and blocks["used"] == 0

    def idle(self, seconds=10.0):
        """Whether it is at rest within that time."""
        end = time.monotonic() + seconds
        while not self.at_rest():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def status(self, field):
        """A number of /proc/PID/status: VmRSS and VmHWM in kB, Threads."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def send(self, data):
        connection = self.connect()
        connection.sendall(data)
        return connection

    def ask(self, **changes):
        """A connection with a request on its way."""
        return self.send(post({**LONG, **changes}))

    def answers(self):
        """Whether a small request gets its answer."""
        with self.ask(max_tokens=3) as connection:
            return b"[DONE]" in read_until(connection, b"[DONE]")

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=60)
