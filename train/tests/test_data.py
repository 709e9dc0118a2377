# SPDX-License-Identifier: Apache-2.0
"""Generators repeat by seed, training and evaluation seeds are disjoint, texts can be encoded."""

import random

import numpy as np
import pytest
import torch

from train import evaluate
from train.corpus.charset import HANZI, READABLE
from train.data import fonts, lines, packs, pictures, prompts, shapes
from train.data.augment import Augment
from train.data.classes import shape_class
from train.data.encode import Encoder
from train.data.packs import IGNORE, Sizes
from train.model.reading_head import SLOTS, cell_labels
from train.scores import edit_distance

SMALL = Sizes(8, 4, 0.05)
needs_fonts = pytest.mark.skipif(not fonts.CACHE.exists(), reason="run python3 -m train.data.fonts first")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_charset_is_500_distinct_hanzi() -> None:
    assert len(HANZI) == len(set(HANZI)) == 500
    assert len(READABLE) == len(set(READABLE))


def test_every_readable_character_is_one_token(encoder: Encoder) -> None:
    assert all(len(encoder.spelled(char)) == 1 for char in READABLE + " ")


def test_tokenizer_round_trip(encoder: Encoder) -> None:
    rng = random.Random(5)
    texts = [lines.random_text(rng) for _ in range(300)] + prompts.all_english() + list(prompts.SELF.values())
    texts += ["naïve café", "数字１２３", "🙂 emoji", "  spaces\n\tand tabs", "Привет", "日本語かな"]
    for text in texts:
        assert encoder.decode(encoder.sentence(text)) == text
        assert encoder.decode(encoder.spelled(text)) == text


def test_special_tokens_are_single_and_unique(encoder: Encoder) -> None:
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    ids = [encoder.sentence(name) for name in names]
    assert all(len(one) == 1 for one in ids) and len({one[0] for one in ids}) == len(names)
    assert encoder.vocab_size == 8192


def test_texts_are_short_clean_and_readable() -> None:
    rng = random.Random(6)
    for _ in range(3000):
        text = lines.random_text(rng)
        assert 1 <= len(text) <= lines.MAX_CHARS
        assert text == " ".join(text.split())
        assert set(text) <= set(READABLE + " ")


@needs_fonts
def test_packs_repeat_by_seed(encoder: Encoder) -> None:
    first, again, other = (packs.make_pack(encoder, SMALL, seed, 6) for seed in (1, 1, 2))
    assert [batch.kind for batch in first[:2]] == ["line", "shape"] and len(first) in (5, 6)
    for one, two in zip(first, again):
        assert all(np.array_equal(a, b) for a, b in zip(one, two))
    assert not np.array_equal(first[1].suffix, other[1].suffix)


@needs_fonts
def test_pack_targets_follow_their_prompt(encoder: Encoder) -> None:
    for batch in packs.make_pack(encoder, SMALL, 1, 3):
        for ids, start, target in zip(batch.suffix, batch.start, batch.target):
            answer = target[target != IGNORE]
            assert answer[-1] == encoder.end
            assert np.array_equal(ids[start + 1:start + 1 + len(answer)], answer)


def test_training_seeds_stay_below_evaluation_seeds() -> None:
    assert packs.sample_seed(63, (1 << 22) - 1, (1 << 12) - 1) < packs.EVAL_SEED
    for out_of_range in ((64, 0, 0), (0, 1 << 22, 0), (0, 0, 1 << 12)):
        with pytest.raises(ValueError):
            packs.sample_seed(*out_of_range)
    with pytest.raises(ValueError):
        pictures.shapes_example(packs.EVAL_SEED - 1)


def test_evaluation_suites_do_not_overlap() -> None:
    blocks = sorted({(suite.first, suite.first + suite.number) for name, suite in evaluate.SUITES.items() if not name.endswith(("-blank", "-other"))})
    assert all(end <= following for (_, end), (following, _) in zip(blocks, blocks[1:]))


@needs_fonts
def test_evaluation_pictures_repeat() -> None:
    for suite in evaluate.SUITES.values():
        one, two = (suite.make(suite.first) for _ in range(2))
        assert np.array_equal(one.rgb, two.rgb) and (one.question, one.answer) == (two.question, two.answer)


@needs_fonts
def test_unseen_fonts_are_not_trained_on() -> None:
    assert not set(fonts.UNSEEN) & {*fonts.CHINESE, *fonts.LATIN_ONLY}


def test_shapes_picture_has_the_count_it_claims() -> None:
    for seed in range(60):
        picture = shapes.draw_shapes(random.Random(seed), 256, 256)
        colours = [picture.colour] if picture.colour else shapes.COLOURS
        wanted = {shape_class(colour, picture.kind) for colour in colours}
        assert sum(mark[0] in wanted for mark in picture.marks) == picture.count <= shapes.MAX_COUNT


def test_marks_go_to_their_cells_in_order() -> None:
    marks = torch.zeros(1, 5, 3)
    marks[0, :4] = torch.tensor([[7, 3, 5], [8, 20, 5], [9, 40, 5], [5, -4, 5]])  # the last lies outside
    labels = cell_labels(marks, columns=2, rows=1)
    assert labels.shape == (1, 2, SLOTS)
    assert labels[0, 0].tolist() == [7, 8] + [0] * (SLOTS - 2)
    assert labels[0, 1].tolist() == [9] + [0] * (SLOTS - 1)


@needs_fonts
def test_augmentation_repeats_and_stays_in_range() -> None:
    rng = random.Random(1)
    line = lines.draw_line(rng, 128, 64)
    ink = torch.from_numpy(line.ink)[None].repeat(4, 1, 1)
    marks = torch.zeros(4, 3, 3)
    one, two = (Augment("cpu", 3).lines(ink, marks)[0] for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (4, 3, 64, 128) and one.abs().max() <= 1


def test_edit_distance() -> None:
    assert [edit_distance(a, b) for a, b in (("", "ab"), ("abc", "abc"), ("kitten", "sitting"))] == [2, 0, 3]
