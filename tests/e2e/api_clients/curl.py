# SPDX-License-Identifier: Apache-2.0
"""curl -N: lines come as they are made; a large body waits for 100-continue."""

import json
import subprocess

from checks import ANSWER, KEY, LOOK, PICTURE, URL, check, finish, same


def curl(*args, body):
    command = ["curl", "-sS", "-N", "--max-time", "60", "-H", f"Authorization: Bearer {KEY}", "-H",
               "Content-Type: application/json", *args, "--data-binary", "@-"]
    return subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, check=True)


@check
def stream():
    out = curl(URL + "/chat/completions", body={"messages": LOOK, "max_tokens": 64, "stream": True}).stdout
    data = [line[6:] for line in out.splitlines() if line.startswith("data: ")]
    same(data[-1], "[DONE]")
    pieces = [json.loads(line)["choices"][0]["delta"].get("content", "") for line in data[:-1]]
    same("".join(pieces), ANSWER)
    assert len(pieces) > 5


@check
def large_body_with_expect():
    body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}], "max_tokens": 1,
            "ignored": "x" * 2_000_000}
    done = curl("-v", "-H", "Expect: 100-continue", URL + "/chat/completions", body=body)
    assert "100 Continue" in done.stderr and '"chat.completion"' in done.stdout, done.stderr[-500:]


@check
def http_1_0():
    out = curl("--http1.0", URL + "/chat/completions", body={"messages": LOOK, "max_tokens": 64}).stdout
    same(json.loads(out)["choices"][0]["message"]["content"], ANSWER)


finish()
