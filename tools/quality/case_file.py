# SPDX-License-Identifier: Apache-2.0
"""Writes a case set: a folder with cases.json and the pictures it names. The form is in README.md."""

import json
import pathlib

from PIL import Image


class CaseFile:
    def __init__(self, folder: pathlib.Path, name: str, note: str) -> None:
        self.folder, self.name, self.note = folder, name, note
        self.cases: list[dict] = []
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, image: Image.Image, path: str) -> str:
        """Writes a picture; the path is relative to the set's folder."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".jpg"):
            image.convert("RGB").save(target, quality=92)
        else:
            image.convert("RGB").save(target, compress_level=1)
        return path

    def add(self, split: str, task: str, kind: str, question: str, images: list[str], **gold: object) -> None:
        """`gold`: answers, actions, fields, steps, times, max_tokens as the task needs them."""
        width, height = Image.open(self.folder / images[0]).size
        number = sum(case["split"] == split and case["task"] == task for case in self.cases)
        case = {"id": f"{split}-{task}-{number:04}", "split": split, "task": task, "kind": kind, "question": question, "images": images,
                "width": width, "height": height, "answers": [], "max_tokens": 256}
        self.cases.append(case | gold)

    def write(self) -> None:
        text = json.dumps({"name": self.name, "note": self.note, "cases": self.cases}, ensure_ascii=False, indent=1)
        (self.folder / "cases.json").write_text(text + "\n", "utf8")
        splits = sorted({(case["split"], case["task"]) for case in self.cases})
        for split, task in splits:
            number = sum((case["split"], case["task"]) == (split, task) for case in self.cases)
            print(f"{split} {task}: {number} cases", flush=True)
