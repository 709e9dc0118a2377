#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our patches with the pixel values of a reference directory, bit by bit.

  preprocess.py --program BUILD/tests/parity/preprocess_main DIR...

DIR is what make_reference.py writes (index.json, *.npy and *.safetensors under goldens/). All pictures and videos
of all cases are checked: grids, float32 values, and for videos the timestamps in the decoded prompt.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file


class Runner:
    def __init__(self, program, model, folder):
        self.program, self.model, self.folder = program, model, pathlib.Path(folder)

    def run(self, job):
        done = subprocess.run([self.program], input=job, text=True, check=True, capture_output=True)
        t, h, w, *rest = done.stdout.split(maxsplit=3)
        rows = np.fromfile(self.folder / "out", np.float32)
        grid = (int(t), int(h), int(w))
        return grid, rows.reshape(grid[0] * grid[1] * grid[2], -1), "".join(rest).rstrip("\n")

    def image(self, pixels):
        height, width, _ = pixels.shape
        (self.folder / "in").write_bytes(np.ascontiguousarray(pixels).tobytes())
        config = self.model / "preprocessor_config.json"
        return self.run(f"image {config} {self.folder}/in {width} {height} {self.folder}/out\n")

    def video(self, frames, fps):
        count, height, width, _ = frames.shape
        (self.folder / "in").write_bytes(np.ascontiguousarray(frames).tobytes())
        config = self.model / "video_preprocessor_config.json"
        return self.run(f"video {config} {self.folder}/in {width} {height} {count} {fps!r} {self.folder}/out\n")


def same(name, results, values, grids):
    """Whether the media of one case, joined, equal the stored tensors."""
    ours = np.concatenate([rows for _, rows, _ in results])
    if [list(grid) for grid, _, _ in results] != grids.tolist():
        print(f"{name}: grids differ: {[grid for grid, _, _ in results]} and {grids.tolist()}")
        return False
    if ours.shape != values.shape or not np.array_equal(ours.view(np.uint32), values.view(np.uint32)):
        print(f"{name}: pixel values differ")
        return False
    print(f"{name}: {ours.size} values bit-equal, grids {grids.tolist()}")
    return True


def check_case(runner, goldens, name, case):
    stored = load_file(goldens / f"{name}.safetensors")
    good = True
    if case["images"]:
        results = [runner.image(np.load(goldens / file)) for file in case["images"]]
        good &= same(f"{name} images", results, stored["in.pixel_values"], stored["in.image_grid_thw"])
    if case["videos"]:
        results = [runner.video(np.load(goldens / v["frames"]), float(v["fps"])) for v in case["videos"]]
        good &= same(f"{name} videos", results, stored["in.pixel_values_videos"], stored["in.video_grid_thw"])
        times = "".join(re.findall(r"<\d+\.\d seconds>", "".join(case["decoded_prompt"])))
        if times != "".join(text for _, _, text in results):
            print(f"{name}: timestamps differ: {[text for _, _, text in results]} and {times}")
            good = False
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("directories", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for directory in args.directories:
            goldens = directory / "goldens"
            cases = json.loads((goldens / "index.json").read_text())["cases"]
            runner = Runner(args.program, directory, folder)
            for name, case in cases.items():
                good &= check_case(runner, goldens, name, case)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
