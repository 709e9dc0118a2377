# SPDX-License-Identifier: Apache-2.0
"""Pictures made to hurt: small files that promise much, long files that hold little, broken ones, and kinds that are not
pictures. Each is bytes; nothing here is copied from a collection."""

import base64
import struct
import zlib


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth=8, color=0, interlace=0, pixels=b"", before=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + before + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b""))


def deflated(size, level=9):
    """`size` zero bytes, packed about 1:1000."""
    packer = zlib.compressobj(level)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join(parts) + packer.compress(bytes(size & ((1 << 20) - 1))) + packer.flush()


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


QUANTISATION = segment(0xDB, bytes([0]) + bytes([16]) * 64)
END = b"\xff\xd9"


def huffman(kind, symbol):
    """A table of one symbol, whose code is a single 0 bit."""
    return segment(0xC4, bytes([kind]) + bytes([1]) + bytes(15) + bytes([symbol]))


def frame(marker, width, height):
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))


def scan(first, last, bits):
    """A scan of one component over these coefficients; the bits are filled up with ones and stuffed."""
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\x00")
    return segment(0xDA, bytes([1, 1, 0, first, last, 0])) + data


def progressive(side, scans):
    """Every scan says in a few bytes that all blocks are empty, and costs the decoder a pass over all of them."""
    blocks = (side // 8) ** 2
    run = "0" + "1" * 14  # the longest end-of-band run: 2^15 - 1 blocks
    passes = scan(1, 63, run * -(-blocks // 32767))
    return (b"\xff\xd8" + QUANTISATION + frame(0xC2, side, side) + huffman(0x00, 0) + huffman(0x10, 0xE0)
            + scan(0, 0, "0" * blocks) + passes * scans + END)


def baseline(side, extra=b""):
    blocks = (side // 8) ** 2
    return (b"\xff\xd8" + extra + QUANTISATION + frame(0xC0, side, side) + huffman(0x00, 0) + huffman(0x10, 0)
            + scan(0, 63, "00" * blocks) + END)


def exif(entries):
    """A directory of many entries, none of which is the orientation."""
    listed = struct.pack("<HHII", 0x9999, 3, 1, 0) * min(entries, 5000)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, min(entries, 65535)) + listed


def riff(*chunks):
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


PIXEL = bytes.fromhex("2f000000100710111188 88fe0700")  # one lossless pixel


def webp_size(width, height):
    return b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8)


def webp_animation(frames):
    part = bytes(6) + bytes(6) + bytes(4) + b"VP8L" + struct.pack("<I", len(PIXEL)) + PIXEL + b"\0" * (len(PIXEL) % 2)
    return riff((b"VP8X", bytes([2, 0, 0, 0]) + bytes(6)), (b"ANIM", bytes(6)), *[(b"ANMF", part)] * frames)


def gif(width, height, frames, inner=(1, 1)):
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, *inner, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b"\x3b"


def bmp(width, height, bits, compression, data):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    palette = bytes(1024) if bits == 8 else b""
    offset = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + head + palette + data


def boxes(brand, *more):
    return struct.pack(">I", 16) + b"ftyp" + brand + bytes(4) + b"".join(more)


LAUGHS = (b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)) + b']><svg xmlns="x"><text>&j;</text></svg>')


def pictures():
    """Name, bytes, and whether a good answer is right: the file is odd, but it is a picture within the limits."""
    profile = png_chunk(b"iCCP", b"x\0\0" + deflated(50 << 20))
    return [
        ("png 60k x 60k", png(60000, 60000), False),
        ("png whose pixels inflate 1:1000", png(64, 64, pixels=deflated(200 << 20)), True),
        ("png 16k x 6k of zeros", png(16000, 6000, pixels=deflated(16001 * 6000)), True),
        ("png 16 bit interlaced 30k x 30k", png(30000, 30000, 16, 6, 1, deflated(1 << 20)), False),
        ("png profile of 50 MB", png(64, 64, pixels=deflated(65 * 64), before=profile), True),
        ("png 1 x 20,000", png(1, 20000, pixels=deflated(2 * 20000)), False),
        ("png 1 x 1", png(1, 1, pixels=deflated(2)), True),
        ("jpeg 65,500 x 65,500", baseline(64).replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 65500, 65500)), False),
        ("jpeg of 4,000 scans", progressive(2048, 4000), False),
        ("jpeg with 30 MB of segments", baseline(64, segment(0xE5, bytes(65000)) * 480), True),
        ("jpeg cut off", baseline(2048)[:3000], False),
        ("jpeg with a long EXIF directory", baseline(64, segment(0xE1, exif(65535))), True),
        ("webp 16,383 x 16,383", riff((b"VP8L", webp_size(16383, 16383))), False),
        ("webp of 10,000 frames", webp_animation(10000), True),
        ("webp with 100,000 EXIF entries", riff((b"VP8X", bytes([8, 0, 0, 0]) + bytes(6)), (b"VP8L", PIXEL),
                                                (b"EXIF", exif(65535) + bytes(1200000))), True),
        ("gif of 20,000 frames", gif(1, 1, 20000), True),
        ("gif 65k x 65k around one pixel", gif(65535, 65535, 1), False),
        ("bmp of negative height", bmp(64, -(1 << 31), 24, 0, bytes(64 * 64 * 3)), False),
        ("bmp 16k x 6k by an end mark", bmp(16000, 6000, 8, 1, b"\0\1"), True),
        ("svg billion laughs", LAUGHS, False),
        ("heif grid", boxes(b"heic", b"\0\0\0\x20meta" + bytes(24)), False),
        ("avif grid", boxes(b"avif", b"\0\0\0\x20meta" + bytes(24)), False),
    ]


def others():
    """Parts of a message that are no pictures: all are refused, files of pages and videos by name."""
    pages = b"%PDF-1.7\n1 0 obj<</Type/Pages/Count 100000/Kids[" + b"2 0 R " * 100000 + b"]>>endobj\n"
    hours = boxes(b"isom", b"\0\0\0\x1cmvhd" + b"\xff" * 20)
    tracks = b"\x1a\x45\xdf\xa3" + b"\xae\x81\x00" * 65000

    def uri(kind, data):
        return f"data:{kind};base64," + base64.b64encode(data).decode()

    def clip(frames):
        encoded = {frame: base64.b64encode(frame).decode() for frame in frames}
        url = "data:video/jpeg;base64," + ",".join(encoded[frame] for frame in frames)
        return {"type": "video_url", "video_url": {"url": url}, "fps": 2}

    return [
        ("pdf as a picture", {"type": "image_url", "image_url": {"url": uri("image/png", pages)}}),
        ("pdf as a file", {"type": "file", "file": {"filename": "a.pdf", "file_data": uri("application/pdf", pages)}}),
        ("mp4 as a picture", {"type": "image_url", "image_url": {"url": uri("image/png", hours)}}),
        ("mp4 as a video", {"type": "video_url", "video_url": {"url": uri("video/mp4", hours)}}),
        ("mkv as a video", {"type": "video_url", "video_url": {"url": uri("video/webm", tracks)}}),
        ("10,000 jpegs as a video", {"type": "video_url", "video_url": {"url": "data:video/jpeg;base64," + "/9j/,," * 10000}}),
        ("500 frames of 8k x 8k", clip([png(8000, 8000, pixels=deflated(8001 * 8000))] * 500)),
        ("768 frames of nothing", clip([b"\xff\xd8\xff"] * 768)),
        ("a frame of 60k x 60k", clip([png(60000, 60000)])),
    ]
