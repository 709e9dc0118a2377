# SPDX-License-Identifier: Apache-2.0
"""train/scores.py agrees with the program's scorer (src/score) on the shared examples."""

import json
import pathlib

import pytest

from train import scores
from train.data.case import Ask

FILE = json.loads((pathlib.Path(__file__).parents[2] / "src/score/examples.json").read_text("utf8"))
CASES = {case["id"]: case for case in FILE["cases"]}
# This module's name of each of the program's measures; what is not here is the program's alone.
NAMES = {
    "gui": {"q": "step", "path_exact": "path", "click_in_box": "click", "valid": "valid"},
    "contract": {"all_fields": "all", "valid": "valid", "field: 甲方": "甲方", "field: 金额": "金额", "field: 签署日期": "签署日期"},
    "reading": {"q": "characters", "exact": "exact"},
    "drawio": {"renders": "renders", "node_f1": "node f1", "edge_f1": "edge f1"},
    "html": {"renders": "renders", "tree_exact": "tree"},
}


def ask(case: dict) -> Ask:
    facts = {name: case[name] for name in ("actions",) if name in case}
    if "fields" in case:
        facts["fields"] = {field["name"]: field["value"] for field in case["fields"]}
    kind = {"drawio": "flow", "reading": "line"}.get(case["task"], case["kind"])
    return Ask(case["question"], case["answers"], kind, facts)


@pytest.mark.parametrize("row", FILE["answers"], ids=lambda row: f"{row['id']}: {row['answer'][:24]}")
def test_same_scores(row: dict) -> None:
    case = CASES[row["id"]]
    found = scores.of_kind(ask(case), row["answer"], (case["width"], case["height"]))
    for name, value in row["expect"].items():
        if name in NAMES[case["task"]]:
            assert found[NAMES[case["task"]][name]] == pytest.approx(value, abs=1e-5), name
