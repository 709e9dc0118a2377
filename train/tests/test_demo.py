# SPDX-License-Identifier: Apache-2.0
"""The shipped checkpoint: layout, size, and the answers promised for its sample pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from train.data.encode import TOKENIZER, Encoder, Form
from train.data.pictures import Example
from train.evaluate import answer
from train.model.config import Shape
from train.model.network import Qwen3VL

DEMO = TOKENIZER.parent
EXPECTED = json.loads((DEMO / "samples" / "expected.json").read_text("utf8"))
SHORT = [case for case in EXPECTED if len(case["answer"]) < 32 and "." in case["file"]]  # this forward has no cache; tests/e2e asks for them all


@pytest.fixture(scope="module")
def model() -> Qwen3VL:
    lean = Qwen3VL(Shape()).eval()
    with safe_open(DEMO / "model.safetensors", "pt") as file:
        lean.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})
    return lean


def test_weights_are_bf16_and_small() -> None:
    with safe_open(DEMO / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}
        assert "lm_head.weight" not in file.keys()
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 30_000_000


def test_config_has_the_published_layout() -> None:
    config = json.loads((DEMO / "config.json").read_text())
    assert config["architectures"] == ["Qwen3VLForConditionalGeneration"] and config["tie_word_embeddings"]
    assert config["text_config"]["rope_scaling"]["mrope_interleaved"] and "rope_theta" in config["text_config"]
    encoder = Encoder()
    assert config["image_token_id"] == encoder.image_pad and config["text_config"]["eos_token_id"] == encoder.end


@pytest.mark.parametrize("case", SHORT, ids=[f"{case['file']} {case['question']}" for case in SHORT])
def test_samples_are_answered_as_promised(model: Qwen3VL, case: dict) -> None:
    rgb = np.asarray(Image.open(DEMO / "samples" / case["file"]).convert("RGB"))
    example = Example(rgb, case["question"], case["answer"])
    assert answer(model, Encoder(), [example], torch.device("cpu")) == [case["answer"]]


def render(messages: list[dict], **options) -> str:
    from transformers import PreTrainedTokenizerFast

    template = json.loads((DEMO / "chat_template.json").read_text("utf8"))["chat_template"]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER))
    return tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, **options)


def test_chat_template_renders_what_training_used() -> None:
    encoder = Encoder()
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "OCR"}]}
    ids = encoder.sentence(render([turn], add_generation_prompt=True))
    assert ids == [*encoder.before(Form())[0], encoder.image_pad] + encoder.question("OCR")


def test_chat_template_renders_tools_and_their_results() -> None:
    call = {"type": "function", "function": {"name": "zoom", "arguments": {"label": "图"}}}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Well", "tool_calls": [call, call]},
                {"role": "tool", "content": "one"}, {"role": "tool", "content": "two"}]
    text = render(messages, tools=[{"type": "function", "function": {"name": "zoom"}}])
    head, tail = text.split("<|im_start|>user\nHi<|im_end|>\n")
    assert head.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n\n")
    assert '<tools>\n{"type": "function", "function": {"name": "zoom"}}\n</tools>\n\nFor each' in head
    assert head.endswith('"arguments": <args-json-object>}\n</tool_call><|im_end|>\n')
    block = '\n<tool_call>\n{"name": "zoom", "arguments": {"label": "图"}}\n</tool_call>'
    answers = "".join(f"\n<tool_response>\n{word}\n</tool_response>" for word in ("one", "two"))
    assert tail == f"<|im_start|>assistant\nWell{block}{block}<|im_end|>\n<|im_start|>user{answers}<|im_end|>\n"
