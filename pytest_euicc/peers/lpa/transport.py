"""How an answer goes on its way in HTTP/1.1, where it says the same or never comes to its end (RFC 9110, RFC 9112)."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Literal

Transport = Literal[
    "chunked", "chunk-missing", "gzip", "gzip-where-offered", "interim", "http-1.0", "closes-unannounced",
    "endless-headers", "endless-body", "gzip-bomb",
]  # fmt: skip
"""``chunked`` has extensions and a trailer, ``interim`` has 100, 102 and 103 before it; after ``http-1.0`` and
``closes-unannounced`` the server closes; ``chunk-missing`` and the endless ones do not come whole. A ``gzip-bomb`` is a
megabyte that unpacks to one thousand times as much, whether gzip was offered or not."""

NOT_WHOLE = frozenset({"chunk-missing", "endless-headers", "endless-body"})
CLOSING = NOT_WHOLE | {"http-1.0", "closes-unannounced"}
"""After these the connection does not go on."""

_PART = 120
_ENDLESS = 1 << 28
"""Octets after which even what is endless ends, 256 MB."""
_UNPACKED = 1 << 30
"""Octets that a small body unpacks to, 1 GB."""
_FILL = b"X-Fill: " + b"a" * 1000 + b"\r\n"


def octets(transport: Transport, status: int, headers: Mapping[str, str], body: bytes, offered: str) -> Iterator[bytes]:
    """What is sent, in parts.

    Args:
        offered: Accept-Encoding of the request.
    """
    version = "1.0" if transport == "http-1.0" else "1.1"
    if transport == "gzip" or (transport == "gzip-where-offered" and "gzip" in offered.lower()):
        headers, body = {**headers, "Content-Encoding": "gzip"}, gzip.compress(body)
    if transport == "gzip-bomb":
        headers, body = {**headers, "Content-Encoding": "gzip"}, _bomb()
    if transport == "interim":
        yield b"".join(_head("1.1", code, {}) + b"\r\n" for code in (100, 102, 103))
    bodiless = status in (204, 304)
    if transport in ("chunked", "chunk-missing") and not bodiless:
        yield _head(version, status, {**headers, "Transfer-Encoding": "chunked", "Trailer": "X-Behind"}) + b"\r\n"
        parts = [body[at : at + _PART] for at in range(0, len(body), _PART)]
        if transport == "chunk-missing":
            parts = parts[:-1]
        yield from (f"{len(part):x};part=1\r\n".encode() + part + b"\r\n" for part in parts)
        if transport == "chunked":
            yield b"0\r\nX-Behind: 1\r\n\r\n"
        return
    if transport == "endless-headers":
        yield _head(version, status, headers)
        yield from (_FILL for _ in range(_ENDLESS // len(_FILL)))
        return
    if transport == "endless-body":
        yield _head(version, status, headers) + b"\r\n"
        yield from (b" " * (1 << 16) for _ in range(_ENDLESS >> 16))
        return
    if not bodiless and transport != "http-1.0":
        headers = {**headers, "Content-Length": str(len(body))}
    yield _head(version, status, headers) + b"\r\n" + (b"" if bodiless else body)


@cache
def _bomb() -> bytes:
    """A gigabyte of white space in gzip (RFC 1952), made of one block that is repeated (RFC 1951 3.2)."""
    block = b" " * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush a block refers to nothing before it.
    repeated = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(_UNPACKED // len(block)):
        check = zlib.crc32(block, check)
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    end = struct.pack("<II", check, _UNPACKED & 0xFFFFFFFF)
    return header + repeated * (_UNPACKED // len(block)) + packer.flush(zlib.Z_FINISH) + end


def _head(version: str, status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers, without the empty line that ends them."""
    lines = [f"HTTP/{version} {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
