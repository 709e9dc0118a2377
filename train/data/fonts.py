# SPDX-License-Identifier: Apache-2.0
"""Fonts: which ones are trained on, which are held out, and a cache of drawn glyphs.

The fonts themselves are not part of the repository (licences and size). `python3 -m train.data.fonts` cuts the
installed Debian fonts down to the characters needed and puts them under `train/.cache/fonts`, small enough to travel.
"""

import contextlib
import functools
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from train.corpus.charset import ALL_READABLE

CACHE = pathlib.Path(__file__).parents[1] / ".cache" / "fonts"
NOTO = "/usr/share/fonts/opentype/noto/"
TRUETYPE = "/usr/share/fonts/truetype/"
# name -> (file, face number inside a collection). Face 2 of the Noto collections is Simplified Chinese.
SOURCES = {
    "sans": (NOTO + "NotoSansCJK-Regular.ttc", 2),
    "sans-bold": (NOTO + "NotoSansCJK-Bold.ttc", 2),
    "serif": (NOTO + "NotoSerifCJK-Regular.ttc", 2),
    "serif-bold": (NOTO + "NotoSerifCJK-Bold.ttc", 2),
    "zenhei": (TRUETYPE + "wqy/wqy-zenhei.ttc", 0),
    "uming": (TRUETYPE + "arphic/uming.ttc", 0),
    "dejavu-sans": (TRUETYPE + "dejavu/DejaVuSans.ttf", 0),
    "dejavu-bold": (TRUETYPE + "dejavu/DejaVuSans-Bold.ttf", 0),
    "dejavu-serif": (TRUETYPE + "dejavu/DejaVuSerif.ttf", 0),
    "dejavu-mono": (TRUETYPE + "dejavu/DejaVuSansMono.ttf", 0),
    "microhei": (TRUETYPE + "wqy/wqy-microhei.ttc", 0),
    "ukai": (TRUETYPE + "arphic/ukai.ttc", 0),
}
CHINESE = ("sans", "sans-bold", "serif", "serif-bold", "zenhei", "uming")
LATIN_ONLY = ("dejavu-sans", "dejavu-bold", "dejavu-serif", "dejavu-mono")
UNSEEN = ("microhei", "ukai")  # never in training: a near and a far unseen font
ASCENT = 0.98  # baseline below the top of a glyph cell, and the cell's height, both over the font size:
LINE_HEIGHT = 1.28  # brackets and descenders of every font above fit


@functools.lru_cache(maxsize=512)
def face(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(CACHE / f"{name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)


_instead: str | None = None


@contextlib.contextmanager
def instead(name: str) -> Iterator[None]:
    """Within, every text is drawn in this font: to evaluate tasks in a font that training never shows."""
    global _instead
    before, _instead = _instead, name or None
    try:
        yield
    finally:
        _instead = before


def resolved(name: str) -> str:
    return _instead or name


def glyph(name: str, size: int, char: str) -> tuple[np.ndarray, int, int]:
    """Ink coverage of one character (0 to 255), the advance, and the horizontal offset of the bitmap from the pen."""
    return _glyph(resolved(name), size, char)


@functools.cache
def _glyph(name: str, size: int, char: str) -> tuple[np.ndarray, int, int]:
    font = face(name, size)
    advance = max(1, round(font.getlength(char)))
    left, _, right, _ = font.getbbox(char, anchor="ls")
    left, right = min(0, int(left)), max(advance, int(right), 1)
    image = Image.new("L", (right - left, int(size * LINE_HEIGHT)), 0)
    ImageDraw.Draw(image).text((-left, int(size * ASCENT)), char, font=font, fill=255, anchor="ls")
    return np.asarray(image), advance, left


def subset_all() -> None:
    """Writes every source font, reduced to the readable characters, into the cache."""
    from fontTools import subset

    CACHE.mkdir(parents=True, exist_ok=True)
    for name, (path, number) in SOURCES.items():
        options = subset.Options(font_number=number, drop_tables=["EBDT", "EBLC", "EBSC", "GSUB", "GPOS", "DSIG"],
                                 notdef_outline=True, hinting=False)
        font = subset.load_font(path, options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=ALL_READABLE + " ")
        subsetter.subset(font)
        target = CACHE / f"{name}.ttf"
        font.save(target)
        missing = sum(ord(char) not in font.getBestCmap() for char in ALL_READABLE)
        print(f"{name}: {target.stat().st_size // 1024} KiB, {missing} of {len(ALL_READABLE)} characters missing", flush=True)


if __name__ == "__main__":
    subset_all()
