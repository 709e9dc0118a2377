# SPDX-License-Identifier: Apache-2.0
"""What the task generators draw: right answers, points inside boxes, and values that training never shows."""

import json
import random
import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from train import scores
from train.corpus.charset import ALL_READABLE, TASK_HANZI
from train.corpus.task_charset import hanzi_of, texts_of
from train.data import contract, fonts, packs, pictures, prompts, tasks, values, vocab
from train.data.classes import CLASSES, GLYPH_CLASS, WIDGET_CLASS
from train.data.encode import Encoder
from train.data.packs import Sizes
from train.data.stream import Slot, slot_bytes
from train.model.reading_head import ReadingHead

pytestmark = pytest.mark.skipif(not fonts.CACHE.exists(), reason="run python3 -m train.data.fonts first")
CASES = 40


def cases(name: str, held_out: bool, number: int = CASES):
    task = tasks.TASKS[name]
    for seed in range(number):
        rng = random.Random(f"{name} {seed}")
        canvas = packs.canvas_of(rng, task.canvases)
        yield canvas, task.draw(rng, canvas, held_out, task.asks)


def test_every_hanzi_of_the_tasks_is_known() -> None:
    assert not set(hanzi_of(texts_of(vocab) + texts_of(prompts))) - set(ALL_READABLE)
    assert len(set(ALL_READABLE)) == len(ALL_READABLE) and TASK_HANZI


def test_classes_are_numbered_without_gaps() -> None:
    numbers = [*GLYPH_CLASS.values(), *WIDGET_CLASS.values()]
    assert len(set(numbers)) == len(numbers) and max(numbers) == CLASSES - 1


def test_about_a_tenth_of_all_texts_is_reserved() -> None:
    share = sum(values.reserved(str(number)) for number in range(20000)) / 20000
    assert 0.08 < share < 0.12


@pytest.mark.parametrize(("cents", "text"), [(123456700, "壹佰贰拾叁万肆仟伍佰陆拾柒元整"), (10000000, "壹拾万元整"), (2005000000, "贰仟零伍万元整"),
                                             (100100100, "壹佰万壹仟零壹元整"), (30000, "叁佰元整"), (9000900, "玖万零玖元整"),
                                             (1230, "壹拾贰元叁角整"), (100005, "壹仟元零伍分"), (0, "零元整")])
def test_capital_amounts(cents: int, text: str) -> None:
    assert values.capital(cents) == text


def test_values_of_training_and_evaluation_are_disjoint() -> None:
    seen = []
    for held_out in (False, True):
        drawn = values.Values(random.Random(3), held_out)
        seen.append({text for _ in range(300) for text in (drawn.company(), drawn.person(), f"{drawn.cents() / 100:.2f}", values.iso(drawn.date()),
                                                           *map(drawn.typed, ("phone", "password", "email", "note")))})
    assert not seen[0] & seen[1]
    assert not any(map(values.reserved, seen[0])) and all(map(values.reserved, seen[1]))


@pytest.mark.parametrize("held_out", [False, True])
def test_screens_have_their_points_in_their_boxes(held_out: bool) -> None:
    kinds = set()
    for (width, height), case in cases("gui", held_out):
        for ask in case.asks:
            if ask.kind == "caption":
                continue
            kinds.add(ask.kind)
            assert values.reserved(ask.question) == held_out
            steps = json.loads(ask.answer)
            assert steps and scores.gui(ask.answer, ask, (width, height))["path"]
            labels = [widget.text for widget in ask.facts["widgets"]]
            assert len(set(labels)) == len(labels)
            for step in steps:
                if step["op"] == "scroll":
                    continue
                hit, = [widget for widget in ask.facts["widgets"] if widget.text == step["label"]]
                assert scores.inside(step["point"], hit.box, (width, height))
                assert step.get("text", "") in ask.question
                assert step["op"] == "click" or values.reserved(step["text"]) == held_out
    assert {"click", "several", "type", "login", "absent"} <= kinds


@pytest.mark.parametrize("held_out", [False, True])
def test_contracts_answer_with_their_facts(held_out: bool) -> None:
    missing = 0
    for size, case in cases("contract", held_out):
        ask = case.asks[0]
        found = json.loads(ask.answer)
        assert found == ask.facts["fields"] and scores.contract(ask.answer, ask, size)["all"]
        missing += None in found.values()
        for name in ("甲方", "金额", "签署日期"):
            assert found[name] is None or values.reserved(found[name]) == held_out
    assert missing


def test_wrapped_lines_do_not_start_with_closing_marks() -> None:
    for _ in range(30):
        for line in contract.wrap("本合同总价为人民币，含税。" * 6, 160, "sans", 16)[1:]:
            assert line[0] not in contract.FORBIDDEN_AT_START


