# SPDX-License-Identifier: Apache-2.0
"""Starts the server with the demo model on a free loopback port and talks HTTP to it. Standard library only."""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "models/demo/samples"
QUESTION = "Read the text in the image."
ANSWER = "The small model reads this line."


@contextlib.contextmanager
def server(program, *flags):
    """The base URL of a running server; it must stop cleanly."""
    with process(program, *flags) as (url, _):
        yield url


@contextlib.contextmanager
def process(program, *flags):
    """The base URL of a running server and its process."""
    running = subprocess.Popen([program, "serve", "--port", "0", "--threads", "2", *flags],
                               stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        url = None
        for line in running.stdout:
            if found := re.search(r"API\s+(http://\S+)/v1", line):
                url = found[1]
            if line.startswith("Stop with"):
                break
        if url is None:
            raise RuntimeError("the server did not start")
        yield url, running
    finally:
        running.terminate()
        try:
            code = running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        running.stdout.close()
        if code != 0:
            raise RuntimeError(f"the server ended with {code}")


def picture(name="line-en.png"):
    """A sample picture as a data: URI."""
    kind = "jpeg" if name.endswith(".jpg") else "png"
    return f"data:image/{kind};base64," + base64.b64encode((SAMPLES / name).read_bytes()).decode()


def expected():
    """The questions about the samples and their answers."""
    return json.loads((SAMPLES / "expected.json").read_text("utf8"))


def look(text=QUESTION, name="line-en.png", **image):
    """Messages that show a picture and ask about it."""
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture(name), **image}},
                                         {"type": "text", "text": text}]}]


class Reply:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        """The data of server-sent events; comments are left out."""
        text = self.body.decode()
        assert text.endswith("\n\n"), text[-40:]
        data = []
        for frame in text[:-2].split("\n\n"):
            lines = [line for line in frame.split("\n") if not line.startswith((":", "event: "))]
            if lines:
                assert len(lines) == 1 and lines[0].startswith("data: "), frame
                data.append(lines[0][6:])
        return data

    @property
    def chunks(self):
        return [json.loads(data) for data in self.events if data != "[DONE]"]


class Client:
    def __init__(self, url):
        self.host, self.port = re.fullmatch(r"http://([^:]+):(\d+)", url).groups()

    def connect(self):
        return http.client.HTTPConnection(self.host, int(self.port), timeout=60)

    def send(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.send("GET", path, headers=headers)

    def post(self, path, body, **headers):
        return self.send("POST", path, body, headers)

    def chat(self, messages="hi", **fields):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.post("/v1/chat/completions", {"messages": messages, "max_tokens": 8, **fields})
