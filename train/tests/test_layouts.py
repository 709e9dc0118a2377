# SPDX-License-Identifier: Apache-2.0
"""What training shows beside evaluation's layouts, and that evaluation does not show it: bills, cells, many charts, crowded clips."""

import functools
import random

import pytest

from train import evaluate
from train.data import cells, clips, contract_pages, fonts, gui, infographic, packs, values
from train.data.case import Case
from train.data.classes import WIDGET_CLASS
from train.data.tasks import TASKS

pytestmark = pytest.mark.skipif(not fonts.CACHE.exists(), reason="run python3 -m train.data.fonts first")


def counted(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list:
    """Calls of a function, each with what it returned."""
    calls: list = []
    original = getattr(module, name)

    def call(*args: object, **named: object) -> object:
        result = original(*args, **named)
        calls.append((args, result))
        return result

    monkeypatch.setattr(module, name, call)
    return calls


def draw(name: str, number: int, held_out: bool) -> list[Case]:
    task = TASKS[name]
    cases = []
    for seed in range(number):
        rng = random.Random(f"layout {name} {seed}")
        cases.append(task.draw(rng, packs.canvas_of(rng, task.canvases), held_out, 1))
    return cases


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rows_of_a_bill_add_up_to_its_total(rows: int) -> None:
    for seed in range(50):
        rng = random.Random(seed)
        cents = rng.randint(100_000, 900_000_000)
        parts = contract_pages._parts(rng, cents, rows)
        assert len(parts) == rows and sum(parts) == cents and min(parts) >= 0
        assert all(part % 100 == 0 for part in parts[:-1])


def test_a_third_of_trainings_contracts_has_a_bill_that_fits_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    bills = counted(monkeypatch, contract_pages, "_bill")
    cases = draw("contract-2", 60, False)
    assert 10 <= len(bills) <= 32
    for (page, facts), _ in bills:
        assert page.y < page.canvas.height and facts.missing != "金额"
        total = [mark for mark in page.canvas.widgets if mark[0] == WIDGET_CLASS["amount"]]
        assert total and all(0 <= x < page.canvas.width and 0 <= y < page.canvas.height for _, x, y in total)
        assert any(case.asks[0].facts["fields"].get("金额", f"{facts.cents / 100:.2f}") == f"{facts.cents / 100:.2f}" for case in cases)


def test_evaluations_contracts_have_no_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    bills = counted(monkeypatch, contract_pages, "_bill")
    draw("contract-2", 20, True)
    assert not bills


def test_screens_of_cells_are_trainings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(monkeypatch, gui, "screen_of_cells")
    draw("gui", 30, True)
    assert not made
    cases = draw("gui", 60, False)
    phones = sum(case.rgb.shape[0] > case.rgb.shape[1] for case in cases)
    assert 0.15 * phones < len(made) < 0.6 * phones


def test_widgets_of_cells_lie_on_the_screen_beside_each_other() -> None:
    kinds = set()
    for seed in range(60):
        screen = cells.screen_of_cells(random.Random(seed), *random.Random(seed).choice(((320, 640), (384, 768))))
        kinds |= {widget.role for widget in screen.widgets}
        labels = [widget.text for widget in screen.widgets]
        assert len(set(labels)) == len(labels)
        bottom = 0.0
        for left, top, right, below in (widget.box for widget in screen.widgets):
            assert 0 <= left < right <= screen.width and 0 <= top < below <= screen.height
            assert top >= bottom
            bottom = below
    assert {"row", "switch", "input", "button", "link"} <= kinds


def test_evaluation_shows_at_most_two_charts_or_five(monkeypatch: pytest.MonkeyPatch) -> None:
    panels = counted(monkeypatch, infographic, "draw_panel")

    def numbers(make: functools.partial, number: int) -> set[int]:
        found = set()
        for seed in range(number):
            panels.clear()
            make(random.Random(seed))
            found.add(len(panels))
        return found

    assert numbers(lambda rng: infographic.draw(rng, (512, 512), True, 1), 20) == {1, 2}
    assert numbers(lambda rng: infographic.draw(rng, evaluate.BIG[0], True, 1, 5), 5) == {5}
    assert numbers(lambda rng: infographic.many(rng, (640, 704), False, 1), 12) == {3, 4}


def test_crowded_clips_have_as_many_steps_as_fit() -> None:
    for seed in range(20):
        steps = clips._plan(random.Random(seed), 30, True)
        assert len(steps) == 6 or len(steps) == 7
        assert all(end - start >= clips.SHORTEST for start, end in steps) and all(a[1] == b[0] for a, b in zip(steps, steps[1:]))
        unused = steps[0][0] + 30 - steps[-1][1]
        assert len(steps) == min(7, (30 - unused) // clips.SHORTEST)


@pytest.mark.parametrize(("name", "kinds"), [("gui-kinds", 6), ("info-kinds", 15)])
def test_sets_of_kinds_have_each_kind_equally_often(name: str, kinds: int) -> None:
    suite = evaluate.SUITES[name]
    assert suite.number == 30 * kinds
    asks = [suite.make(suite.first + place).ask for place in range(2 * kinds)]
    found = [ask.kind for ask in asks]
    assert found[:kinds] == found[kinds:] and len(set(found)) == kinds
    assert all(values.reserved(ask.question) for ask in asks if name == "gui-kinds")
