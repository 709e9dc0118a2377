# SPDX-License-Identifier: Apache-2.0
"""Writers for picture files that Pillow reads but does not write, and edits that break good files."""

import struct
import zlib

import numpy as np

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png_chunk(kind, data, break_crc=False):
    crc = zlib.crc32(kind + data) ^ (1 if break_crc else 0)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png_ihdr(width, height, bits, colour, interlaced):
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced)))


def png_header(width, height):
    """A file that states a size and holds next to nothing."""
    return PNG_SIGNATURE + png_ihdr(width, height, 8, 2, False) + png_chunk(b"IDAT", zlib.compress(b"\0" * 10))


def png(pixels, colour, bits, interlaced=False, early_chunk=None, late_chunk=None, break_late_crc=False):
    """pixels: [height, width, channels] of uint8 or uint16; filter 0 on every row."""
    height, width, _ = pixels.shape
    dtype = ">u2" if bits == 16 else "u1"
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x, y, step_x, step_y in passes:
        part = pixels[y::step_y, x::step_x]
        if part.size:
            raw += b"".join(b"\0" + row.astype(dtype).tobytes() for row in part)
    out = PNG_SIGNATURE + png_ihdr(width, height, bits, colour, interlaced)
    if early_chunk:
        out += png_chunk(*early_chunk)
    out += png_chunk(b"IDAT", zlib.compress(raw, 9))
    if late_chunk:
        out += png_chunk(*late_chunk, break_crc=break_late_crc)
    return out + png_chunk(b"IEND", b"")


def webp_animation(still, size, offset, canvas):
    """One frame of `size` at an even `offset` of a transparent canvas, from a still lossless file."""

    def u24(value):
        return struct.pack("<I", value)[:3]

    def chunk(kind, data):
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)

    payload = still[12:]
    if payload[:4] == b"VP8X":
        payload = payload[18:]
    frame = u24(offset[0] // 2) + u24(offset[1] // 2) + u24(size[0] - 1) + u24(size[1] - 1) + u24(100) + b"\0"
    flags = struct.pack("<I", 0x12)  # animation, alpha
    body = chunk(b"VP8X", flags + u24(canvas[0] - 1) + u24(canvas[1] - 1))
    body += chunk(b"ANIM", b"\xff\x80\x40\xff\0\0") + chunk(b"ANMF", frame + payload)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif_descriptor(data):
    """Offset of the first image descriptor."""
    at = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    while data[at] == 0x21:
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    assert data[at] == 0x2C
    return at


def gif_move(data, offset, canvas):
    at = gif_descriptor(data)
    out = bytearray(data)
    out[6:10] = struct.pack("<HH", *canvas)
    out[at + 1 : at + 5] = struct.pack("<HH", *offset)
    return bytes(out)


def gif_break_codes(data):
    """The first code after "clear" names a table entry that cannot exist yet."""
    at = gif_descriptor(data)
    flags = data[at + 9]
    codes = at + 10 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
    out = bytearray(data)
    out[codes + 3 : codes + 6] = b"\xff\xff\xff"
    return bytes(out)


def bmp(header, palette, rows):
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + header + palette + rows


def bmp_info(width, height, bits, compression, colours=0, size=40):
    return struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 0, 2835, 2835, colours, 0)


def padded(row):
    return row + b"\0" * (-len(row) % 4)


def rle_row(row, nibbles):
    """Runs, an absolute stretch, and an end-of-line that leaves the rest to entry 0."""
    out = b""
    x = 0
    while x < len(row):
        run = 1
        while x + run < len(row) and row[x + run] == row[x] and run < 255:
            run += 1
        stretch = row[x : x + 7]
        if run == 1 and len(stretch) >= 3:
            if nibbles:
                pairs = list(stretch) + [0] * (len(stretch) & 1)
                data = bytes(pairs[i] << 4 | pairs[i + 1] for i in range(0, len(pairs), 2))
            else:
                data = bytes(stretch)
            out += bytes([0, len(stretch)]) + data + b"\0" * (len(data) & 1)
            x += len(stretch)
        else:
            value = int(row[x]) * 17 if nibbles else int(row[x])
            out += bytes([run, value])
            x += run
    return out + b"\0\0"


def bmp_indexed(indices, colours, bits, rle=False):
    height, width = indices.shape
    palette = b"".join(bytes([b, g, r, 0]) for r, g, b in colours)
    compression = 0 if not rle else (2 if bits == 4 else 1)
    header = bmp_info(width, height, bits, compression, len(colours))
    rows = b""
    for row in indices[::-1]:
        if rle:
            rows += rle_row(row, bits == 4)
        elif bits == 4:
            even = np.append(row, [0] * (width & 1)).astype(np.uint8)
            rows += padded((even[0::2] << 4 | even[1::2]).tobytes())
        else:
            rows += padded(row.astype(np.uint8).tobytes())
    return bmp(header, palette, rows + (b"\0\1" if rle else b""))


def bmp_core(rgb):
    height, width, _ = rgb.shape
    header = struct.pack("<IHHHH", 12, width, height, 1, 24)
    return bmp(header, b"", b"".join(padded(row[:, ::-1].tobytes()) for row in rgb[::-1]))


def bmp_masked(rgb, alpha, bits, masks, fields=False, top_down=False):
    """16 or 32 bits per pixel; with `fields` the masks are stored (version 4 header when there is an alpha mask)."""
    height, width, _ = rgb.shape
    channels = [rgb[:, :, i].astype(np.uint32) for i in range(3)]
    channels.append(np.zeros_like(channels[0]) if alpha is None else alpha.astype(np.uint32))
    value = np.zeros((height, width), np.uint32)
    for channel, mask in zip(channels, masks, strict=True):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            value |= (channel * (mask >> shift) // 255) << shift
    value = value.astype("<u2" if bits == 16 else "<u4")
    rows = b"".join(padded(row.tobytes()) for row in (value if top_down else value[::-1]))
    signed = -height if top_down else height
    if fields and masks[3]:
        header = bmp_info(width, signed, bits, 3, size=108) + struct.pack("<IIII", *masks) + bytes(52)
    else:
        header = bmp_info(width, signed, bits, 3 if fields else 0)
        header += struct.pack("<III", *masks[:3]) if fields else b""
    return bmp(header, b"", rows)


def jpeg_segment(data, wanted):
    """Offset of the first marker whose second byte is in `wanted`."""
    at = 2
    while data[at + 1] not in wanted:
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return at


def jpeg_resize(data, width, height):
    at = jpeg_segment(data, {0xC0, 0xC2})
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def jpeg_repeat_scans(data, count):
    """Repeats the first scan of a progressive file `count` times; what follows it stays."""
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff\xc4", start)  # the next scan's table
    return data[:end] + data[start:end] * count + data[end:]
