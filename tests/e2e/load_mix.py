# SPDX-License-Identifier: Apache-2.0
"""What a busy server is asked: request number `index` of a seed is always the same, and each kind comes in its turn."""

import dataclasses
import json
import random

import served

WORDS = ("river table seven green motor paper light stone market winter signal bridge copper garden number window the of and "
         "a under with is 合同 金额 日期 图表 屏幕 问题 回答 é ß 𝄞 😀").split()
PICTURES = ("line-en.png", "line-zh.png", "shapes.jpg", "page.jpg", "chart-en.png", "web.png")
QUESTIONS = (served.QUESTION, "How many red circles are there?", "图中有什么文字？", "Describe the picture.",
             "Convert this screenshot to HTML.", "What is the largest value?")
SCHEMAS = (
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "count": {"type": "integer"}},
     "required": ["name", "count"], "additionalProperties": False},
    {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "minItems": 2, "maxItems": 4},
    {"type": "object", "properties": {"ok": {"type": "boolean"}, "at": {"type": "array", "items": {"type": "number"},
     "minItems": 2, "maxItems": 2}}, "required": ["ok", "at"], "additionalProperties": False},
    {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[a-f]{2,6}$"}]},
)
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {
    "type": "object", "properties": {"x": {"type": "integer"}, "label": {"enum": ["a", "b"]}},
    "required": ["x", "label"], "additionalProperties": False}}} for name in ("click", "scroll")]
# What is drawn from; a kind stands there as often as it is to come up.
KINDS = (["text"] * 5 + ["sampled"] * 2 + ["completion"] * 2 + ["pictures"] * 4 + ["schema"] * 3 + ["tools"] * 2 + ["choices"]
         + ["stops"] + ["cancel"] * 2 + ["vanish", "upload"] + ["long", "malformed"])


@dataclasses.dataclass
class Job:
    kind: str
    path: str
    body: bytes
    leave_after: int | None = None  # events read before the client leaves; None: it stays to the end
    upload: float = 1.0  # part of the request that is sent before the client leaves

    @property
    def stays(self):
        return self.leave_after is None and self.upload == 1.0


def text(rng, low=3, high=60):
    return " ".join(rng.choices(WORDS, k=rng.randint(low, high)))


def chat(rng, messages=None, **fields):
    body = {"messages": messages or [{"role": "user", "content": text(rng)}], "max_tokens": rng.randint(1, 60), **fields}
    if rng.random() < 0.5:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if rng.random() < 0.4 and "response_format" not in fields:
        body |= {"ignore_eos": True, "max_tokens": rng.randint(60, 160)}
    return body


def pictures(rng):
    names = rng.choices(PICTURES, k=rng.randint(1, 4))
    return chat(rng, served.look(*map(served.picture, names), text=rng.choice(QUESTIONS)))


def malformed(rng):
    """Bodies that are refused, each for another reason."""
    good = chat(rng)
    picture = served.look("data:image/png;base64," + "iVBORw0KGgo" * rng.randint(1, 9))
    wrong = [{**good, "temperature": -rng.random()}, {**good, "messages": []}, {**good, "n": 17}, {**good, "messages": picture},
             {**good, "max_tokens": 0}, {**good, "stop": [1]}, {**good, "model": "nobody"},
             {**good, "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "#/no"}}}}]
    choice = rng.randrange(len(wrong) + 2)
    if choice < len(wrong):
        return json.dumps(wrong[choice]).encode()
    whole = json.dumps(good).encode()
    return whole[: rng.randrange(len(whole))] if choice == len(wrong) else b"[" * 100


def body_of(kind, rng):
    """The path and the JSON of a request that is good, or too long."""
    if kind == "completion":
        fields = {"prompt": text(rng), "max_tokens": rng.randint(1, 32), "echo": rng.random() < 0.3}
        return "/v1/completions", fields | ({"stream": True} if rng.random() < 0.5 else {})
    if kind == "sampled":
        return served.CHAT, chat(rng, temperature=1.0, seed=rng.randrange(1 << 30), top_p=0.9, presence_penalty=0.5)
    if kind == "schema":
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": rng.choice(SCHEMAS), "strict": True}}
        return served.CHAT, chat(rng, response_format=form)
    if kind == "tools":
        return served.CHAT, chat(rng, tools=TOOLS, tool_choice=rng.choice(["required", "auto", "none"]))
    if kind == "choices":
        return served.CHAT, chat(rng, n=rng.randint(2, 4), logprobs=True, top_logprobs=2)
    if kind == "stops":
        return served.CHAT, chat(rng, stop=rng.choices(["e", "the", " 1", "。", "</"], k=2), ignore_eos=True)
    if kind == "pictures":
        return served.CHAT, pictures(rng)
    if kind == "long":
        return served.CHAT, chat(rng, [{"role": "user", "content": text(rng, 4000, 5000)}])
    return served.CHAT, chat(rng)


def make_job(seed, index):
    rng = random.Random(f"{seed} {index}")
    # One pass over every kind, in another order each time.
    order = random.Random(f"{seed} {index // len(KINDS)}").sample(KINDS, len(KINDS))
    kind = order[index % len(KINDS)]
    if kind == "malformed":
        return Job(kind, served.CHAT, malformed(rng))
    if kind == "cancel":
        path, body = body_of(rng.choice(["text", "pictures", "schema"]), rng)
        body |= {"stream": True, "max_tokens": 200}
        return Job(kind, path, json.dumps(body).encode(), leave_after=rng.randint(1, 30))
    path, body = body_of("pictures" if kind in ("vanish", "upload") and rng.random() < 0.6 else kind, rng)
    job = Job(kind, path, json.dumps(body).encode())
    if kind == "vanish":
        job.leave_after = 0
    elif kind == "upload":
        job.upload = rng.random()
    return job
