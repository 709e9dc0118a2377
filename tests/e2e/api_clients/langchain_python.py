# SPDX-License-Identifier: Apache-2.0
"""LangChain's ChatOpenAI."""

from checks import ANSWER, KEY, MODEL, PICTURE, QUESTION, URL, check, finish, raises, same
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

model = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, temperature=0, max_tokens=400, stream_usage=True, max_retries=0)
LOOK = HumanMessage([{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": QUESTION}])


class Shape(BaseModel):
    """A shape."""

    round: bool


@tool
def get_weather(sunny: bool) -> str:
    """Weather of today."""
    return f"sunny: {sunny}"


@check
def invoke():
    reply = model.invoke([("system", "Be brief."), LOOK])
    assert reply.usage_metadata["total_tokens"] > 0
    same(model.invoke([LOOK]).content, ANSWER)


@check
def stream_with_usage():
    whole = None
    for chunk in model.stream([LOOK]):
        whole = chunk if whole is None else whole + chunk
    same(whole.content, ANSWER)
    assert whole.usage_metadata["output_tokens"] > 0


@check
def bind_tools():
    bound = model.bind_tools([get_weather], tool_choice="get_weather", parallel_tool_calls=False)
    reply = bound.invoke([LOOK])
    call = reply.tool_calls[0]
    assert isinstance(call["args"]["sunny"], bool)
    model.bind_tools([get_weather]).invoke([LOOK, reply, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])])


@check
def with_structured_output():
    for method in ("json_schema", "function_calling"):
        assert isinstance(model.with_structured_output(Shape, method=method).invoke([LOOK]), Shape)


@check
def too_long():
    error = raises(Exception, lambda: model.invoke("word " * 9000))
    assert "maximum context length" in str(error)


@check
def responses_api():
    remote = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, use_responses_api=True, max_tokens=64, max_retries=0)
    same(remote.invoke([LOOK]).text, ANSWER)


@check
def embeddings():
    # Without this flag it sends token ids of another model's tokenizer.
    remote = OpenAIEmbeddings(base_url=URL, api_key=KEY, model=MODEL, check_embedding_ctx_length=False, max_retries=0)
    documents = remote.embed_documents(["The small model", "reads"])
    query = remote.embed_query("The small model")
    assert sum(a * b for a, b in zip(documents[0], query, strict=True)) > 0.999
    assert sum(a * b for a, b in zip(documents[1], query, strict=True)) < 0.999


finish()
