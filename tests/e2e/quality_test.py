#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""quality_test.py PROGRAM: `bench quality` on a small case set, with given answers and with the demo model."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/data/quality"
PROGRAM = ""


def bench(*args, code=0):
    command = [PROGRAM, "bench", "quality", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL)
    assert done.returncode == code, f"{args} exited with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
    return done


def groups(folder):
    found = json.loads((folder / "summary.json").read_text("utf8"))["groups"]
    return {(group["split"], group["task"]): group for group in found}


class Quality(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def given(self, answers):
        rows = [{"id": case["id"], "answer": answers(case)} for case in json.loads((CASES / "cases.json").read_text("utf8"))["cases"]]
        path = self.folder / "given.json"
        path.write_text(json.dumps({"answers": rows}), "utf8")
        bench("--cases", CASES, "--answers", path, "--out", self.folder / "out")
        return groups(self.folder / "out")

    def test_gold_is_five_and_empty_is_one(self):
        for points, answers in ((5, lambda case: case["answers"][0]), (1, lambda case: "")):
            found = self.given(answers)
            self.assertEqual(len(found), 7)
            for name, group in found.items():
                self.assertEqual(group["points"]["value"], points, name)

    def test_demo_model_against_itself(self):
        first, second = self.folder / "first", self.folder / "second"
        bench("--cases", CASES, "--limit", 2, "--out", first)
        bench("--cases", CASES, "--limit", 2, "--concurrency", 1, "--compare", first / "answers.json", "--out", second)
        for name, group in groups(second).items():
            self.assertEqual(group["errors"], 0, name)
            self.assertEqual(group["compared"]["token_agreement"], 1, f"{name}: eight at a time or one, the tokens are the same")
            self.assertEqual(group["compared"]["points_difference"], 0)
            if group["task"] in ("html", "reading"):
                self.assertGreater(group["q"]["value"], 0.5, name)
        report = (first / "report.html").read_text("utf8")
        self.assertIn("data:image/jpeg;base64,", report)
        self.assertFalse(re.findall(r'(?:src|href)="(?!data:)', report), "the report needs nothing else")
        self.assertNotIn("<mxGraphModel", report, "answers are escaped")

    def test_blank_pictures_are_not_read(self):
        bench("--cases", CASES, "--task", "gui,contract", "--control", "blank", "--out", self.folder)
        found = groups(self.folder)
        self.assertEqual(found["T1", "gui"]["metrics"]["path_exact"]["value"], 0)
        self.assertEqual(found["T1", "contract"]["metrics"]["all_fields"]["value"], 0)

    def test_sampled_answers_beside_the_greedy_one(self):
        bench("--cases", CASES, "--task", "vqa", "--limit", 1, "--seeds", 3, "--out", self.folder)
        answers = json.loads((self.folder / "answers.json").read_text("utf8"))["answers"]
        self.assertEqual([(answer["mode"], answer["seed"]) for answer in answers],
                         [("greedy", 0), ("sampled", 1), ("sampled", 2), ("sampled", 3)])

    def test_bad_input_is_named(self):
        self.assertIn("cases.json", bench("--cases", self.folder, code=2).stderr)
        (self.folder / "cases.json").write_text('{"name":"x","note":"","cases":[{"id":"a","split":"T1","task":"song"}]}')
        self.assertIn("song", bench("--cases", self.folder, code=2).stderr)
        self.assertIn("T9", bench("--cases", CASES, "--split", "T9", code=2).stderr)
        self.assertIn("--task", bench("--cases", CASES, "--task", "song", code=2).stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
