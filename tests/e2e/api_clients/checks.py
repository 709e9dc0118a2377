# SPDX-License-Identifier: Apache-2.0
"""What the Python client scripts share: where the server is, and one printed line per check."""

import base64
import os
import pathlib
import sys
import traceback

URL = os.environ["MONOCLE_URL"] + "/v1"
KEY = os.environ["MONOCLE_KEY"]
MODEL = "monocle-demo"
SAMPLES = pathlib.Path(__file__).resolve().parents[3] / "models/demo/samples"
BYTES = (SAMPLES / "line-en.png").read_bytes()
PICTURE = "data:image/png;base64," + base64.b64encode(BYTES).decode()
QUESTION = "Read the text in the image."
ANSWER = "The small model reads this line."
LOOK = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": QUESTION}]}]
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}}, "required": ["city"],
    "additionalProperties": False}}}

failed = 0


def check(function):
    """Runs the function at once and prints its name and what became of it."""
    global failed
    name = function.__name__
    try:
        function()
        print(f"{name}\tok", flush=True)
    except Exception as error:  # the script goes on with the next check
        failed += 1
        print(f"{name}\tFAIL {type(error).__name__}: {str(error)[:300]!r}", flush=True)
        traceback.print_exc()
    return function


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def same(got, want):
    assert got == want, f"{got!r} is not {want!r}"


def finish():
    sys.exit(1 if failed else 0)
