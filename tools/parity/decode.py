#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our decoders with Pillow on random pictures in random formats, and times a 12 megapixel JPEG.

  decode.py --program BUILD/tests/parity/decode_main [--count 300] [--seed 1] [--timing]

Pillow brings its own libraries, so JPEG may differ by rounding (at most 2 levels); everything else must be equal.
"""

import argparse
import io
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageOps

JPEG_TOLERANCE = 2


def draw(rng, width, height):
    y, x = np.mgrid[0:height, 0:width]
    phase = rng.uniform(0, 6, 3)
    waves = [127 + 120 * np.sin(x / rng.uniform(3, 60) + y / rng.uniform(3, 60) + p) for p in phase]
    noise = rng.normal(0, rng.choice([0, 4, 40]), (height, width, 3))
    return Image.fromarray(np.clip(np.dstack(waves) + noise, 0, 255).astype(np.uint8))


def encode(rng, image):
    """One random kind of file: (name, bytes)."""
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    alpha = Image.fromarray(rng.integers(0, 256, (image.height, image.width), dtype=np.uint8))
    rgba = image.convert("RGBA")
    rgba.putalpha(alpha)
    quality = int(rng.integers(5, 101))
    sampling = int(rng.integers(0, 3))
    kinds = [
        ("JPEG", image, dict(quality=quality, subsampling=sampling, exif=exif.tobytes())),
        ("JPEG", image, dict(quality=quality, subsampling=sampling, progressive=True)),
        ("JPEG", image.convert(str(rng.choice(["L", "CMYK"]))), dict(quality=quality)),
        ("PNG", image, dict(exif=exif.tobytes())),
        ("PNG", rgba, {}),
        ("PNG", image.convert(str(rng.choice(["L", "LA", "1"]))), {}),
        ("PNG", image.quantize(int(rng.integers(2, 257))), {}),
        ("WEBP", image, dict(quality=quality)),
        ("WEBP", rgba, dict(quality=quality)),
        ("WEBP", rgba, dict(lossless=True, exact=True)),
        ("GIF", image.quantize(int(rng.integers(2, 257))), dict(interlace=bool(rng.integers(2)))),
        ("BMP", image.quantize(int(rng.integers(2, 257))), {}),
        ("BMP", image, {}),
    ]
    kind, picture, options = kinds[rng.integers(len(kinds))]
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return kind, out.getvalue()


def pillow_rgb(data):
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


class Runner:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def decode(self, data):
        """(pixels, milliseconds)"""
        (self.folder / "in").write_bytes(data)
        job = f"drop {self.folder}/in {self.folder}/out\n"
        done = subprocess.run([self.program], input=job, text=True, check=True, capture_output=True)
        if done.stdout.startswith("error"):
            raise ValueError(done.stdout.strip())
        width, height, milliseconds = done.stdout.split()
        return np.fromfile(self.folder / "out", np.uint8).reshape(int(height), int(width), 3), float(milliseconds)


def compare(runner, count, seed):
    rng = np.random.default_rng(seed)
    results = {}
    for case in range(count):
        width, height = int(rng.integers(1, 300)), int(rng.integers(1, 300))
        if max(width, height) > 200 * min(width, height):
            width = height
        kind, data = encode(rng, draw(rng, width, height))
        ours, _ = runner.decode(data)
        reference = pillow_rgb(data)
        worst = 256 if ours.shape != reference.shape else int(np.abs(ours.astype(int) - reference).max())
        good = worst <= (JPEG_TOLERANCE if kind == "JPEG" else 0)
        if not good:
            print(f"case {case}: {kind} {width}x{height} differs by {worst}")
        tally = results.setdefault(kind, [0, 0, 0, 0])
        tally[0] += 1
        tally[1] += good
        tally[2] += worst == 0
        tally[3] = max(tally[3], worst)
    for kind, (cases, good, equal, worst) in sorted(results.items()):
        print(f"{kind}: {good} of {cases} good, {equal} bit-equal, largest difference {worst}")
    return all(good == cases for cases, good, _, _ in results.values())


def time_photo(runner):
    image = draw(np.random.default_rng(0), 4032, 3024)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    best = min(runner.decode(out.getvalue())[1] for _ in range(5))
    print(f"JPEG 4032x3024, quality 90, {len(out.getvalue())} bytes: {best:.1f} ms, best of 5")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timing", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(args.program, folder)
        good = compare(runner, args.count, args.seed)
        if args.timing:
            time_photo(runner)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
