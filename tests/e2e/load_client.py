# SPDX-License-Identifier: Apache-2.0
"""Asks what load_mix makes and keeps what must be the same whenever it is asked. Connections are kept alive from one request
to the next, so that an answer too many would be taken for the next request's and show."""

import dataclasses
import http.client
import json
import random
import socket
import struct
import threading
import time

import served


class Broken(Exception):
    """An answer that did not end as the protocol says."""


@dataclasses.dataclass
class Outcome:
    status: int
    choices: dict  # by index: what was said and why it ended; of a refusal: its body
    usage: dict | None = None

    def text(self):
        return "".join(choice.get("text", "") for _, choice in sorted(self.choices.items()))


def same_usage(usage):
    """Without what depends on who asked before."""
    if usage is None:
        return None
    details = {k: v for k, v in (usage.get("prompt_tokens_details") or {}).items() if k != "cached_tokens"}
    return {**usage, "prompt_tokens_details": details}


def spoken(choice):
    """Text, calls, log probabilities and end of a choice or a part of one, in any dialect."""
    said = choice.get("message") or choice.get("delta") or {"content": choice.get("text")}
    calls = [(call.get("index", i), call["function"].get("name"), call["function"].get("arguments") or "")
             for i, call in enumerate(said.get("tool_calls") or [])]
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    return said.get("content") or "", calls, logprobs, choice.get("finish_reason")


def add_part(choices, part):
    whole = choices.setdefault(part["index"], {"text": "", "calls": {}, "logprobs": [], "finish": None})
    content, calls, logprobs, finish = spoken(part)
    whole["text"] += content
    whole["logprobs"] += logprobs
    for index, name, arguments in calls:
        call = whole["calls"].setdefault(index, [name, ""])
        call[1] += arguments
    if finish is not None:
        if whole["finish"] is not None:
            raise Broken(f"choice {part['index']} ends twice")
        whole["finish"] = finish


def read_whole(response):
    body = response.read()
    value = json.loads(body)
    if response.status != 200:
        if set(value) != {"error"} or set(value["error"]) != {"message", "type", "param", "code"}:
            raise Broken(f"a refusal of another shape: {body[:200]}")
        return Outcome(response.status, {0: value})
    choices = {}
    for choice in value["choices"]:
        add_part(choices, choice)
    return Outcome(200, choices, same_usage(value["usage"]))


def read_stream(response, leave_after):
    """Everything up to [DONE] and the end of the body, or so many events."""
    choices, usage, count, done = {}, None, 0, False
    while line := response.readline():
        line = line.rstrip(b"\n")
        if not line.startswith(b"data: "):
            if line and not line.startswith(b":"):
                raise Broken(f"a line that is no event: {line[:80]}")
            continue
        if done:
            raise Broken("an event behind [DONE]")
        count += 1
        if line == b"data: [DONE]":
            done = True
            continue
        event = json.loads(line[6:])
        if "error" in event:
            raise Broken(f"an error in the stream: {event}")
        for part in event["choices"]:
            add_part(choices, part)
        usage = event.get("usage") or usage
        if leave_after is not None and count >= leave_after:
            return Outcome(200, choices)
    if not done:
        raise Broken("the stream ended without [DONE]")
    unended = [index for index, choice in choices.items() if choice["finish"] is None]
    if unended or not choices:
        raise Broken(f"choices {unended} of {len(choices)} have no end")
    return Outcome(200, choices, same_usage(usage))


def drop(sock, rng):
    """Ends a connection as a process that goes away does, or as a killed one with unread bytes (reset)."""
    if rng.random() < 0.5:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Client:
    def __init__(self, port):
        self.port = port
        self.connection = None

    def run(self, job):
        """The outcome; None when the client left before there was one."""
        if job.upload < 1.0 or job.leave_after == 0:
            return self.leave_early(job)
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            self.connection.request("POST", job.path, job.body, {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            if "event-stream" not in response.headers["Content-Type"]:
                outcome = read_whole(response)
            else:
                outcome = read_stream(response, job.leave_after)
            closing = response.will_close
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise Broken(f"{type(error).__name__}: {error}") from error
        if closing or not job.stays:
            self.close()
        return outcome

    def leave_early(self, job):
        rng = random.Random(job.body)
        data = served.post(job.body, job.path)
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        sock.sendall(data[: int(len(data) * job.upload)])
        time.sleep(rng.random() * 0.1)  # into its upload, its wait, its prompt, or its answer
        drop(sock, rng)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


def run_jobs(port, jobs, clients, pause=0.0):
    """What became of every job, in order: an Outcome, None, or a string that says what went wrong."""
    outcomes = [None] * len(jobs)
    numbers = iter(range(len(jobs)))
    lock = threading.Lock()

    def work():
        client = Client(port)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return client.close()
            try:
                outcomes[number] = client.run(jobs[number])
            except Broken as problem:
                outcomes[number] = str(problem)
            if pause:
                time.sleep(pause)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def difference(job, under_load, alone):
    """Why the two are not the same; empty when they are. Who left early has heard the beginning."""
    for outcome in (under_load, alone):
        if isinstance(outcome, str):
            return outcome
    if under_load is None:
        return ""
    if job.stays:
        if under_load != alone:
            return f"under load {str(under_load)[:400]}\n    alone      {str(alone)[:400]}"
        return ""
    if under_load.status != alone.status or not alone.text().startswith(under_load.text()):
        return f"began with {under_load.text()[:200]!r}\n    alone: {alone.text()[:200]!r}"
    return ""


def without_leaving(job):
    return dataclasses.replace(job, leave_after=None, upload=1.0)
