# SPDX-License-Identifier: Apache-2.0
"""Chat rendering and token ids.

Every sample is one user turn, pictures first, and one answer:

    <|im_start|>user\\n<|vision_start|> (image tokens) <|vision_end|>QUESTION<|im_end|>\\n<|im_start|>assistant\\nANSWER<|im_end|>

Further pictures follow each other directly. A clip is groups of two frames, each behind its time:

    <|im_start|>user\\n<0.2 seconds><|vision_start|> (tokens) <|vision_end|><1.2 seconds><|vision_start|> (tokens) <|vision_end|>QUESTION...

What precedes each picture is the same for all samples of a `Form`; the rest (`suffix`) varies and is padded on the right.
"""

import dataclasses

import functools
import pathlib

from tokenizers import Tokenizer

TOKENIZER = pathlib.Path(__file__).parents[2] / "models" / "demo" / "tokenizer.json"


@dataclasses.dataclass(frozen=True)
class Form:
    """How many pictures a sample has. With `fps` they are groups of two frames of a clip, which transformers from 5.10 on put
    between a second pair of markers (`outer`)."""

    pictures: int = 1
    fps: float = 0.0
    outer: bool = False

    def times(self) -> list[str]:
        """The groups' times in seconds, as the prompt shows them."""
        return [f"{(2 * group + 0.5) / self.fps:.1f}" for group in range(self.pictures)]


class Encoder:
    """Token ids of prompts and answers, remembered, since both come from small sets."""

    def __init__(self, path: pathlib.Path = TOKENIZER) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.pad = self._id("<|endoftext|>")
        self.end = self._id("<|im_end|>")
        self.image_pad = self._id("<|image_pad|>")
        self.vocab_size = self.tokenizer.get_vocab_size()
        self.before = functools.lru_cache(maxsize=None)(self._before)
        self.question = functools.lru_cache(maxsize=None)(self._question)
        self.plain_prompt = functools.lru_cache(maxsize=None)(self._plain_prompt)
        self.sentence = functools.lru_cache(maxsize=None)(self._encode)
        self._char = functools.lru_cache(maxsize=None)(self._encode)

    def _id(self, token: str) -> int:
        return self.tokenizer.token_to_id(token)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def _before(self, form: Form) -> tuple[tuple[int, ...], ...]:
        """Token ids in front of each picture of a sample."""
        times = [f"<{time} seconds>" for time in form.times()] if form.fps else [""] * form.pictures
        opening = "<|im_start|>user\n" + ("<|vision_start|>" if form.outer else "")
        return tuple(tuple(self._encode(("<|vision_end|>" if number else opening) + time + "<|vision_start|>"))
                     for number, time in enumerate(times))

    def _question(self, text: str, outer: bool = False) -> list[int]:
        return self._encode(f"<|vision_end|>{'<|vision_end|>' * outer}{text}<|im_end|>\n<|im_start|>assistant\n")

    def _plain_prompt(self, text: str) -> list[int]:
        return self._encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")

    def spelled(self, text: str) -> list[int]:
        """One token a character, never a merged word: reading a picture is then one step a glyph."""
        return [token for char in text for token in self._char(char)]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)
