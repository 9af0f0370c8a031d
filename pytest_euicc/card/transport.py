"""The way to a card, whatever is at the other end of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast, runtime_checkable

from pytest_euicc.card.errors import UnknownTransport

ENTRY_POINTS = "pytest_euicc.transports"


class Transport(Protocol):
    """Carries APDUs. Every method raises `CardError` with one clear message when it cannot do its work."""

    @property
    def description(self) -> str:
        """For people: ``pcsc: Virtual PCD 00 00``."""

    @property
    def atr(self) -> bytes:
        """The answer to the last reset; empty before `connect`."""

    @property
    def protocol(self) -> str:
        """``T=0`` or ``T=1``."""

    def connect(self) -> None:
        """Take hold of the card and power it up; raises `ReaderBusy` where another process has it."""

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU; returns response data followed by SW1 SW2."""

    def reset(self) -> bytes:
        """Reset the card; returns its ATR."""

    def close(self) -> None:
        """Release the card. Closing twice is harmless."""


@runtime_checkable
class SnapshotTransport(Transport, Protocol):
    """A transport that can restore an earlier state of its card."""

    def snapshot(self) -> object:
        """Everything the card would keep over a reset."""

    def restore(self, snapshot: object) -> None:
        """Put back what `snapshot` gave, also after a defect or a failure in between."""


@runtime_checkable
class RemovableTransport(Transport, Protocol):
    """A transport that detects the removal of its card, and can connect to it again."""

    def held(self) -> bool:
        """Whether the card that was taken is still there and was never gone in between."""

    def retake(self) -> bytes:
        """Take what is there now, whichever card it is; returns its ATR. Raises `NoCard` or `NoReader` for nothing."""


@runtime_checkable
class SectionedTransport(Protocol):
    """A transport that has to know which sequence the next APDUs belong to (recorder and replay)."""

    def section(self, title: str) -> None:
        """The exchanges from here on belong to *title*."""


@dataclass(frozen=True)
class Device:
    """A device between the harness and its card that is the card's terminal, such as a modem.

    It has started the card and answers its proactive commands; the harness sees neither them nor the ATR.

    Attributes:
        block: octets that one command may carry, and one answer.
    """

    block: int = 255


def device_of(transport: Transport) -> Device | None:
    """The device of a transport; None where the harness is the terminal."""
    return getattr(transport, "device", None)


def snapshots_of(transport: Transport) -> SnapshotTransport | None:
    """The transport, if it can restore an earlier state of its card.

    For what each sequence asks: `isinstance` with a protocol looks at every member, which takes Python 3.11 long.
    """
    return (
        cast("SnapshotTransport", transport)
        if hasattr(transport, "snapshot") and hasattr(transport, "restore")
        else None
    )


def sections_of(transport: Transport) -> SectionedTransport | None:
    """The transport, if it has to know which sequence the next APDUs belong to."""
    return cast("SectionedTransport", transport) if hasattr(transport, "section") else None


def power_cut_of(transport: Transport) -> Callable[[int | None], None] | None:
    """How the power of a card is cut inside a command; None where it can be cut between commands alone.

    A transport that can do it has a method ``lose_power_after(writes)``: from now on the card loses its power before
    its memory is written to for one time more than *writes*, and `Transport.transmit` raises `PowerLost` then; None
    takes that back. Not every transport can count writes: what grows with the number will do.
    """
    return getattr(transport, "lose_power_after", None)


@dataclass(frozen=True)
class TransportOptions:
    """Options of a transport besides its argument.

    `timeout` is in seconds: how long to wait for a card to be inserted, or for an answer.
    `protocol` (``T=0``/``T=1``) asks for one protocol of a card that offers both.
    `extra` passes on, by name, what only one kind of transport understands.
    """

    timeout: float = 30.0
    protocol: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def kinds() -> dict[str, EntryPoint]:
    """Every installed kind of transport."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def open_transport(spec: str, options: TransportOptions | None = None) -> Transport:
    """The transport that ``kind`` or ``kind:argument`` names; nothing is connected yet.

    Raises `UnknownTransport` with the kinds that are installed.
    """
    kind, _, argument = spec.partition(":")
    installed = kinds()
    if kind not in installed:
        raise UnknownTransport(
            f"no transport {kind!r} (in {spec!r}); available: {', '.join(sorted(installed)) or 'none'}. "
            f"Others can be added by the entry point group {ENTRY_POINTS}."
        )
    try:
        opener = installed[kind].load()
    except (ImportError, AttributeError) as fault:
        raise UnknownTransport(f"the transport {kind!r} is registered but cannot be loaded: {fault}") from fault
    transport: Transport = opener(argument, options or TransportOptions())
    return transport
