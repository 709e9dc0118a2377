# SPDX-License-Identifier: Apache-2.0
"""Draws the pictures in `models/demo/samples` and their expected answers: `python3 -m train.data.samples`.

Texts of lines are set by hand and every seed is an evaluation seed, so none of these pictures was in training. The seeds of
the task pictures were chosen among some that the model answers right; how often it does stands in the model card.
"""

import json
import pathlib

from PIL import Image

from train.data import lines, packs, pictures, prompts, shapes

FOLDER = pathlib.Path(__file__).parents[2] / "models" / "demo" / "samples"
SAMPLE_SEED = packs.EVAL_SEED + 900_000
SHAPES_NUMBER = 43  # added to SAMPLE_SEED: five green circles among others
LINES = {  # file -> (text, font, size, canvas)
    "line-en.png": ("The small model reads this line.", "serif", 28, (512, 64)),
    "line-zh.png": ("这个程序能读出图中的文字。", "sans", 26, (384, 96)),
}
TASKS = {  # file -> (task, added to SAMPLE_SEED, kinds of questions)
    "screen-zh.png": ("gui", 11_004, ("login", "states")),
    "screen-en.png": ("gui", 11_026, ("login", "states")),
    "desktop.png": ("gui", 1_018, ("login", "several", "type", "states")),
    "contract.jpg": ("contract", 2_001, ()),
    "chart-zh.png": ("info", 3_006, ()),
    "chart-en.png": ("info", 3_005, ()),
    "page.jpg": ("page", 4_008, ()),
    "web.png": ("html", 5_002, ()),
}
MORE = {  # further questions about the same pictures
    "contract.jpg": [("合同的乙方是谁?", "西安蓝合东贸易集团有限公司"), ("描述这张图片。", "一页维修保养合同的扫描件，甲方为成都蓝翔文化传媒有限公司。")],
    "chart-en.png": [("Which has the highest Stock?", "Center"), ("Describe the image.", "A horizontal bar chart titled Stock(k).")],
}


def _line(number: int, text: str, font: str, size: int, canvas: tuple[int, int]) -> Image.Image:
    rng, noise = pictures.generators(SAMPLE_SEED + number)
    line = lines.set_text(text, font, size, 0, *canvas, rng)
    if line.text != text:
        raise ValueError(f"{text!r} does not fit the canvas")
    return Image.fromarray(pictures.degrade(rng, noise, pictures.coloured(rng, line.ink)))

def _shapes(number: int) -> tuple[Image.Image, shapes.ShapesPicture]:
    rng, noise = pictures.generators(SAMPLE_SEED + number)
    picture = shapes.draw_shapes(rng, 256, 256)
    return Image.fromarray(pictures.degrade(rng, noise, picture.rgb)), picture

def _task(folder: pathlib.Path, name: str) -> dict[str, str]:
    task, number, kinds = TASKS[name]
    example = pictures.task_example(SAMPLE_SEED + number, task, pictures.Variant(kinds))
    options = {"quality": 88} if name.endswith(".jpg") else {"optimize": True}
    Image.fromarray(example.rgb).save(folder / name, **options)
    return {"file": name, "question": example.question, "answer": example.answer}


def write(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    expected = []
    for number, (name, (text, font, size, canvas)) in enumerate(LINES.items()):
        _line(number, text, font, size, canvas).save(folder / name)
        lang = name[5:7]
        expected.append({"file": name, "question": prompts.READ[lang][0], "answer": text})
    image, picture = _shapes(SHAPES_NUMBER)
    image.save(folder / "shapes.jpg", quality=90)
    for lang in ("en", "zh"):
        thing = prompts.thing(lang, picture.colour, picture.kind)
        question = prompts.COUNT[lang][0].format(thing=thing)
        expected.append({"file": "shapes.jpg", "question": question, "answer": str(picture.count)})
    for name in TASKS:
        expected.append(_task(folder, name))
        expected += [{"file": name, "question": question, "answer": answer} for question, answer in MORE.get(name, ())]
    (folder / "expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", "utf8")

if __name__ == "__main__":
    write(FOLDER)
