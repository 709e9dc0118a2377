# SPDX-License-Identifier: Apache-2.0
"""Questions, in English and Chinese, and the fixed answers. The first of each list is the documented form."""

import random

READ = {
    "en": ["Read the text in the image.", "Read all the text in the image.", "What does the image say?",
           "What text is in the picture?", "Transcribe the text.", "OCR"],
    "zh": ["读出图中的文字。", "图中写了什么?", "图中写了什么？", "识别图片中的文字。", "请读出图片里的文字。", "请输出图中的全部文字。"],
}
COUNT = {
    "en": ["How many {thing} are there?", "How many {thing} are in the image?", "How many {thing} can you see?",
           "Count the {thing}."],
    "zh": ["图中有几个{thing}?", "图中有几个{thing}？", "图里有多少个{thing}?", "图中有多少个{thing}？", "数一数图中的{thing}。"],
}
NO_TEXT = {"en": "(no text)", "zh": "(没有文字)"}

# Text-only small talk: says honestly what this model is.
SELF = {
    "en": "I am monocle's tiny demo model. I can read one printed line and count coloured shapes.",
    "zh": "我是 monocle 的小型演示模型，能读出图中的一行文字，也能数出彩色图形的个数。",
}
ABOUT = {
    "en": ["What can you do?", "Who are you?", "Who are you and what can you do?", "What are you?", "Hello", "Hi", "Help",
           "Tell me about yourself.", "Are you Qwen?", "What model is this?"],
    "zh": ["你是谁?", "你是谁？", "你能做什么?", "你能做什么？", "你会什么？", "你好", "介绍一下你自己。", "你是什么模型?", "你是什么模型？", "帮助"],
}

COLOURS = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "purple": "紫", "black": "黑"}
KINDS = {"circle": "圆形", "square": "正方形", "triangle": "三角形", "star": "五角星"}


def language(rng: random.Random) -> str:
    return "en" if rng.random() < 0.5 else "zh"


def pick(rng: random.Random, choices: list[str]) -> str:
    """The documented form half of the time, any paraphrase otherwise."""
    return choices[0] if rng.random() < 0.5 else rng.choice(choices)


def thing(lang: str, colour: str | None, kind: str) -> str:
    """'red circles' or '红色的圆形'; without a colour 'circles' or '圆形'."""
    if lang == "en":
        return f"{colour} {kind}s" if colour else f"{kind}s"
    return f"{COLOURS[colour]}色的{KINDS[kind]}" if colour else KINDS[kind]


def all_english() -> list[str]:
    """Every English prompt and answer, for the tokenizer's corpus."""
    things = [thing("en", colour, kind) for colour in (None, *COLOURS) for kind in KINDS]
    counting = [form.format(thing=name) for form in COUNT["en"] for name in things]
    return READ["en"] + counting + ABOUT["en"] + [SELF["en"], NO_TEXT["en"]]
