#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a case set (T5) of pictures that this project did not draw, with gold from the DOM, the text layer or the data.

    python3 tools/quality/fetch_real.py build/real-packages build/cases-real

Fetches packages from Debian and npm into the first folder, by their ordinary clients. Needs Chromium, node, poppler-utils, dpkg.
Nothing of them is part of this repository: their licences are in the set's note.
"""

import argparse
import html
import json
import pathlib
import random
import re
import subprocess

import cv2
from PIL import Image

from case_file import CaseFile

TOOLS = pathlib.Path(__file__).resolve().parent
NPM = ("weui@2.6.26", "@antv/infographic@0.2.20", "playwright-core@1.65.1")
DEBIAN = ("debian-reference-zh-cn", "gnome-user-docs")
NOTE = ("Pictures that this project did not draw. WeUI's example pages (MIT, npm weui 2.6.26) in Chromium, boxes from the DOM; AntV Infographic "
        "(MIT, npm @antv/infographic 0.2.20) drawing our numbers; pages and lines of the Debian Reference in Chinese (GPL-2+, Debian package "
        "debian-reference-zh-cn), text from the PDF's text layer; frames of GNOME Help's screencast (CC-BY-SA-3.0, Debian package "
        "gnome-user-docs), steps timed once by hand.")
PDF, VIDEO = "usr/share/debian-reference/debian-reference.zh-cn.pdf", "usr/share/help/C/gnome-help/figures/display-dual-monitors.webm"
ITEMS = {"销售额": ("华东", "华南", "华北", "西南"), "产量": ("一月", "二月", "三月", "四月", "五月"), "用户数": ("网页", "手机", "平板"),
         "Revenue": ("East", "West", "North", "South"), "Stock": ("Paper", "Steel", "Glass"), "Visits": ("Mon", "Tue", "Wed", "Thu", "Fri")}
# Its note says how they were timed.
STEPS = json.loads((TOOLS / "gnome_steps.json").read_text("utf8"))


def run(*command: object, folder: pathlib.Path | None = None) -> str:
    return subprocess.run(list(map(str, command)), cwd=folder, check=True, capture_output=True, text=True).stdout


def fetch(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules").exists():
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, *NPM)
    for package in DEBIAN:
        if not list(folder.glob(f"{package}_*.deb")):
            run("apt-get", "download", package, folder=folder)
            run("dpkg", "-x", next(folder.glob(f"{package}_*.deb")), folder)


def draw_charts(number: int) -> list[dict]:
    """Numbers for a renderer that is not ours."""
    rng = random.Random(20260728)
    charts = []
    for _ in range(number):
        topic = rng.choice(list(ITEMS))
        values = rng.sample(range(11, 400), len(ITEMS[topic]))
        charts.append({"topic": topic, "items": [{"label": label, "value": value} for label, value in zip(ITEMS[topic], values)]})
    return charts


def add_gui(file: CaseFile, work: pathlib.Path, pages: list[dict], each: int) -> None:
    for page in pages:
        for component in page["components"][:each]:
            picture = file.save(Image.open(work / page["picture"]), f"gui/{page['picture']}")
            action = {"op": "click", "id": component["id"], "label": component["text"], "box": component["box"]}
            lang = "点击{}" if re.search(r"[\u4e00-\u9fff]", component["text"]) else "Click {}"
            file.add("T5-weui", "gui", "click", lang.format(component["text"]), [picture], actions=[action], max_tokens=80)


def add_charts(file: CaseFile, work: pathlib.Path, pictures: list[dict], charts: list[dict]) -> None:
    for picture in pictures:
        chart = charts[picture["chart"]]
        items = chart["items"]
        if not all(str(item["value"]) in picture["shown"] and item["label"] in picture["shown"] for item in items):
            continue  # this template does not write the numbers
        path = file.save(Image.open(work / picture["picture"]), f"vqa/{picture['picture']}")
        chinese = re.search(r"[\u4e00-\u9fff]", chart["topic"])
        best = max(items, key=lambda item: item["value"])
        some = items[picture["chart"] % len(items)]
        lookup = "{1}的{0}是多少?" if chinese else "What is the {0} of {1}?"
        most = "{0}最高的是哪一项?" if chinese else "Which has the highest {0}?"
        file.add("T5-antv", "vqa", "lookup", lookup.format(chart["topic"], some["label"]), [path], answers=[str(some["value"])], max_tokens=48)
        file.add("T5-antv", "vqa", "argmax", most.format(chart["topic"]), [path], answers=[best["label"]], max_tokens=48)


def text_lines(pdf: pathlib.Path, page: int) -> list[tuple[str, list[float]]]:
    """Lines of a page with their boxes in points."""
    layout = run("pdftotext", "-f", page, "-l", page, "-bbox-layout", pdf, "-")
    found = []
    for line in re.finditer(r'<line xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</line>', layout, re.S):
        words = [html.unescape(word) for word in re.findall(r"<word[^>]*>(.*?)</word>", line[5], re.S)]
        found.append((" ".join(words), [float(line[i]) for i in range(1, 5)]))
    return found


def add_manual(file: CaseFile, work: pathlib.Path, pdf: pathlib.Path, pages: int, lines: int) -> None:
    """Whole pages 512 pixels wide, and lines cut out at the size the model was taught."""
    rng = random.Random(20260728)
    dots, found = 144, []
    for page in sorted(rng.sample(range(30, 240), pages)):
        run("pdftoppm", "-f", page, "-l", page, "-r", dots, "-png", "-singlefile", pdf, work / f"page-{page}")
        image = Image.open(work / f"page-{page}.png").convert("RGB")
        text = text_lines(pdf, page)
        small = image.resize((512, round(image.height * 512 / image.width)), Image.Resampling.LANCZOS)
        picture = file.save(small, f"page/{page}.png")
        whole = "\n".join(line for line, _ in text)
        file.add("T5-manual-page", "reading", "page", "读出图中的文字。", [picture], answers=[whole], max_tokens=1024)
        found += [(page, number, line, box, image) for number, (line, box) in enumerate(text) if 4 <= len(line) <= 32]
    for page, number, line, box, image in rng.sample(found, min(lines, len(found))):
        left, top, right, bottom = (value * dots / 72 for value in box)
        part = image.crop((round(left) - 8, round(top) - 2, round(right) + 8, round(bottom) + 2))
        canvas = Image.new("RGB", (-(-max(part.width, 256) // 32) * 32, 64), (255, 255, 255))
        canvas.paste(part, (0, (64 - part.height) // 2))
        picture = file.save(canvas, f"line/{page}-{number}.png")
        file.add("T5-manual-line", "reading", "line", "读出图中的文字。", [picture], answers=[line], max_tokens=64)


def add_screencast(file: CaseFile, video: pathlib.Path) -> None:
    capture = cv2.VideoCapture(str(video))
    rate, images, times = capture.get(cv2.CAP_PROP_FPS), [], []
    number = 0
    while capture.grab():
        if number >= len(images) * rate / 2:
            _, frame = capture.retrieve()
            small = cv2.resize(frame, (256, 192), interpolation=cv2.INTER_AREA)
            images.append(file.save(Image.fromarray(small[..., ::-1]), f"video/{len(images):03}.jpg"))
            times.append(round(number / rate, 3))
        number += 1
    steps = [{"start": step["start"], "end": step["end"], "text": step["text"]} for step in STEPS["steps"]]
    file.add("T5-gnome", "video", "steps", STEPS["question"], images, times=times, steps=steps, max_tokens=200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    fetch(options.packages)
    work = options.packages / "rendered"
    work.mkdir(exist_ok=True)
    charts = draw_charts(100)
    (work / "charts.json").write_text(json.dumps(charts), "utf8")
    run("node", TOOLS / "render_real.mjs", options.packages, work)
    rendered = json.loads((work / "rendered.json").read_text("utf8"))
    file = CaseFile(options.folder, "real", NOTE)
    add_gui(file, work, rendered["weui"], 6)
    add_charts(file, work, rendered["antv"], charts)
    add_manual(file, work, options.packages / PDF, 40, 200)
    add_screencast(file, options.packages / VIDEO)
    file.write()


if __name__ == "__main__":
    main()
