"""TLVs out of octets that arrive piece by piece: what is whole already, and what is announced."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_euicc.asn1.tlv import TlvError

_MAXIMUM_LENGTH_OCTETS = 4


@dataclass
class TlvStream:
    """Octets as they come.

    Attributes:
        pending: what no reader has taken yet.
        left: octets that the sequence that was opened last still announces.
    """

    pending: bytes = b""
    left: int = 0

    def peek_tag(self) -> int | None:
        """The tag that comes next; None while its header is not whole."""
        header = read_header(self.pending)
        return header[0] if header else None

    def open(self) -> int | None:
        """Take tag and length of a TLV whose value need not be there yet; returns the tag.

        None while tag and length are not whole.
        """
        header = read_header(self.pending)
        if header is None:
            return None
        tag, at, self.left = header
        self.pending = self.pending[at:]
        return tag

    def announced(self) -> int | None:
        """Octets of the next TLV, header included; None while its header is not whole."""
        header = read_header(self.pending)
        return header[1] + header[2] if header else None

    def take(self) -> bytes | None:
        """Take the next TLV; None while it is not whole."""
        length = self.announced()
        if length is None or len(self.pending) < length:
            return None
        part, self.pending = self.pending[:length], self.pending[length:]
        self.left -= length
        return part


def read_header(octets: bytes) -> tuple[int, int, int] | None:
    """Tag, offset of the value and length of the first TLV; None while its header is not whole.

    Raises:
        TlvError: a length of no definite form, or of more than four octets.
    """
    at = 1
    if octets and octets[0] & 0x1F == 0x1F:
        while at < len(octets) and octets[at] & 0x80:
            at += 1
        at += 1
    if at >= len(octets):
        return None
    tag, first = int.from_bytes(octets[:at], "big"), octets[at]
    if first < 0x80:
        return tag, at + 1, first
    count = first & 0x7F
    if not 1 <= count <= _MAXIMUM_LENGTH_OCTETS:
        raise TlvError(at, f"length octet {first:02X}")
    if len(octets) < at + 1 + count:
        return None
    return tag, at + 1 + count, int.from_bytes(octets[at + 1 : at + 1 + count], "big")
