# SPDX-License-Identifier: Apache-2.0
"""Builds `models/demo/tokenizer.json`: byte-level BPE in Qwen's form with a vocabulary of 8 192.

Every GB 2312 level-1 hanzi, and every one taught, is one token, and no token spans two hanzi, so that reading a picture
is one token per glyph. ASCII merges are learned from the word list, the prompts and the chat markup. Special tokens have Qwen's names
and order but, the vocabulary being small, other ids: a reader must take them from config.json.
"""

import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from train.corpus.charset import HANZI, PUNCTUATION, WORDS
from train.data import prompts

VOCAB_SIZE = 8192
# Qwen's pre-tokenizer; contractions, words, single digits, punctuation, white space.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
           "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
           "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
ADDED = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
         "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
SYMBOLS = "…—·￥×÷±°→←↑↓√■□●○★☆△▲‘’〈〉【】「」％"
MARKUP = ["user\n", "assistant\n", "system\n", '{"name": "", "arguments": {"": ""}}',
          '[{"bbox_2d": [0, 0], "label": ""}]', '{"point_2d": [0, 0]}', "<div class=\"\"></div>", "<span>", "<button>", "<input type=\"\">",
          " seconds>"]


def byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + i) for i, byte in enumerate(rest)}}


def level1_hanzi() -> str:
    """The 3 755 hanzi of GB 2312 level 1: rows 16 to 55 of the standard."""
    rows = range(0xB0, 0xD8)
    return "".join(bytes([row, cell]).decode("gb2312") for row in rows for cell in range(0xA1, 0xFF)
                   if not (row == 0xD7 and cell > 0xF9))


def kana() -> str:
    return "".join(map(chr, [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB)]))


def latin_and_friends() -> str:
    """Accented Latin, Greek and Cyrillic letters: one token each keeps European text short."""
    return "".join(map(chr, [*range(0xC0, 0x180), *range(0x391, 0x3CA), *range(0x410, 0x452)]))


class Merges:
    """An ordered merge list and the vocabulary it yields."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.vocab = {symbol: i for i, symbol in enumerate(sorted(byte_alphabet().values(), key=ord))}

    def add(self, left: str, right: str) -> None:
        if left + right not in self.vocab:
            self.pairs.append((left, right))
            self.vocab[left + right] = len(self.vocab)

    def add_characters(self, characters: str) -> None:
        """One token a character; all two-byte prefixes first, since merges apply in this order."""
        alphabet = byte_alphabet()
        spelled = [[alphabet[byte] for byte in char.encode()] for char in characters]
        for symbols in spelled:
            self.add(symbols[0], symbols[1])
        for symbols in spelled:
            if len(symbols) == 3:
                self.add(symbols[0] + symbols[1], symbols[2])


def learned_ascii_merges(size: int) -> list[list[str]]:
    """Ordinary BPE over English words (as they stand in a sentence), prompts and markup."""
    corpus = [" ".join(WORDS[: len(WORDS) // share]) for share in (1, 2, 4, 8, 16)] + [" ".join(w.title() for w in WORDS)]
    corpus += (MARKUP + prompts.all_english()) * 20
    trainee = Tokenizer(models.BPE())
    trainee.pre_tokenizer = pre_tokenizer()
    trainee.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return json.loads(trainee.to_str())["model"]["merges"]


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), byte_level])


def build() -> Tokenizer:
    room = VOCAB_SIZE - len(SPECIAL) - len(ADDED)
    merges = Merges()
    merges.add_characters("".join(dict.fromkeys(level1_hanzi() + HANZI + PUNCTUATION + SYMBOLS + kana() + latin_and_friends())))
    for left, right in learned_ascii_merges(VOCAB_SIZE):
        if len(merges.vocab) < room:
            merges.add(left, right)
    if len(merges.vocab) != room:
        raise ValueError(f"vocabulary has {len(merges.vocab)} entries before added tokens, not {room}")
    tokenizer = Tokenizer(models.BPE(vocab=merges.vocab, merges=merges.pairs))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in ADDED])
    return tokenizer


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    built = build()
    built.save(str(target))
    print(target, built.get_vocab_size(), "entries,", target.stat().st_size // 1024, "KiB")
