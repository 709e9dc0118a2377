#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the performance page says must follow from the measurements: medians, ratios, shares, plots."""
import pathlib
import sys
import unittest
import xml.etree.ElementTree as xml

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2] / "bench/peers")]
import peers
import plots
from measure import Sample, both_orders, summary


def part(name, form, peer_form, peer_slowness):
    def samples(slowness):
        return ([Sample("decode", 0.05 * slowness * noise, depth=depth, tokens=1) for depth in (0, 2048) for noise in (1, 1.2, 0.9)]
                + [Sample("resident", 2**31 * slowness), Sample("first_token", 8 * slowness)])
    rows = summary("monocle", form, samples(1)) + summary("llama.cpp", peer_form, samples(peer_slowness)[:-1])
    for row in rows:
        if row["what"] == "decode":
            row["share_of_roof"] = 0.5
    return {"part": name, "about": "", "command": "x", "date": "", "commit": "c", "threads": 2, "load_average": [0, 0],
            "versions": {}, "llama.cpp flags": "", "rows": rows,
            "roof": {"memory_read_gb_s": 30, "bf16_gflop_s": 400, "int8_gop_s": 800}}


class Summary(unittest.TestCase):
    def test_keeps_median_extremes_and_the_rate_at_the_median(self):
        row, = summary("e", "f", [Sample("decode", v, batch=8, tokens=8) for v in (0.4, 0.1, 0.2)])
        self.assertEqual(row["seconds"], {"median": 0.2, "min": 0.1, "max": 0.4})
        self.assertEqual((row["runs"], row["tokens_per_second"]), (3, 40))

    def test_keeps_depths_and_batches_apart(self):
        rows = summary("e", "f", [Sample("decode", 1, depth=d, batch=b, tokens=b) for d in (0, 9) for b in (1, 2)])
        self.assertEqual(len(rows), 4)

    def test_every_engine_runs_early_and_late(self):
        self.assertEqual(both_orders(["a", "b", "c"]), ["a", "b", "c", "c", "b", "a"])


class Table(unittest.TestCase):
    def test_a_ratio_above_one_is_in_our_favour_for_times_and_bytes(self):
        lines = peers.table(part("text-int8", "int8", "q8_0", peer_slowness=1.5))
        self.assertIn("monocle int8", lines[0])
        self.assertIn("llama.cpp q8_0", lines[0])
        self.assertEqual([line.count("**1.50**") for line in lines[2:]], [1, 1, 1, 0])

    def test_what_the_peer_has_not_measured_stays_empty(self):
        self.assertTrue(peers.table(part("text-int8", "int8", "q8_0", 1.5))[-1].endswith("|  |  |"))

    def test_every_row_has_the_columns_of_the_head(self):
        lines = peers.table(part("text-int8", "int8", "q8_0", 1.5))
        self.assertEqual({line.count("|") for line in lines}, {lines[0].count("|")})


class Plots(unittest.TestCase):
    def test_are_well_formed_and_name_each_engine(self):
        results = {f"text-{form}": part(f"text-{form}", form, "q", 2) for form in ("bf16", "int8")}
        made = peers.plots("m", results)
        self.assertEqual(sorted(made), ["performance-m-depth.svg", "performance-m-roof.svg"])
        for text in made.values():
            xml.fromstring(text)
            self.assertIn("monocle int8", text)
            self.assertIn("prefers-color-scheme: dark", text)

    def test_a_faster_engine_is_drawn_higher(self):
        root = xml.fromstring(plots.lines("t", "x", ["0"], [("fast", 0, False, [20]), ("slow", 1, True, [10])]))
        heights = [float(circle.get("cy")) for circle in root.iter("{http://www.w3.org/2000/svg}circle")]
        self.assertLess(heights[0], heights[1])

    def test_the_axis_holds_the_largest_value(self):
        for value in (0.3, 1, 1.01, 9.9, 22, 80.1, 1000):
            self.assertGreaterEqual(plots.rounded_top(value), value)
            self.assertLessEqual(plots.rounded_top(value), max(1, 2 * value))

    def test_labels_keep_their_distance(self):
        heights = plots.spread_labels([50, 49, 200, 50], gap=10)
        ordered = sorted(heights)
        self.assertTrue(all(b - a >= 10 for a, b in zip(ordered, ordered[1:])))
        self.assertLess(heights[1], heights[0])


if __name__ == "__main__":
    unittest.main()
