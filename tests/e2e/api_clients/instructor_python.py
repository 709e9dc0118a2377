# SPDX-License-Identifier: Apache-2.0
"""instructor: validated objects through tools and through JSON schemas."""

import instructor
import openai
from checks import KEY, LOOK, MODEL, URL, check, finish
from pydantic import BaseModel


class Shape(BaseModel):
    """A shape."""

    round: bool
    filled: bool


def made(mode):
    client = instructor.from_openai(openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0), mode=mode)
    shape = client.chat.completions.create(model=MODEL, messages=LOOK, response_model=Shape, max_tokens=400, max_retries=0)
    assert isinstance(shape, Shape)


@check
def tools():
    made(instructor.Mode.TOOLS)


@check
def json_schema():
    made(instructor.Mode.JSON_SCHEMA)


finish()
