# SPDX-License-Identifier: Apache-2.0
"""How right an answer is, task by task. All are plain functions of the answer's text and what its generator knows."""

import html.parser
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from train.data.case import Ask


def edit_distance(a: Sequence, b: Sequence) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def parsed(answer: str) -> object:
    """The JSON in an answer, or None."""
    try:
        return json.loads(answer)
    except ValueError:
        return None


# -- screens -----------------------------------------------------------------------------------------------------------
def step_right(step: dict, gold: dict, size: tuple[int, int]) -> bool:
    """Same operation, the point inside the target's box (edges included), the same text after NFKC."""
    if not isinstance(step, dict) or step.get("op") != gold["op"]:
        return False
    if gold["op"] == "scroll":
        return step.get("direction") == gold["direction"]
    if "text" in gold and unicodedata.normalize("NFKC", str(step.get("text"))) != unicodedata.normalize("NFKC", gold["text"]):
        return False
    return inside(step.get("point"), gold["box"], size)


def inside(point: object, box: Sequence[float], size: tuple[int, int]) -> bool:
    if not (isinstance(point, list) and len(point) == 2 and all(isinstance(value, int | float) for value in point)):
        return False
    x, y = point[0] * size[0] / 1000, point[1] * size[1] / 1000
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def common_steps(steps: list, gold: list[dict], size: tuple[int, int]) -> int:
    """Length of the longest common subsequence of right steps."""
    row = [0] * (len(gold) + 1)
    for step in steps:
        before = row[:]
        for j, wanted in enumerate(gold, 1):
            row[j] = before[j - 1] + 1 if step_right(step, wanted, size) else max(before[j], row[j - 1])
    return row[-1]


