# SPDX-License-Identifier: Apache-2.0
"""Writes `task_hanzi.txt`: the hanzi of the task generators' texts that are not among the 500 most frequent ones.

Run `python3 -m train.corpus.task_charset` after changing `data/vocab.py` or a prompt. Classes of the reading head are
numbered in this order, so new characters go to the end of the file.
"""

from train.corpus.charset import HANZI, HERE, TASK_HANZI
from train.data import prompts, vocab


def texts_of(module: object) -> str:
    """Every string constant of a module, however deep in tuples, lists and dicts."""
    def walk(value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, dict):
            return "".join(walk(key) + walk(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return "".join(map(walk, value))
        return ""

    return "".join(walk(value) for name, value in vars(module).items() if not name.startswith("_") and name.isupper())


def hanzi_of(text: str) -> str:
    return "".join(dict.fromkeys(char for char in text if "\u4e00" <= char <= "\u9fff"))


if __name__ == "__main__":
    new = [char for char in hanzi_of(texts_of(vocab) + texts_of(prompts)) if char not in HANZI + TASK_HANZI]
    everything = TASK_HANZI + "".join(new)
    rows = [everything[i:i + 50] for i in range(0, len(everything), 50)]
    (HERE / "task_hanzi.txt").write_text("\n".join(rows) + "\n", "utf8")
    print(len(everything), "hanzi,", len(new), "of them new")
