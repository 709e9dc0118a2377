# SPDX-License-Identifier: Apache-2.0
"""Contracts of several pages, clips, what cells are linked to, and calculations."""

import json
import random
import re

import numpy as np
import pytest
import torch

from train import evaluate, scores
from train.data import amounts, clips, contract_pages, fonts, links, packs, pictures, tasks, values, vocab
from train.data.canvas import Canvas
from train.data.case import Ask
from train.data.charts import Panel, random_style, total
from train.data.encode import Encoder, Form
from train.graphs import Graphs
from train.model import turn_head
from train.model.place_head import WIDTHS, PlaceHead, own_places, place_loss
from train.model.turn_head import turn_loss
from train.trainer import token_loss

pytestmark = pytest.mark.skipif(not fonts.CACHE.exists(), reason="run python3 -m train.data.fonts first")


def drawn(name: str, number: int, held_out: bool = False):
    task = tasks.TASKS[name]
    for seed in range(number):
        rng = random.Random(f"{name} {seed}")
        yield task.draw(rng, packs.canvas_of(rng, task.canvases), held_out, task.asks)


@pytest.mark.parametrize("held_out", [False, True])
def test_contracts_of_several_pages_keep_their_values_apart(held_out: bool) -> None:
    for case in drawn("contract-3", 8, held_out):
        found = json.loads(case.asks[0].answer)
        assert case.form == Form(3) and found == case.asks[0].facts["fields"]
        assert all(value is None or values.reserved(value) == held_out for value in found.values())


def test_tables_of_items_add_up_to_the_amount() -> None:
    case = contract_pages.draw(random.Random(2), (512, 704), True, 1, 2, table=True)
    assert case.rgb.shape == (2, 704, 512, 3)


@pytest.mark.parametrize("held_out", [False, True])
def test_clips_are_tiled_by_steps_of_their_split(held_out: bool) -> None:
    for case in drawn("clip-30", 12, held_out):
        steps = case.asks[0].facts["steps"]
        assert len(case.rgb) == 60 and case.form.pictures == 30 == len(case.marks)
        assert all(a["end"] == b["start"] for a, b in zip(steps, steps[1:]))
        assert all(step["end"] - step["start"] >= clips.SHORTEST and values.reserved(step["text"]) == held_out for step in steps)
        assert len({step["text"] for step in steps}) == len(steps)
        perfect = scores.steps(case.asks[0].answer, case.asks[0], (1, 1))
        assert perfect["step f1"] == perfect["iou 0.7"] == perfect["exact"] == 1 and perfect["start error"] == 0


def test_both_frames_of_a_group_show_the_same_caption() -> None:
    """What the caption bar shows changes between groups only."""
    rng = random.Random(7)
    film = clips.Film(rng, (192, 128), [clips.Step(1, 6, "打开设置"), clips.Step(6, 12, "保存文件")], "zh")
    film.place = "bar"
    frames = np.stack([film.frame(half / 2).rgb[-30:] for half in range(24)])
    changed = [place for place in range(1, 24) if (frames[place] != frames[place - 1]).any()]
    assert changed == [2, 12]


def test_times_of_groups_are_those_of_the_spec() -> None:
    assert Form(3, 2.0).times() == ["0.2", "1.2", "2.2"] and Form(2, 1.0).times() == ["0.5", "2.5"]


def test_groups_of_a_clip_know_their_step() -> None:
    for case in drawn("clip-15", 6):
        steps = case.asks[0].facts["steps"]
        assert len(case.turns) == 15 and case.turns[0] == (0, 0) and case.turns[-1] == (len(steps) + 1, steps[-1]["end"])
        for number, step in enumerate(steps, 1):
            assert case.turns[step["start"]] == case.turns[step["end"] - 1] == (number, step["start"])


def _steps(*lines: tuple[int, int, str]) -> Ask:
    return Ask("", [], "steps", {"steps": [dict(start=start, end=end, text=text) for start, end, text in lines]})


def test_steps_are_matched_by_text_and_timed() -> None:
    ask = _steps((2, 10, "打开设置"), (10, 20, "保存文件"))
    swapped = scores.steps("00:10-00:20 保存文件\n00:02-00:10 打开设置", ask, (1, 1))
    assert swapped["step f1"] == 1 and swapped["iou 0.7"] == 1
    late = scores.steps("00:06-00:10 打开设置\n00:10-00:20 保存文件", ask, (1, 1))
    assert late["start error"] == 2 and late["within 3 s"] == 0.5 and late["iou 0.5"] == 1 and late["iou 0.7"] == 0.5
    assert scores.steps("00:02-00:10 打开设置", ask, (1, 1))["step f1"] == pytest.approx(2 / 3)
    assert scores.steps("", ask, (1, 1))["step f1"] == 0


def test_cells_of_screens_know_the_component_they_lie_on() -> None:
    known = 0
    for case in drawn("gui", 12):
        height, width = case.rgb.shape[:2]
        widgets = next((ask.facts["widgets"] for ask in case.asks if ask.facts), [])
        middles = {(int(x / width * 100), int(y / height * 100)) for x, y in (widget.centre() for widget in widgets)}
        for column, row in case.cells[..., links.CENTRE].reshape(-1, 2).tolist():
            if column != links.NONE and widgets:
                assert (column, row) in middles
                known += 1
    assert known > 100


