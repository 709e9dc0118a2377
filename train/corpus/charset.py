# SPDX-License-Identifier: Apache-2.0
"""The characters the demo model is taught to read, and the words its English lines are made of."""

import pathlib

HERE = pathlib.Path(__file__).parent

HANZI = "".join((HERE / "hanzi.txt").read_text("utf8").split())
WORDS = (HERE / "words.txt").read_text("utf8").split()
ASCII = "".join(chr(code) for code in range(33, 127))
PUNCTUATION = "，。、：；？！（）《》“”"
READABLE = ASCII + PUNCTUATION + HANZI
# Written by the task generators beside READABLE: `python3 -m train.corpus.task_charset` collects them.
TASK_HANZI = "".join((HERE / "task_hanzi.txt").read_text("utf8").split())
TASK_SYMBOLS = "¥↑↓●"
ALL_HANZI = HANZI + TASK_HANZI
ALL_READABLE = READABLE + TASK_SYMBOLS + TASK_HANZI
