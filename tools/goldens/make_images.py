#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images: small files of every kind the decoders meet, and what Pillow reads from them.

  make_images.py [--out tests/data/images]

expected.tsv has one line per check: file, policy, width, height, FNV-1a 64 of the RGB bytes; or for files that must
be refused: file, "error", and a part of the message. Needs numpy and pillow. The output is deterministic for one
version of Pillow.
"""

import argparse
import io
import pathlib

import image_writers as writers
import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 34, 22


def picture(width=WIDTH, height=HEIGHT, seed=0):
    """Ramps, a sharp square and a little noise."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x * 7 + y * 3) % 256], axis=2)
    rgb[height // 4 : height // 2, width // 3 : width // 2] = (250, 20, 40)
    noise = np.random.default_rng(seed).integers(-6, 7, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def alpha(width=WIDTH, height=HEIGHT):
    y, x = np.mgrid[0:height, 0:width]
    return ((x * 11 + y * 5) % 256).astype(np.uint8)


def encode(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif_bytes(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def jpeg_files():
    rgb = Image.fromarray(picture())
    base = encode(rgb, "JPEG", quality=85)
    progressive = encode(rgb, "JPEG", quality=85, progressive=True)
    yield "jpeg_420.jpg", base
    yield "jpeg_444.jpg", encode(rgb, "JPEG", quality=92, subsampling=0)
    yield "jpeg_422.jpg", encode(rgb, "JPEG", quality=80, subsampling=1)
    yield "jpeg_progressive.jpg", progressive
    yield "jpeg_grey.jpg", encode(rgb.convert("L"), "JPEG")
    yield "jpeg_cmyk.jpg", encode(rgb.convert("CMYK"), "JPEG", quality=90)
    yield "jpeg_rgb.jpg", encode(rgb, "JPEG", keep_rgb=True)
    yield "jpeg_restart.jpg", encode(rgb, "JPEG", restart_marker_blocks=2)
    yield "jpeg_1x1.jpg", encode(Image.fromarray(picture(1, 1)), "JPEG")
    yield "jpeg_1x200.jpg", encode(Image.fromarray(picture(1, 200)), "JPEG")
    yield "jpeg_17x13.jpg", encode(Image.fromarray(picture(17, 13)), "JPEG")
    for orientation in range(1, 9):
        yield f"jpeg_exif{orientation}.jpg", encode(rgb, "JPEG", exif=exif_bytes(orientation))
    yield "jpeg_named_png.png", base
    yield "jpeg_tail.jpg", base + b"trailing bytes"


def png_files():
    rgb, a = picture(), alpha()
    rgba = np.dstack([rgb, a])
    image = Image.fromarray(rgb)
    yield "png_rgb.png", encode(image, "PNG")
    yield "png_rgba.png", encode(Image.fromarray(rgba), "PNG")
    yield "png_grey.png", encode(image.convert("L"), "PNG")
    yield "png_grey_alpha.png", encode(Image.fromarray(rgba).convert("LA"), "PNG")
    yield "png_1bit.png", encode(image.convert("1"), "PNG")
    for bits in (1, 2, 4, 8):
        palette = image.quantize(1 << bits)
        yield f"png_palette{bits}.png", encode(palette, "PNG", bits=bits)
    yield "png_palette_alpha.png", encode(image.quantize(200), "PNG", transparency=bytes(range(200)))
    yield "png_rgb_key.png", encode(image, "PNG", transparency=tuple(int(v) for v in rgb[3, 4]))
    wide = rgb.astype(np.uint16) * 257 + np.arange(rgb.size, dtype=np.uint16).reshape(rgb.shape) % 100
    yield "png_rgb16.png", writers.png(wide, 2, 16)
    yield "png_rgba16.png", writers.png(np.dstack([wide, a.astype(np.uint16) * 257]), 6, 16)
    yield "png_grey16.png", writers.png(wide[:, :, :1], 0, 16)
    yield "png_interlaced.png", writers.png(rgb, 2, 8, interlaced=True)
    yield "png_interlaced_rgba.png", writers.png(rgba, 6, 8, interlaced=True)
    yield "png_interlaced_3x2.png", writers.png(rgb[:2, :3], 2, 8, interlaced=True)
    yield "png_exif6.png", encode(image, "PNG", exif=exif_bytes(6))
    yield "png_exif8_late.png", writers.png(rgb, 2, 8, late_chunk=(b"eXIf", exif_bytes(8)[6:]))
    yield "png_bad_profile.png", writers.png(rgb, 2, 8, early_chunk=(b"iCCP", b"name\0\0not deflated"))
    yield "png_bad_time.png", writers.png(rgb, 2, 8, early_chunk=(b"tIME", b"\xff" * 7))
    yield "png_bad_text_crc.png", writers.png(rgb, 2, 8, late_chunk=(b"tEXt", b"a\0b"), break_late_crc=True)


def webp_files():
    image = Image.fromarray(picture())
    rgba = Image.fromarray(np.dstack([picture(), alpha()]))
    yield "webp_lossless.webp", encode(image, "WEBP", lossless=True)
    yield "webp_lossless_rgba.webp", encode(rgba, "WEBP", lossless=True, exact=True)
    yield "webp_lossy.webp", encode(image, "WEBP", quality=80)
    yield "webp_lossy_rgba.webp", encode(rgba, "WEBP", quality=80)
    yield "webp_exif3.webp", encode(image, "WEBP", lossless=True, exif=exif_bytes(3))
    second = Image.fromarray(picture(seed=1))
    animated = dict(save_all=True, append_images=[second], duration=100)
    yield "webp_animated.webp", encode(image, "WEBP", lossless=True, **animated)
    yield "webp_animated_rgba.webp", encode(rgba, "WEBP", lossless=True, exact=True, **animated)
    still = encode(Image.fromarray(np.dstack([picture(20, 12), alpha(20, 12)])), "WEBP", lossless=True, exact=True)
    yield "webp_animated_offset.webp", writers.webp_animation(still, (20, 12), (6, 8), (WIDTH, HEIGHT))


def gif_files():
    image = Image.fromarray(picture())
    paletted = image.quantize(128)
    plain = encode(paletted, "GIF", interlace=False)
    yield "gif_plain.gif", plain
    yield "gif_interlaced.gif", encode(paletted, "GIF", interlace=True)
    yield "gif_transparent.gif", encode(paletted, "GIF", transparency=5)
    yield "gif_2_colours.gif", encode(image.quantize(2), "GIF")
    yield "gif_grey.gif", encode(image.convert("L"), "GIF")
    noise = np.random.default_rng(3).integers(0, 256, (66, 75), dtype=np.uint8)
    yield "gif_full_table.gif", encode(Image.fromarray(noise), "GIF")
    frames = dict(save_all=True, append_images=[Image.fromarray(picture(seed=1)).quantize(64)], duration=50)
    yield "gif_animated.gif", encode(paletted, "GIF", **frames)
    yield "gif_offset.gif", writers.gif_move(plain, (5, 4), (WIDTH + 20, HEIGHT + 9))
    clear = encode(paletted, "GIF", transparency=5)
    yield "gif_offset_transparent.gif", writers.gif_move(clear, (5, 4), (WIDTH + 20, HEIGHT + 9))
    yield "gif_beyond_canvas.gif", writers.gif_move(plain, (5, 4), (WIDTH, HEIGHT))


def bmp_files():
    rgb, a = picture(), alpha()
    image = Image.fromarray(rgb)
    paletted = image.quantize(200)
    yield "bmp_1.bmp", encode(image.convert("1"), "BMP")
    yield "bmp_8.bmp", encode(paletted, "BMP")
    yield "bmp_grey.bmp", encode(image.convert("L"), "BMP")
    yield "bmp_24.bmp", encode(image, "BMP")
    few = image.quantize(16)
    indices = np.asarray(few)
    colours = np.array(few.getpalette()[: 16 * 3], np.uint8).reshape(-1, 3)
    yield "bmp_4.bmp", writers.bmp_indexed(indices, colours, 4)
    yield "bmp_core.bmp", writers.bmp_core(rgb)
    yield "bmp_rle4.bmp", writers.bmp_indexed(indices, colours, 4, rle=True)
    yield "bmp_rle8.bmp", writers.bmp_indexed(indices, colours, 8, rle=True)
    yield "bmp_16_555.bmp", writers.bmp_masked(rgb, None, 16, (0x7C00, 0x3E0, 0x1F, 0))
    yield "bmp_16_565.bmp", writers.bmp_masked(rgb, None, 16, (0xF800, 0x7E0, 0x1F, 0), fields=True)
    yield "bmp_32.bmp", writers.bmp_masked(rgb, a, 32, (0xFF0000, 0xFF00, 0xFF, 0))
    yield "bmp_32_alpha.bmp", writers.bmp_masked(rgb, a, 32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), fields=True)
    yield "bmp_top_down.bmp", writers.bmp_masked(rgb, None, 32, (0xFF0000, 0xFF00, 0xFF, 0), top_down=True)


def refused_files():
    """File, bytes, and a part of the sentence that refuses it."""
    image = Image.fromarray(picture())
    jpeg = encode(image, "JPEG", quality=85)
    progressive = encode(image, "JPEG", progressive=True)
    png = encode(image, "PNG")
    yield "bad_empty.jpg", b"", "the image file is empty (0 bytes)"
    yield "bad_text.png", b"hello, world\n", "starts with bytes 68 65 6c 6c and is none of"
    yield "bad_truncated.jpg", jpeg[: len(jpeg) // 2], "Premature end of JPEG file"
    yield "bad_truncated_progressive.jpg", progressive[: len(progressive) // 2], "Premature end of JPEG file"
    yield "bad_header_only.jpg", jpeg[:10], "Premature end of JPEG file"
    yield "bad_missing_data.jpg", jpeg[: len(jpeg) - 200] + b"\xff\xd9", "premature end of data segment"
    yield "bad_zero_size.jpg", writers.jpeg_resize(jpeg, WIDTH, 0), "JPEG image cannot be decoded"
    yield "bad_huge.jpg", writers.jpeg_resize(jpeg, 65500, 65500), "65500x65500, the limit of a side is 16384"
    yield "bad_short.jpg", writers.jpeg_resize(jpeg, 9999, 9999), "bytes cannot hold 9999x9999 pixels"
    yield "bad_scans.jpg", writers.jpeg_repeat_scans(progressive, 120), "it has more than 100 scans"
    yield "bad_lossless.jpg", jpeg.replace(b"\xff\xc0", b"\xff\xc3", 1), "Unsupported JPEG process"
    yield "bad_truncated.png", png[: len(png) // 2], "PNG image cannot be decoded: the file is truncated"
    yield "bad_crc.png", png[:-20] + bytes([png[-20] ^ 1]) + png[-19:], "PNG image cannot be decoded"
    yield "bad_zero_size.png", writers.png_header(0, 10), "PNG image is 0x10, each side must be at least 1"
    yield "bad_huge.png", writers.png_header(100000, 100000), "100000x100000, the limit of a side is 16384"
    yield "bad_pixels.png", writers.png_header(16000, 16000), "= 256000000 pixels, the limit is 100000000"
    yield "bad_short.png", writers.png_header(9999, 9999), "bytes cannot hold 9999x9999 pixels"
    yield "bad_1x20000.png", writers.png(np.zeros((20000, 1, 1), np.uint8), 0, 8), "1x20000, the limit of a side"
    yield "bad_ratio.png", writers.png(np.zeros((1, 300, 1), np.uint8), 0, 8), "at most 200 times the shorter"
    webp = encode(image, "WEBP", quality=80)
    yield "bad_truncated.webp", webp[: len(webp) // 2], "WebP image cannot be decoded: the file is truncated"
    animated = encode(image, "WEBP", save_all=True, append_images=[image.transpose(0)])
    yield "bad_no_frame.webp", animated[:44], "WebP image cannot be decoded"
    gif = encode(image.quantize(64), "GIF")
    yield "bad_truncated.gif", gif[: len(gif) // 2], "GIF image cannot be decoded: the file is truncated"
    yield "bad_no_frame.gif", gif[:6] + b"\x10\0\x10\0\0\0\0;", "GIF image cannot be decoded: it has no frame"
    yield "bad_zero_size.gif", gif[:6] + bytes(7) + b"," + bytes(9) + b"\2\0;", "GIF image is 0x0"
    yield "bad_codes.gif", writers.gif_break_codes(gif), "GIF image cannot be decoded: its code stream is broken"
    bmp = encode(image, "BMP")
    yield "bad_truncated.bmp", bmp[: len(bmp) // 2], "BMP image is truncated"
    yield "bad_depth.bmp", bmp[:28] + b"\x05\0" + bmp[30:], "BMP image has 5 bits per pixel"
    yield "bad_compression.bmp", bmp[:30] + b"\4\0\0\0" + bmp[34:], "BMP image has compression 4"
    yield "bad_width.bmp", bmp[:18] + b"\xff\xff\xff\xff" + bmp[22:], "sides must be positive"


def expectation(name, data, policy):
    """(width, height, RGB bytes) as Pillow sees the file."""
    image = Image.open(io.BytesIO(data))
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode == "I":
        # The high byte; Pillow would clip at 255.
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if policy == "white" and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info):
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, (255, 255, 255))
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        image = canvas
    return image.width, image.height, image.convert("RGB").tobytes()


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = pathlib.Path(__file__).resolve().parents[2] / "tests/data/images"
    parser.add_argument("--out", type=pathlib.Path, default=default)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for family in (jpeg_files, png_files, webp_files, gif_files, bmp_files):
        for name, data in family():
            (out / name).write_bytes(data)
            for policy in ("drop", "white"):
                if policy == "white" and name in ("gif_offset.gif", "gif_beyond_canvas.gif"):
                    continue  # around the frame we show white, Pillow entry 0
                width, height, rgb = expectation(name, data, policy)
                lines.append(f"{name}\t{policy}\t{width}\t{height}\t{fnv1a(rgb):016x}")
    for name, data, message in refused_files():
        (out / name).write_bytes(data)
        lines.append(f"{name}\terror\t{message}")
    (out / "expected.tsv").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} checks, {sum(f.stat().st_size for f in out.iterdir())} bytes")


if __name__ == "__main__":
    main()
