"""Icons of profiles: grey squares as PNG or JPEG, of the size in octets that is wanted (SGP.22 5.5.3)."""

from __future__ import annotations

import struct
import zlib

_SIDE = 64
_GREY = 0x80


def icon(kind: str, octets: int | None = None) -> bytes:
    """An icon.

    Args:
        kind: ``png`` or ``jpg``.
        octets: its size; the smallest there is if None.

    Raises:
        ValueError: it cannot be that small, or is of another kind.
    """
    makers = {"png": _png, "jpg": _jpg}
    if kind not in makers:
        raise ValueError(f"an icon is {' or '.join(makers)}, not {kind!r}")
    return makers[kind](octets)


def _png(octets: int | None) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + bytes([_GREY]) * _SIDE) * _SIDE, 9)
    tail = _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    spare = 0 if octets is None else _spare(octets, len(head) + len(tail), 12 + len(b"Comment\0"))
    comment = _chunk(b"tEXt", b"Comment\0" + b"." * spare) if octets is not None else b""
    return head + comment + tail


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _jpg(octets: int | None) -> bytes:
    # One component, one entry in each Huffman table: every block is a zero and an end of block, two bits together.
    tables = b"\0" + b"\1" * 64, b"\0" + b"\1" + bytes(15) + b"\0", b"\x10" + b"\1" + bytes(15) + b"\0"
    frame = struct.pack(">BHHBBBB", 8, _SIDE, _SIDE, 1, 1, 0x11, 0)
    head = b"\xff\xd8" + _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    body = _segment(0xDB, tables[0]) + _segment(0xC0, frame) + _segment(0xC4, tables[1]) + _segment(0xC4, tables[2])
    body += _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes((_SIDE // 8) ** 2 * 2 // 8) + b"\xff\xd9"
    if octets is None:
        return head + body
    return head + _segment(0xFE, b"." * _spare(octets, len(head) + len(body), 4)) + body


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _spare(octets: int, taken: int, comment: int) -> int:
    """Octets that a comment has to have to make the icon as long as it is to be."""
    spare = octets - taken - comment
    if spare < 0:
        raise ValueError(f"an icon of {octets} octets cannot be made, {taken + comment} is the least")
    return spare
