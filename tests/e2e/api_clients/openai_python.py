# SPDX-License-Identifier: Apache-2.0
"""openai-python, unmodified: sync, async, helpers, errors. Runs with each pinned generation."""

import asyncio
import json

import openai
from checks import ANSWER, KEY, LOOK, MODEL, PICTURE, QUESTION, URL, WEATHER, check, finish, raises, same
from pydantic import BaseModel

client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
chat = client.chat.completions


class Shape(BaseModel):
    round: bool
    filled: bool


@check
def models():
    same([model.id for model in client.models.list()], [MODEL])
    same(client.models.retrieve(MODEL).object, "model")
    same(raises(openai.NotFoundError, lambda: client.models.retrieve("org/none")).code, "model_not_found")


@check
def chat_with_a_picture():
    reply = chat.create(model=MODEL, messages=LOOK, max_tokens=64, temperature=0)
    same(reply.choices[0].message.content, ANSWER)
    same(reply.choices[0].finish_reason, "stop")
    assert reply.usage.prompt_tokens_details.cached_tokens >= 0
    assert reply.id.startswith("chatcmpl-") and reply.system_fingerprint


@check
def stream_with_usage():
    text, usage = "", None
    for chunk in chat.create(model=MODEL, messages=LOOK, max_tokens=64, stream=True, stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    same(text, ANSWER)
    assert usage.completion_tokens > 0


@check
def stream_helper():
    with chat.stream(model=MODEL, messages=LOOK, max_tokens=64) as stream:
        kinds = {event.type for event in stream}
        same(stream.get_final_completion().choices[0].message.content, ANSWER)
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds


@check
def parse_helper():
    reply = chat.parse(model=MODEL, messages=LOOK, max_tokens=400, response_format=Shape)
    assert isinstance(reply.choices[0].message.parsed, Shape)


@check
def tools():
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        reply = chat.create(model=MODEL, messages=LOOK, tools=[WEATHER], tool_choice=choice, max_tokens=400,
                            parallel_tool_calls=False)
        call = reply.choices[0].message.tool_calls[0]
        same((reply.choices[0].finish_reason, call.function.name), ("tool_calls", "get_weather"))
        assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")
    again = [*LOOK, reply.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "12 C"}]
    chat.create(model=MODEL, messages=again, tools=[WEATHER], max_tokens=8)


@check
def tools_streamed():
    with chat.stream(model=MODEL, messages=LOOK, tools=[WEATHER], tool_choice="required", max_tokens=400,
                     parallel_tool_calls=False) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")


@check
def logprobs_and_n():
    reply = chat.create(model=MODEL, messages=LOOK, max_tokens=4, logprobs=True, top_logprobs=2, n=2)
    same(len(reply.choices), 2)
    assert len(reply.choices[1].logprobs.content[0].top_logprobs) == 2


@check
def raw_response():
    raw = chat.with_raw_response.create(model=MODEL, messages=LOOK, max_tokens=64, extra_headers={"x-request-id": "mine"})
    same(raw.headers["x-request-id"], "mine")
    same(raw.parse().choices[0].message.content, ANSWER)


@check
def errors():
    wrong = openai.OpenAI(base_url=URL, api_key="sk-wrong-wrong-wrong", max_retries=0)
    same(raises(openai.AuthenticationError, wrong.models.list).code, "invalid_api_key")
    error = raises(openai.BadRequestError, lambda: chat.create(model=MODEL, messages=LOOK, n=99))
    same((error.param, error.type), ("n", "invalid_request_error"))
    same(raises(openai.NotFoundError, lambda: chat.create(model="gpt-none", messages=LOOK)).code, "model_not_found")
    long = [{"role": "user", "content": "word " * 9000}]
    for stream in (False, True):
        error = raises(openai.BadRequestError, lambda: chat.create(model=MODEL, messages=long, stream=stream))  # noqa: B023
        same(error.code, "context_length_exceeded")
    remote = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]
    same(raises(openai.BadRequestError, lambda: chat.create(model=MODEL, messages=remote)).code, "remote_media_disabled")


@check
def completions():
    whole = client.completions.create(model=MODEL, prompt="The small", max_tokens=4, logprobs=1)
    pieces = client.completions.create(model=MODEL, prompt="The small", max_tokens=4, stream=True)
    same("".join(piece.choices[0].text for piece in pieces), whole.choices[0].text)


@check
def embeddings():
    plain = client.embeddings.create(model=MODEL, input=["a", "b"], encoding_format="float")
    coded = client.embeddings.create(model=MODEL, input=["a", "b"])  # it asks for base64 by itself
    same([row.index for row in coded.data], [0, 1])
    for one, other in zip(plain.data, coded.data, strict=True):
        assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True)) < 1e-3
    same(len(client.embeddings.create(model=MODEL, input=[1, 2, 3], dimensions=8).data[0].embedding), 8)
    assert plain.usage.total_tokens == 2
    error = raises(openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input=""))
    same(error.param, "input")


ITEMS = [{"role": "user", "content": [{"type": "input_image", "image_url": PICTURE, "detail": "auto"},
                                      {"type": "input_text", "text": QUESTION}]}]


@check
def responses():
    reply = client.responses.create(model=MODEL, input=ITEMS, max_output_tokens=64)
    same((reply.output_text, reply.status), (ANSWER, "completed"))
    assert reply.usage.input_tokens > 0
    text = ""
    for event in client.responses.create(model=MODEL, input=ITEMS, max_output_tokens=64, stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
    same((text, event.type), (ANSWER, "response.completed"))


@check
def responses_helpers():
    with client.responses.stream(model=MODEL, input=ITEMS, max_output_tokens=64) as stream:
        for _ in stream:
            pass
        same(stream.get_final_response().output_text, ANSWER)
    parsed = client.responses.parse(model=MODEL, input=ITEMS, max_output_tokens=400, text_format=Shape)
    assert isinstance(parsed.output_parsed, Shape)
    tool = {"type": "function", **WEATHER["function"], "strict": True}
    called = client.responses.create(model=MODEL, input=ITEMS, tools=[tool], tool_choice="required", max_output_tokens=400,
                                     parallel_tool_calls=False)
    same(called.output[-1].name, "get_weather")


@check
def async_client():
    async def run():
        async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0) as remote:
            many = [remote.chat.completions.create(model=MODEL, messages=LOOK, max_tokens=64) for _ in range(8)]
            same({reply.choices[0].message.content for reply in await asyncio.gather(*many)}, {ANSWER})
            stream = await remote.chat.completions.create(model=MODEL, messages=LOOK, max_tokens=64, stream=True)
            same("".join([chunk.choices[0].delta.content or "" async for chunk in stream]), ANSWER)

    asyncio.run(run())


finish()
