# SPDX-License-Identifier: Apache-2.0
"""Chat rendering and token ids.

Every sample is one user turn, picture first, and one answer:

    <|im_start|>user\\n<|vision_start|> (image tokens) <|vision_end|>QUESTION<|im_end|>\\n<|im_start|>assistant\\nANSWER<|im_end|>

What precedes the image tokens is the same for all (`prefix`); the rest (`suffix`) varies and is padded on the right.
"""

import functools
import pathlib

from tokenizers import Tokenizer

TOKENIZER = pathlib.Path(__file__).parents[2] / "models" / "demo" / "tokenizer.json"


class Encoder:
    """Token ids of prompts and answers, remembered, since both come from small sets."""

    def __init__(self, path: pathlib.Path = TOKENIZER) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.pad = self._id("<|endoftext|>")
        self.end = self._id("<|im_end|>")
        self.image_pad = self._id("<|image_pad|>")
        self.vocab_size = self.tokenizer.get_vocab_size()
        self.prefix = self._encode("<|im_start|>user\n<|vision_start|>")
        self.question = functools.lru_cache(maxsize=None)(self._question)
        self.plain_prompt = functools.lru_cache(maxsize=None)(self._plain_prompt)
        self.sentence = functools.lru_cache(maxsize=None)(self._encode)
        self._char = functools.lru_cache(maxsize=None)(self._encode)

    def _id(self, token: str) -> int:
        return self.tokenizer.token_to_id(token)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def _question(self, text: str) -> list[int]:
        return self._encode(f"<|vision_end|>{text}<|im_end|>\n<|im_start|>assistant\n")

    def _plain_prompt(self, text: str) -> list[int]:
        return self._encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")

    def spelled(self, text: str) -> list[int]:
        """One token a character, never a merged word: reading a picture is then one step a glyph."""
        return [token for char in text for token in self._char(char)]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)
