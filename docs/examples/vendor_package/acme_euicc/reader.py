"""``--euicc acme:SPEC``: Acme's reader around any other transport, which counts commands.

It answers two commands itself: READ COUNTER (80CB000002) and RESET COUNTER (80CC0000).
"""

from __future__ import annotations

from pytest_euicc.api import CardError, Transport, TransportOptions, open_transport

READ_COUNTER = bytes.fromhex("80CB000002")
RESET_COUNTER = bytes.fromhex("80CC0000")


class AcmeReader:
    """Passes everything on but the two commands of its own."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._count = 0

    @property
    def description(self) -> str:
        """For reports."""
        return f"Acme reader with {self._inner.description}"

    @property
    def atr(self) -> bytes:
        """Of the card."""
        return self._inner.atr

    @property
    def protocol(self) -> str:
        """Of the card."""
        return self._inner.protocol

    def connect(self) -> None:
        """Power the card up."""
        self._inner.connect()

    def transmit(self, apdu: bytes) -> bytes:
        """One command."""
        if apdu == RESET_COUNTER:
            self._count = 0
            return b"\x90\x00"
        if apdu == READ_COUNTER:
            return self._count.to_bytes(2, "big") + b"\x90\x00"
        self._count += 1
        return self._inner.transmit(apdu)

    def reset(self) -> bytes:
        """Reset the card; the counter goes on."""
        return self._inner.reset()

    def close(self) -> None:
        """Let go of the card."""
        self._inner.close()


def open_reader(argument: str, options: TransportOptions) -> AcmeReader:
    """What the entry point names; ``argument`` is what stands after ``acme:``."""
    if not argument:
        raise CardError("acme: name what the card is in, as acme:sim or acme:pcsc:0")
    return AcmeReader(open_transport(argument, options))