def test_labels_of_charts_know_their_value() -> None:
    looked_up = 0
    for case in drawn("info", 60):
        digits = case.cells[..., links.NUMBERS].reshape(-1, 2, links.DIGITS)
        shown = {int("".join(str(digit) for digit in row if digit != links.BLANK)) for cell in digits for row in cell if row[0] != links.NONE}
        for ask in case.asks:
            if ask.kind in ("lookup", "share", "cell") and (number := re.match(r"\d+", ask.answer)):
                assert int(number[0]) in shown
                looked_up += 1
    assert looked_up > 20


def test_labels_of_tables_know_the_ranks_of_their_values_and_heads_their_column() -> None:
    rng = random.Random(11)
    for _ in range(8):
        canvas = Canvas(512, 384, (255, 255, 255))
        panel = Panel(canvas, (8, 8, 504, 376), random_style(rng), values.Values(rng, False), vocab.TOPICS[0], 1)
        panel.table()
        known = {tuple(cell[links.NUMBERS]): tuple(cell[links.RANKS]) for cell in canvas.links.cells.reshape(-1, links.CHANNELS).tolist()
                 if cell[2] != links.NONE}
        for column in (0, 1):
            assert sorted(ranks[column] for ranks in known.values())[-2:] == [1, 2]
        assert {1, 2, 3} <= set(canvas.links.cells[..., links.GROUP].ravel().tolist())


def test_an_earlier_place_head_is_grown_from() -> None:
    head, earlier = PlaceHead(8), PlaceHead(8).state_dict()
    earlier["classes.weight"] = earlier["classes.weight"][:480]
    head.grow_from(earlier)
    assert torch.equal(head.classes.weight[:480], earlier["classes.weight"]) and torch.equal(head.inner.weight, earlier["inner.weight"])


def test_turn_loss_is_lowest_at_the_truth() -> None:
    scores_ = torch.zeros(1, 2, sum(turn_head.WIDTHS))
    turns = torch.tensor([[[1, 3], [2, 9]]])
    even = turn_loss(scores_, turns)
    for place, (number, start) in enumerate(turns[0].tolist()):
        scores_[0, place, number] = scores_[0, place, turn_head.STEPS + start] = 20
    assert turn_loss(scores_, turns) < 1e-4 < even


def test_sums_are_written_out_one_addition_at_a_time() -> None:
    assert total([12, 30]) == "12+30=42" and total([1, 2, 3, 4]) == "1+2+3+4=3+3+4=6+4=10"


def test_amounts_and_calculations_are_right() -> None:
    rng = random.Random(3)
    for _ in range(200):
        text, answer = amounts.money(rng)
        assert not values.reserved(answer)
        digits = re.sub(r"[^\d.]", "", text)
        assert not digits or float(digits) * (10000 if "万元" in text and "." in digits or text.endswith("万元") else 1) == pytest.approx(float(answer))
        text, answer = amounts.calculation(rng)
        assert answer.startswith(text + "=") and not values.reserved(text)
        if "/" not in text:
            assert int(answer.rsplit("=", 1)[1]) == sum(int(number) for number in re.findall(r"[+-]?\d+", text))


def test_place_loss_is_lowest_at_the_truth() -> None:
    own = own_places(2, 1, torch.device("cpu"))
    assert own.tolist() == [[25, 50], [75, 50]]
    cells = torch.full((1, 2, links.CHANNELS), links.NONE, dtype=torch.int8)
    cells[0, 0, links.CENTRE] = torch.tensor([3, 4], dtype=torch.int8)
    scores_ = torch.zeros(1, 2, sum(WIDTHS))
    even = place_loss(scores_, own, cells)
    for place, value in ((0, 25), (1, 75)):
        scores_[0, place, value] = scores_[0, place, 100 + 50] = 20
    scores_[0, 0, 200 + 3] = scores_[0, 0, 300 + 4] = 20
    assert place_loss(scores_, own, cells) < 1e-4 < even
    assert place_loss(scores_, own, cells[:, :0]) < 1e-4


def test_without_a_gpu_every_batch_is_worked_on() -> None:
    done = []
    graphs = Graphs(torch.device("cpu"), torch.Generator(), True)
    for number in range(3):
        graphs.run("same", lambda inputs: done.append(inputs[0].item()), [torch.tensor(number)])
    assert done == [0, 1, 2]


def test_token_loss_ignores_padding() -> None:
    logits, target = torch.zeros(1, 2, 4), torch.tensor([[1, packs.IGNORE]])
    logits[0, 0, 1] = 50
    assert token_loss(logits, target) < 1e-6


def test_a_suite_in_another_font_draws_another_picture() -> None:
    seed = packs.EVAL_SEED + 77
    plain, other = (pictures.task_example(seed, "gui", pictures.Variant(font=font)) for font in ("", "ukai"))
    assert plain.answer == other.answer or plain.rgb.shape == other.rgb.shape
    assert (plain.rgb.shape != other.rgb.shape) or (plain.rgb != other.rgb).any()
    assert fonts.resolved("sans") == "sans"


def test_every_suite_has_full_marks_for_its_own_answer() -> None:
    for name, suite in evaluate.SUITES.items():
        case = evaluate.example(name, 0)
        if case.ask:
            marks = scores.of_kind(case.ask, case.answer, (case.rgb.shape[-2], case.rgb.shape[-3]))
            assert all(value == 1 or measure == "start error" for measure, value in marks.items()), name
        assert len(Encoder().spelled(case.answer)) or case.answer == "", suite.first
