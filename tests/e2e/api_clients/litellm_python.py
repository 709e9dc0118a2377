# SPDX-License-Identifier: Apache-2.0
"""litellm as a library, with the openai/ and the hosted_vllm/ providers."""

import litellm
from checks import ANSWER, KEY, LOOK, MODEL, URL, WEATHER, check, finish, raises, same

litellm.telemetry = False
COMMON = {"api_base": URL, "api_key": KEY, "messages": LOOK, "max_tokens": 64, "num_retries": 0}


@check
def completion():
    for provider in ("openai", "hosted_vllm"):
        reply = litellm.completion(model=f"{provider}/{MODEL}", **COMMON)
        same(reply.choices[0].message.content, ANSWER)
        assert reply.usage.total_tokens > 0


@check
def stream():
    text = ""
    for chunk in litellm.completion(model=f"openai/{MODEL}", stream=True, stream_options={"include_usage": True}, **COMMON):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    same(text, ANSWER)


@check
def tools():
    reply = litellm.completion(model=f"openai/{MODEL}", tools=[WEATHER], tool_choice="required", **{**COMMON, "max_tokens": 400})
    same(reply.choices[0].message.tool_calls[0].function.name, "get_weather")


@check
def errors_keep_their_kind():
    long = {**COMMON, "messages": [{"role": "user", "content": "word " * 9000}]}
    raises(litellm.ContextWindowExceededError, lambda: litellm.completion(model=f"openai/{MODEL}", **long))
    wrong = {**COMMON, "api_key": "sk-wrong-wrong-wrong"}
    raises(litellm.AuthenticationError, lambda: litellm.completion(model=f"openai/{MODEL}", **wrong))


finish()
