#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/tokenizer/: a small vocabulary of the Qwen form and the ids the `tokenizers` library gives.

    python tools/goldens/make_tokenizer_fixture.py tests/data/tokenizer

The vocabulary is trained on the sentences below. The strings come from the generator of tools/parity/tokenizer.py.
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))
import tokenizer as parity  # noqa: E402

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
           "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>"]
PLAIN = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
         "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
CORPUS = """
The picture shows a red circle above two blue squares. What is written on the sign? Describe this image.
I don't know whether it's the user or the assistant who'll answer; they've asked, and we're waiting. I'd say so.
"Locate every shape," she said, "and report the boxes in JSON format": [{"bbox_2d": [10, 20, 300, 400], "label": "cat"}]
def main(argc, argv):\n    for i in range(argc):\n        print(argv[i])\n    return 0\n\n\n
{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}} system user assistant tool
Le café était fermé, l'été dernier. Straße, Größe, übung. El niño comió piñas. Żółta łódź, čeština, Việt Nam, tiếng Việt.
Привет, как дела? На картинке видно три зелёных треугольника. Ελληνικά γράμματα. العربية من اليمين. עברית קצרה.
这张图片里有一只猫和两只狗。请描述图片中的文字。数学和语言模型。今天天气很好。 日本語の文章です。カタカナとひらがな。한국어 문장입니다.
नमस्ते दुनिया, यह हिन्दी है। สวัสดีชาวโลก 🙂👨‍👩‍👧👍🏽 ❤️ → ← ∑ ≤ € £ …
the the the and and and ing ing er er on on in in to to of of is is a a that it with as for was be by at or from
"""


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False))
    tokenizer.normalizer = normalizers.NFC()
    byte_level = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(**byte_level)]
    )
    tokenizer.post_processor = processors.ByteLevel(**byte_level)
    tokenizer.decoder = decoders.ByteLevel(**byte_level)
    trainer = trainers.BpeTrainer(vocab_size=1000, min_frequency=1, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([CORPUS], trainer)
    return tokenizer


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    settings = json.loads(train().to_str())
    first = len(settings["model"]["vocab"])
    settings["added_tokens"] = [
        {"id": first + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": text in SPECIAL}
        for i, text in enumerate(SPECIAL + PLAIN)
    ]
    text = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer.json").write_text(text + "\n", encoding="utf-8")

    reference = Tokenizer.from_str(text)
    without_added = Tokenizer.from_str(json.dumps({**settings, "added_tokens": []}))
    rng = random.Random(20)
    strings = ["", " ", "\n", "a", "Hello, world!", "  two spaces", "12345", "I'M it's we'LL", "数学café", "数学cafe\u0301",
               "line1\n\n line2\r\n", "🙂👨‍👩‍👧", "<0.3 seconds>", "\t\tx = 1;\n", "x\0y", "<|im_start|>\u0301", "e<|im_end|>\u0301",
               "a" * 300, " " * 100 + "x", "\n" * 60 + " y", "\u0301\u0323" * 60, "the" * 40]
    strings += [s for s in ("".join(parity.piece(rng, SPECIAL + PLAIN) for _ in range(rng.randint(1, 5))) for _ in range(1200))
                if len(s.encode()) < 60][:400]
    cases = [{"text": s, "parsed": reference.encode(s).ids, "as_text": without_added.encode(s).ids} for s in strings]
    for case in cases:
        if case["parsed"] == case["as_text"]:
            del case["as_text"]
    lines = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    (out / "cases.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{first} tokens, {len(settings['model']['merges'])} merges, {len(cases)} strings")


if __name__ == "__main__":
    main()
