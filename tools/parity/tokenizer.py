#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the tokenizer with the `tokenizers` library on random mixed-script text; exits with 1 on a difference.

    python tools/parity/tokenizer.py TOKENIZER.json --program BUILD/tests/parity/tokenize_main [--count N] [--seed N]

Four checks: ids with added tokens parsed; ids with added tokens as text (never one of them, and equal to a reference
without added tokens); decoding of those ids and of random ids; the splitting of every single code point.
"""
import argparse
import json
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer

WORDS = (
    "the quick brown fox jumps Hello WORLD don't I'M we'LL they'Re it's O'DON'T function return int main void "
    "привет мир Ёлка été naïve Straße ŒUVRE ǅungla ﬁne ℌello 数学 模型 視覚 言語モデル カタカナ ひらがな 한국어 조선말 "
    "สวัสดี नमस्ते हिन्दी বাংলা தமிழ் తెలుగు العربية עִבְרִית فارسی Ελληνικά Հայերեն ქართული አማርኛ ខ្មែរ မြန်မာ བོད་ "
    "Việt tiếng Kỳ łódź çığ ĳ ŉ ẛ̣ ſtop https://example.com/a?b=c&d user@mail.org C++ x86_64 snake_case camelCase"
).split()
SPACES = [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680",
          "\u2000", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u180e"]
APOSTROPHES = ["'s", "'S", "'t", "'T", "'re", "'rE", "'VE", "'m", "'M", "'ll", "'Ll", "'d", "'D", "'\u017f", "'l",
               "'r", "'x", "''s", "\u2019s", " 's", "'\u212a", "'ſs", "'LLL", "'dd"]
EMOJI = ["🙂", "👨‍👩‍👧", "👍🏽", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "🧑🏿‍🚀", "1️⃣", "☎︎", "\u200d", "\ufe0f", "🏻"]
NFC_BAIT = ["e\u0301", "a\u0323\u0302", "a\u0302\u0323", "o\u031b\u0323", "s\u0323\u0307", "\u1e9b\u0323", "q\u0307\u0323",
            "\u212b", "\u2126", "\u212a", "\u0344", "\u0340", "\u0958", "\u0f73", "\u0f81", "\u2adc", "\u1100\u1161",
            "\u1100\u1161\u11a8", "\uac00\u11a8", "\uac01\u11a8", "\u1161\u11a8", "\uf900", "\ufa0e", "\ufb1d", "\ufb2a",
            "\U0001d15e", "\U0001d1c0", "\U0002f800", "\U0002fa1d", "\U00011099\U000110ba", "\U00011131\U00011127",
            "\U00011347\U0001133e", "\U000114b9\U000114b0", "\U00011935\U00011930", "\u3099", "か\u3099", "は\u309a",
            "\u0b47\u0b3e", "\u0dd9\u0dcf\u0dca", "\u1025\u102e", "\u0327\u0301c", "c\u0327\u0301", "=\u0338", ">\u0338",
            "<\u0338", "\u0c46\u0c56", "\u0cc6\u0cc2\u0cd5", "\u1b05\u1b35", "\u0308\u0301", "\u0345\u0391", "\u1fc1"]
MARKS = [c for a, b in ((0x300, 0x370), (0x483, 0x488), (0x591, 0x5c8), (0x610, 0x61b), (0x64b, 0x660), (0x6d6, 0x6ee),
                        (0x898, 0x900), (0x93a, 0x950), (0xe31, 0xe4f), (0xf71, 0xf85), (0x1ab0, 0x1acf), (0x1dc0, 0x1e00),
                        (0x20d0, 0x20f1), (0x302a, 0x3030), (0x3099, 0x309b), (0xa66f, 0xa67e), (0xfe20, 0xfe30),
                        (0x1d165, 0x1d16a), (0x1d16d, 0x1d173), (0x10eab, 0x10ead), (0x1e130, 0x1e137), (0x1e4ec, 0x1e4f0),
                        (0x11300, 0x11375)) for c in range(a, b)]
DIGITS = "0123456789٠١٢۳۴५६৭੮૯᠐᠑௧௨๓໔༥႖០៩〇一二三①②Ⅷⅸ½¾²³¹₀₁𝟘𝟙𝟚𑁦𑁧㊿㉈፩፪৴"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»–—…、。「」！？：；（）€£¥₹§©®™°±×÷∑∫√∞≠≤←→⇒█▀"
ALIKE = ["<|im_start", "im_end|>", "<|im_start|", "<tool_call", "</tool_call", "<|", "|>", "<", "< think>", "<|Im_start|>"]


def code_point(rng: random.Random) -> str:
    limit = rng.choice((0x80, 0x250, 0x800, 0x3000, 0x10000, 0x20000, 0x110000))
    while True:
        c = rng.randrange(limit)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def piece(rng: random.Random, added: list[str]) -> str:
    kind = rng.randrange(16)
    if kind < 4:
        word = rng.choice(WORDS)
        return rng.choice((word, word.upper(), word.capitalize(), word + rng.choice(MARKS_TEXT)))
    if kind < 7:
        return "".join(rng.choice(SPACES) for _ in range(rng.randint(1, 4)))
    if kind == 7:
        return rng.choice(APOSTROPHES)
    if kind == 8:
        return rng.choice(EMOJI)
    if kind == 9:
        return rng.choice(NFC_BAIT)
    if kind == 10:
        return "".join(rng.choice(MARKS_TEXT) for _ in range(rng.randint(1, 5)))
    if kind == 11:
        return "".join(rng.choice(DIGITS) for _ in range(rng.randint(1, 5)))
    if kind == 12:
        return "".join(rng.choice(PUNCTUATION) for _ in range(rng.randint(1, 5)))
    if kind == 13:
        return rng.choice(added) if rng.random() < 0.7 else rng.choice(ALIKE)
    if kind == 14:
        return "".join(code_point(rng) for _ in range(rng.randint(1, 6)))
    return rng.choice((rng.choice(PUNCTUATION + "a0 \n\u0301가"), code_point(rng))) * rng.choice((2, 3, 7, 60, 200))


MARKS_TEXT = [chr(c) for c in MARKS]


def block(data: bytes, count: int) -> bytes:
    return struct.pack("<I", count) + data


def run(program: str, tokenizer: str, mode: str, blocks: list[bytes], item: int) -> list[bytes]:
    out = subprocess.run([program, tokenizer, mode], input=b"".join(blocks), stdout=subprocess.PIPE, check=True).stdout
    result, pos = [], 0
    while pos < len(out):
        size = struct.unpack_from("<I", out, pos)[0] * item
        result.append(out[pos + 4 : pos + 4 + size])
        pos += 4 + size
    assert len(result) == len(blocks), (len(result), len(blocks))
    return result


def encode(program: str, tokenizer: str, mode: str, texts: list[str]) -> list[list[int]]:
    blocks = [block(data, len(data)) for data in (t.encode() for t in texts)]
    return [list(struct.unpack(f"<{len(b) // 4}i", b)) for b in run(program, tokenizer, mode, blocks, 4)]


def decode(program: str, tokenizer: str, id_lists: list[list[int]]) -> list[str]:
    blocks = [block(struct.pack(f"<{len(ids)}i", *ids), len(ids)) for ids in id_lists]
    return [b.decode() for b in run(program, tokenizer, "decode", blocks, 1)]


def report(name: str, inputs: list, ours: list, theirs: list) -> int:
    bad = [i for i in range(len(inputs)) if ours[i] != theirs[i]]
    print(f"{name}: {len(inputs)} compared, {len(bad)} different")
    for i in bad[:5]:
        print(f"  input  {inputs[i]!r}\n  ours   {ours[i]!r}\n  theirs {theirs[i]!r}")
    return len(bad)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer")
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    with open(args.tokenizer, encoding="utf-8") as file:
        settings = json.load(file)
    added = [t["content"] for t in settings["added_tokens"]]
    added_ids = {t["id"] for t in settings["added_tokens"]}
    reference = Tokenizer.from_file(args.tokenizer)
    without_added = Tokenizer.from_str(json.dumps({**settings, "added_tokens": []}))

    rng = random.Random(args.seed)
    texts = ["".join(piece(rng, added) for _ in range(rng.randint(1, 12))) for _ in range(args.count)]
    singles = [f"{before}{chr(c)}{after}" for c in range(0x110000) if not 0xD800 <= c < 0xE000
               for before, after in (("'", "e"), (" ", "a1"))]
    bad = 0

    ours = encode(args.program, args.tokenizer, "parse", texts)
    bad += report("ids, added tokens parsed", texts, ours, [e.ids for e in reference.encode_batch(texts)])
    as_text = encode(args.program, args.tokenizer, "text", texts)
    bad += report("ids, added tokens as text", texts, as_text, [e.ids for e in without_added.encode_batch(texts)])
    leaked = sum(any(i in added_ids for i in ids) for ids in as_text)
    print(f"added tokens from text: {leaked}")
    bad += leaked
    for begin in range(0, len(singles), 200_000):
        part = singles[begin : begin + 200_000]
        theirs = [e.ids for e in without_added.encode_batch(part)]
        bad += report(f"single code points from {begin // 2:#x}", part, encode(args.program, args.tokenizer, "text", part), theirs)

    size = reference.get_vocab_size()
    random_ids = [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(args.count // 5)]
    for name, ids in (("decoding of ids", ours), ("decoding of random ids", random_ids)):
        bad += report(name, ids, decode(args.program, args.tokenizer, ids), reference.decode_batch(ids, skip_special_tokens=False))
    print(f"{sum(map(len, texts))} characters, {sum(map(len, ours))} ids; {bad} differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
