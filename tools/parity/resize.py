#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our bicubic resize with torch and Pillow on random pictures and sizes, bit by bit.

  resize.py --program BUILD/tests/parity/resize_main [--count 200] [--seed 1]

Needs numpy, torch and pillow. Exit status 1 when any byte differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import PIL
import torch
from PIL import Image


def draw_side(rng):
    """Mostly photo-like sides, some tiny and some long ones."""
    kind = rng.integers(10)
    if kind == 0:
        return int(rng.integers(1, 9))
    if kind == 1:
        return int(rng.integers(1000, 3000))
    return int(rng.integers(9, 900))


def draw_picture(rng, width, height):
    """Noise shows every rounding difference; ramps show overshoot at edges."""
    if rng.integers(3) == 0:
        y, x = np.mgrid[0:height, 0:width]
        ramp = ((x // 7 + y // 5) % 2 * 255).astype(np.uint8)
        return np.repeat(ramp[:, :, None], 3, axis=2)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_torch(picture, size):
    tensor = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    out = torch.nn.functional.interpolate(
        tensor, size=(size[1], size[0]), mode="bicubic", antialias=True, align_corners=False
    )
    return out[0].permute(1, 2, 0).numpy()


def by_pillow(picture, size):
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    pillow_form = "pillow13" if int(PIL.__version__.split(".")[0]) >= 13 else "pillow"
    forms = {"torchvision": by_torch, pillow_form: by_pillow}
    equal = dict.fromkeys(forms, 0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for case in range(args.count):
            width, height = draw_side(rng), draw_side(rng)
            size = (draw_side(rng), draw_side(rng))
            if rng.integers(10) == 0:
                size = (width, size[1])
            picture = draw_picture(rng, width, height)
            (folder / "in").write_bytes(picture.tobytes())
            jobs = "".join(
                f"{form} {folder}/in {width} {height} {size[0]} {size[1]} {folder}/{form}\n" for form in forms
            )
            subprocess.run([args.program], input=jobs, text=True, check=True, stdout=subprocess.DEVNULL)
            for form, reference in forms.items():
                ours = np.fromfile(folder / form, np.uint8).reshape(size[1], size[0], 3)
                difference = np.abs(ours.astype(int) - reference(picture, size))
                if difference.max() == 0:
                    equal[form] += 1
                else:
                    print(
                        f"case {case}: {form} {width}x{height} -> {size[0]}x{size[1]}: "
                        f"{np.count_nonzero(difference)} bytes differ, at most by {difference.max()}"
                    )
    for form, count in equal.items():
        print(f"{form}: {count} of {args.count} bit-equal")
    print(f"torch {torch.__version__}, Pillow {PIL.__version__}")
    return 0 if all(count == args.count for count in equal.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