def gui(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    gold = ask.facts["actions"]
    steps = parsed(answer)
    valid = isinstance(steps, list)
    steps = steps if valid else []
    right = common_steps(steps, gold, size)
    clicks = [wanted for wanted in gold if wanted["op"] != "scroll"]
    pairs = [(step, wanted) for step, wanted in zip(steps, gold) if wanted["op"] != "scroll"]
    hits = sum(isinstance(step, dict) and inside(step.get("point"), wanted["box"], size) for step, wanted in pairs)
    return {"valid": valid, "step": right / max(len(steps), len(gold)), "path": right == len(gold) == len(steps)} | (
        {"click": hits / len(clicks)} if clicks else {})


# -- contracts -----------------------------------------------------------------------------------------------------------
def same_field(name: str, value: object, gold: str | None) -> bool:
    if gold is None or value is None:
        return value is gold
    text = re.sub(r"[\s,，]", "", unicodedata.normalize("NFKC", str(value)))
    if name == "金额":
        return re.fullmatch(r"¥?\d+(\.\d+)?元?", text) is not None and round(float(text.strip("¥元")) * 100) == round(float(gold) * 100)
    return text == unicodedata.normalize("NFKC", gold)


def contract(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    found = parsed(answer)
    valid = isinstance(found, dict)
    gold = ask.facts["fields"]
    right = {name: valid and name in found and same_field(name, found[name], value) for name, value in gold.items()}
    return {"valid": valid, **right, "all": all(right.values())}


# -- charts and texts ----------------------------------------------------------------------------------------------------
def _number(text: str) -> float | None:
    """The number after the last '=', without its unit."""
    match = re.match(r"\s*(-?\d+(?:\.\d+)?)", text.rsplit("=", 1)[-1])
    return float(match[1]) if match else None


def relaxed(answer: str, gold: str) -> bool:
    """ChartQA's rule: a number within 5 %, anything else the same but for case."""
    wanted, found = _number(gold), _number(answer)
    if wanted and re.search(r"\d", gold) and found is not None:
        return abs(found - wanted) <= 0.05 * abs(wanted)
    return answer.strip().lower() == gold.strip().lower()


def info(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    return {"strict": answer == ask.answer, "relaxed": relaxed(answer, ask.answer), ask.kind: answer == ask.answer}


def text(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    distance = edit_distance(answer, ask.answer)
    return {"exact": answer == ask.answer, "characters": 1 - min(1.0, distance / max(1, len(ask.answer))), ask.kind: answer == ask.answer}


# -- clips -----------------------------------------------------------------------------------------------------------------
def _seconds(text: str) -> int:
    minutes, seconds = text.split(":")
    return int(minutes) * 60 + int(seconds)


def _overlap(a: dict, b: dict) -> float:
    common = min(a["end"], b["end"]) - max(a["start"], b["start"])
    return max(0, common) / max(1, max(a["end"], b["end"]) - min(a["start"], b["start"]))


def steps(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    """Found steps are matched to gold ones by text, the most alike first, if at most two fifths of it differ. F1 counts matches; the
    times' measures are over gold steps, those not found count as wrong (but not in the start's error)."""
    gold = ask.facts["steps"]
    found = [{"start": _seconds(start), "end": _seconds(end), "text": text}
             for start, end, text in re.findall(r"^(\d+:\d+)-(\d+:\d+) (.+)$", answer, re.M)]
    pairs = sorted((edit_distance(one["text"], wanted["text"]) / max(len(one["text"]), len(wanted["text"])), i, j)
                   for i, one in enumerate(found) for j, wanted in enumerate(gold))
    matched: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance <= 0.4 and i not in matched.values() and j not in matched:
            matched[j] = i
    overlaps = [_overlap(found[matched[j]], wanted) if j in matched else 0.0 for j, wanted in enumerate(gold)]
    late = [abs(found[i]["start"] - gold[j]["start"]) for j, i in matched.items()]
    return {"step f1": 2 * len(matched) / (len(found) + len(gold)), "iou 0.5": sum(value >= 0.5 for value in overlaps) / len(gold),
            "iou 0.7": sum(value >= 0.7 for value in overlaps) / len(gold), "within 3 s": sum(value <= 3 for value in late) / len(gold),
            "exact": answer == ask.answer} | ({"start error": sum(late) / len(late)} if late else {})


# -- markup --------------------------------------------------------------------------------------------------------------
class _Balance(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sound = True

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.sound &= bool(self.open) and self.open.pop() == tag


def page_source(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    balance = _Balance()
    balance.feed(answer)
    blocks, wanted = (re.findall(r"(?<=[>\"])[^<>\"=]+(?=[<\"])", source) for source in (answer, ask.answer))
    distance = edit_distance(blocks, wanted)
    return {"renders": balance.sound and not balance.open and answer.startswith("<"), "blocks": 1 - min(1.0, distance / max(1, len(wanted))),
            "tree": answer == ask.answer}


def _graph(source: str) -> tuple[set[str], set[tuple[str, str]]] | None:
    try:
        cells = list(ElementTree.fromstring(source).iter("mxCell"))
    except ElementTree.ParseError:
        return None
    names = {cell.get("id"): cell.get("value") + "|" + (cell.get("style") or "") for cell in cells if cell.get("vertex") and cell.get("value")}
    edges = {(names.get(cell.get("source"), ""), names.get(cell.get("target"), "")) for cell in cells if cell.get("edge")}
    return set(names.values()), edges


def _f1(found: set, wanted: set) -> float:
    return 2 * len(found & wanted) / (len(found) + len(wanted)) if found or wanted else 1.0


def flow(answer: str, ask: Ask, size: tuple[int, int]) -> dict[str, float]:
    graph, wanted = _graph(answer), _graph(ask.answer)
    if graph is None:
        return {"renders": 0, "node f1": 0, "edge f1": 0, "tree": 0}
    return {"renders": 1, "node f1": _f1(graph[0], wanted[0]), "edge f1": _f1(graph[1], wanted[1]), "tree": answer == ask.answer}


def of_kind(ask: Ask, answer: str, size: tuple[int, int]) -> dict[str, float]:
    """The scores of one answer; what they are called depends on the task."""
    if "actions" in ask.facts:
        return gui(answer, ask, size) | {ask.kind: gui(answer, ask, size)["path"]}
    if "steps" in ask.facts:
        return steps(answer, ask, size)
    if "fields" in ask.facts:
        return contract(answer, ask, size)
    scorer = {"html": page_source, "flow": flow}.get(ask.kind)
    if scorer is None:
        scorer = text if ask.kind in ("all", "region", "line", "caption", "field", "plain") else info
    return scorer(answer, ask, size)