def test_chart_arithmetic_is_right() -> None:
    sums = 0
    for _, case in cases("info", False, 120):
        for ask in case.asks:
            if ask.kind == "growth":
                old, new = map(int, re.match(r"\((\d+)-(\d+)\)", ask.answer).groups()[::-1])
                first, last = re.search(r"=(-?\d+)/\d+=(-?[\d.]+)%$", ask.answer).groups()
                assert int(first) == new - old and abs(float(last) - 100 * (new - old) / old) <= 0.051
                sums += 1
            elif ask.kind in ("diff", "sum"):
                *expressions, result = ask.answer.split("=")
                for expression in expressions:
                    assert int(re.match(r"\d+", result)[0]) == sum(int(number) for number in re.findall(r"[+-]?\d+", expression))
                sums += 1
    assert sums


def test_markup_is_sound() -> None:
    for size, case in cases("html", False):
        assert scores.page_source(case.asks[0].answer, case.asks[0], size) == {"renders": True, "blocks": 1.0, "tree": True}
    for size, case in cases("flow", False):
        ask = case.asks[0]
        root = ElementTree.fromstring(ask.answer)
        ids = {cell.get("id") for cell in root.iter("mxCell")}
        assert all(cell.get(end) in ids for cell in root.iter("mxCell") if cell.get("edge") for end in ("source", "target"))
        assert scores.flow(ask.answer, ask, size) == {"renders": 1, "node f1": 1.0, "edge f1": 1.0, "tree": True}


def test_regions_and_lines_name_what_stands_there() -> None:
    for _, case in cases("page", False):
        for ask in case.asks:
            texts = [text for text, _ in ask.facts["lines"]]
            assert ask.answer == "\n".join(texts) if ask.kind == "all" else ask.answer in texts


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_marks_lie_on_the_canvas_and_answers_survive_the_tokenizer(name: str) -> None:
    encoder, frames = Encoder(), tasks.TASKS[name].frames
    for (width, height), case in cases(name, False, 12 if frames == 1 else 2):
        several = case.rgb.ndim == 4
        assert case.rgb.shape == ((frames, height, width, 3) if several else (height, width, 3))
        assert len(case.marks) == case.form.pictures or not several
        for marks in case.marks if several else [case.marks]:
            assert marks and all(0 < kind < CLASSES and 0 <= x < width and 0 <= y < height for kind, x, y in marks)
        for ask in case.asks:
            assert encoder.decode(packs.answer_ids(encoder, ask)[:-1]) == ask.answer


def test_packs_fit_their_slot() -> None:
    sizes = Sizes(4, 2, 0.05)
    encoder, room = Encoder(), slot_bytes(sizes)
    for step in range(9):
        pack = packs.make_pack(encoder, sizes, 1, step)
        slot = Slot(room)
        read = slot.read(slot.write(pack))
        assert [(kind, form) for kind, form, _ in read] == [(batch.kind, batch.form) for batch in pack]
        assert all(torch.equal(tensor, torch.from_numpy(array)) for (*_, tensors), batch in zip(read, pack) for tensor, array in zip(tensors, batch))


def test_scores_of_gold_empty_and_spoiled_answers() -> None:
    for name in ("gui", "contract", "info", "page", "html", "flow", "contract-3", "clip-15"):
        example = pictures.task_example(packs.EVAL_SEED + 99, name)
        size = example.rgb.shape[1::-1]
        gold, empty = (scores.of_kind(example.ask, text, size) for text in (example.answer, ""))
        gold.pop("start error", None)  # seconds
        assert all(gold.values()), name
        assert not any(empty.values()), name


def test_a_step_left_out_costs_one_step() -> None:
    ask = next(ask for _, case in cases("gui", False) for ask in case.asks if len(ask.facts.get("actions", ())) == 3)
    steps = json.loads(ask.answer)
    result = scores.gui(json.dumps(steps[1:]), ask, (1, 1)), scores.common_steps(steps[:1] + steps[2:], ask.facts["actions"], (1, 1))
    assert not result[0]["path"] and result[0]["valid"]


@pytest.mark.parametrize(("answer", "gold", "right"), [("100", "104", True), ("100", "106", False), ("7-5=2万元", "2万元", True), ("East", "east", True),
                                                       ("West", "East", False), ("", "5", False)])
def test_relaxed_accuracy(answer: str, gold: str, right: bool) -> None:
    assert scores.relaxed(answer, gold) == right


def test_amounts_are_compared_in_cents() -> None:
    assert scores.same_field("金额", "１,234.50", "1234.50") and not scores.same_field("金额", "1234.51", "1234.50")
    assert scores.same_field("甲方", None, None) and not scores.same_field("甲方", None, "a")


def test_a_head_grows_without_forgetting() -> None:
    small, large = ReadingHead(8, 16), ReadingHead(8, 32)
    large.grow_from(small.state_dict())
    tokens = torch.randn(1, 3, 8)
    assert torch.allclose(large(tokens)[..., :16], small(tokens)) and (large(tokens)[..., 16:] == -10).all()
