# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex's OpenAILike."""

from checks import ANSWER, BYTES, KEY, MODEL, QUESTION, URL, check, finish, same
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(api_base=URL, api_key=KEY, model=MODEL, is_chat_model=True, is_function_calling_model=True,
                   context_window=4096, max_tokens=400, temperature=0, max_retries=0)
LOOK = [ChatMessage(role="user", blocks=[ImageBlock(image=BYTES, image_mimetype="image/png"), TextBlock(text=QUESTION)])]


@check
def chat_with_a_picture():
    same(model.chat(LOOK).message.content, ANSWER)


@check
def stream():
    same("".join(piece.delta for piece in model.stream_chat(LOOK)), ANSWER)


@check
def complete():
    assert model.complete("hi").text is not None


@check
def call_a_tool():
    def get_weather(sunny: bool) -> str:
        """Weather of today."""
        return str(sunny)

    tool = FunctionTool.from_defaults(get_weather)
    reply = model.chat_with_tools([tool], chat_history=LOOK, tool_required=True)
    same(model.get_tool_calls_from_response(reply)[0].tool_name, "get_weather")


finish()
