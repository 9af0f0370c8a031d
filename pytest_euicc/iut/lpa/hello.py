"""What an LPA sends in the clear of a handshake: its offer, its key (RFC 5246 7.4, RFC 8446 4.2.8, RFC 6066 3)."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

_RECORD_HEADER = 5
_SERVER_NAME, _SUPPORTED_VERSIONS, _KEY_SHARE = 0, 43, 51
_HANDSHAKE, _CLIENT_KEY_EXCHANGE = 22, 16
_VERSIONS = {0x0301: "1.0", 0x0302: "1.1", 0x0303: "1.2", 0x0304: "1.3"}
_PAUSE = 0.005


@dataclass(frozen=True)
class ClientHello:
    """An offer.

    Attributes:
        name: of the server, in small letters; empty where it is not told.
        versions: such as ``1.2``.
        suites: their numbers.
        key_share: of TLS 1.3, the content of the extension; empty where there is none.
    """

    name: str = ""
    versions: tuple[str, ...] = ()
    suites: tuple[int, ...] = ()
    key_share: bytes = b""


def peek(connection: socket.socket, patience: float) -> bytes:
    """The first record of a connection, which stays there to be read; shorter where it does not come whole."""
    until = time.monotonic() + patience
    octets = b""
    while time.monotonic() < until:
        octets = connection.recv(1 << 14, socket.MSG_PEEK)
        size = _RECORD_HEADER + int.from_bytes(octets[3:5], "big") if len(octets) >= _RECORD_HEADER else 1 << 14
        if not octets or len(octets) >= size:
            return octets
        time.sleep(_PAUSE)
    return octets


def read(record: bytes) -> ClientHello:
    """The offer in a record; an empty one where it cannot be read."""
    try:
        return _read(record[_RECORD_HEADER:])
    except (IndexError, ValueError):
        return ClientHello()


def _read(message: bytes) -> ClientHello:
    at = 4 + 2 + 32
    at += 1 + message[at]
    size = int.from_bytes(message[at : at + 2], "big")
    suites = tuple(int.from_bytes(message[n : n + 2], "big") for n in range(at + 2, at + 2 + size, 2))
    at += 2 + size
    at += 1 + message[at]
    name, key_share = "", b""
    versions: tuple[str, ...] = (_VERSIONS.get(int.from_bytes(message[4:6], "big"), ""),)
    end = at + 2 + int.from_bytes(message[at : at + 2], "big")
    at += 2
    while at + 4 <= end:
        kind, size = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
        body = message[at + 4 : at + 4 + size]
        if kind == _SERVER_NAME and len(body) > _RECORD_HEADER:
            name = body[5 : 5 + int.from_bytes(body[3:5], "big")].decode("latin-1").lower()
        elif kind == _SUPPORTED_VERSIONS and body:
            offered = (int.from_bytes(body[n : n + 2], "big") for n in range(1, len(body), 2))
            versions = tuple(_VERSIONS[each] for each in offered if each in _VERSIONS)
        elif kind == _KEY_SHARE:
            key_share = body
        at += 4 + size
    return ClientHello(name, versions, suites, key_share)


def key_of(received: bytes, version: str) -> bytes:
    """What a client gave for the key exchange: key_share of TLS 1.3, else ClientKeyExchange; empty where it gave none.

    Args:
        received: what it sent up to the end of the handshake.
        version: that was agreed on, such as ``TLSv1.2``.
    """
    messages = b""
    while len(received) >= _RECORD_HEADER and received[0] == _HANDSHAKE:
        size = int.from_bytes(received[3:5], "big")
        messages += received[_RECORD_HEADER : _RECORD_HEADER + size]
        received = received[_RECORD_HEADER + size :]
    if version == "TLSv1.3":
        return read(bytes(_RECORD_HEADER) + messages).key_share
    while len(messages) >= 4:
        kind, size = messages[0], int.from_bytes(messages[1:4], "big")
        if kind == _CLIENT_KEY_EXCHANGE:
            return messages[4 : 4 + size]
        messages = messages[4 + size :]
    return b""
