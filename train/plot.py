# SPDX-License-Identifier: Apache-2.0
"""Draws how a run's answers on held-out values got better, as SVG, without plotting libraries: `python3 -m train.plot RECORD OUT.svg`."""

import json
import pathlib
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 48, 36, 28
SERIES = (("contract", "contract", "#1f5fbf"), ("gui", "screens", "#c2452d"), ("page", "pages", "#4a9a4a"), ("info", "charts", "#8a4fbf"),
          ("html", "HTML", "#d08a1d"), ("flow", "flow charts", "#5f6f7f"), ("contract-3", "three pages", "#5f6f7f"), ("clip-30", "clips", "#222"))


def svg(record: dict) -> str:
    rows = record["held_out"]
    last = record["train_seconds"]

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - 16) * seconds / last

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for tenth in range(0, 11, 2):
        parts.append(f'<path d="M{LEFT} {y(tenth / 10):.1f}H{WIDTH - 16}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 6}" y="{y(tenth / 10) + 4:.1f}" text-anchor="end">{tenth * 10} %</text>')
    for seconds in range(0, int(last) + 1, 60):
        parts.append(f'<text x="{x(seconds):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{seconds} s</text>')
    for number, (key, label, colour) in enumerate(series for series in SERIES if series[0] in rows[0]):
        points = " ".join(f"{x(row['seconds']):.1f},{y(row[key]):.1f}" for row in rows)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{LEFT + 8 + number * 82}" y="18" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_text(svg(json.loads(pathlib.Path(sys.argv[1]).read_text())), "utf8")
