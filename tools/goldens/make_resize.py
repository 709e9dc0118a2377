#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the table of src/media/resize_goldens.inc: what torch and Pillow make of the noise pictures of its test."""

import numpy as np
import PIL
import torch
from PIL import Image

SIZES = [
    ((1, 1), (32, 32)), ((3, 2), (64, 32)), ((100, 75), (64, 64)), ((61, 97), (96, 96)), ((97, 61), (97, 32)),
    ((97, 61), (32, 61)), ((16, 17), (15, 16)), ((48, 32), (160, 96)), ((40, 400), (32, 64)), ((400, 40), (64, 32)),
    ((33, 200), (64, 32)), ((200, 33), (32, 64)), ((5, 300), (32, 288)), ((333, 222), (128, 96)),
]


def noise(width, height, seed):
    state, values = seed, []
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.array(values, np.uint8).reshape(height, width, 3)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def by_torch(picture, size):
    tensor = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
    out = torch.nn.functional.interpolate(tensor, size=size[::-1], mode="bicubic", antialias=True)
    return out[0].permute(1, 2, 0).contiguous().numpy().tobytes()


def main():
    assert int(PIL.__version__.split(".")[0]) >= 13
    for source, size in SIZES:
        picture = noise(*source, 1)
        image = Image.fromarray(picture)
        bicubic = Image.Resampling.BICUBIC
        width_first = image.resize((size[0], source[1]), bicubic).resize(size, bicubic)
        hashes = [by_torch(picture, size), width_first.tobytes(), image.resize(size, bicubic).tobytes()]
        shown = ", ".join(f'"{fnv1a(data)}"' for data in hashes)
        print(f"{{{{{source[0]}, {source[1]}}}, {{{size[0]}, {size[1]}}}, {shown}}},")


if __name__ == "__main__":
    main()
