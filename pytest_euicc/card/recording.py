"""Record what goes over any transport, and ``replay:FILE``: the recording in place of the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from pytest_euicc.card.errors import (
    CardError,
    CardMute,
    PowerLost,
    ReplayEnded,
    ReplayMismatch,
    TraceError,
    UnknownTransport,
)
from pytest_euicc.card.trace import Event, Section, Trace
from pytest_euicc.card.transport import (
    Device,
    RemovableTransport,
    SnapshotTransport,
    Transport,
    TransportOptions,
    device_of,
    power_cut_of,
)
from pytest_euicc.text import printable

_DEVICE = "device"
"""A named comment of a trace: a device was the card's terminal."""
_POWER_CUTS = "power-cuts"
"""A named comment of a trace: the power could be cut inside commands."""
_LARGEST_BLOCK = 255


class Recorder:
    """Passes everything on to *transport* and writes it to *path*, a new file.

    Every line is with the operating system before the next octet goes to the card, so that a killed run loses
    nothing. Workers that run side by side need one path each. *notes* are written as ``# name: text``.

    Where the file takes no more (a full disk), what was written is kept, the card stays in use so that it can be put
    back, and the next section is refused. `fault` says so; it is empty while all is well.
    """

    def __init__(self, transport: Transport, path: Path, notes: Mapping[str, str] | None = None) -> None:
        self._transport = transport
        self._path = path
        self._notes = dict(notes or {})
        self._file: IO[bytes] | None = None
        self.fault = ""

    @property
    def description(self) -> str:
        """That of the transport."""
        return self._transport.description

    @property
    def atr(self) -> bytes:
        """That of the transport."""
        return self._transport.atr

    @property
    def protocol(self) -> str:
        """That of the transport."""
        return self._transport.protocol

    @property
    def device(self) -> Device | None:
        """That of the transport."""
        return device_of(self._transport)

    @property
    def lose_power_after(self) -> Callable[[int | None], None] | None:
        """That of the transport."""
        return power_cut_of(self._transport)

    def connect(self) -> None:
        """Connect, and start the file."""
        self._transport.connect()
        if self._file is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("xb", buffering=0)
            except FileExistsError as fault:
                if not self._path.exists():
                    raise TraceError(f"{self._path}: the recording cannot be written: {fault.strerror}") from fault
                raise TraceError(
                    f"{self._path}: this file already exists, and a recording overwrites none; remove it, "
                    "or name another"
                ) from None
            except OSError as fault:
                raise TraceError(f"{self._path}: the recording cannot be written: {fault.strerror}") from fault
            self._write(f"# trace of {self.description}")
            for name, text in self._notes.items():
                self._write(f"# {name}: {text}")
            if self.device is not None:
                self._write(f"# {_DEVICE}: block {self.device.block}")
            self._write(f"# protocol: {self.protocol}")
            if isinstance(self._transport, SnapshotTransport):
                self._write("# snapshots: yes")
            if self.lose_power_after is not None:
                self._write(f"# {_POWER_CUTS}: yes")
        self._write(f"# atr: {self.atr.hex().upper()}")
        self._check()

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU."""
        self._write(f"> {apdu.hex().upper()}")
        try:
            response = self._transport.transmit(apdu)
        except CardError as fault:
            self._write(f"# fault: {' '.join(str(fault).split())}")
            raise
        if len(response) < 2:
            self._write(f"# fault: answered by {len(response)} octets: {response.hex().upper()}")
        else:
            self._write(f"< {response.hex().upper()}")
        return response

    def reset(self) -> bytes:
        """Reset the card."""
        atr = self._transport.reset()
        self._write(f"# atr: {atr.hex().upper()}")
        return atr

    def section(self, title: str) -> None:
        """What follows belongs to *title*; raises `TraceError` where it could not be written."""
        self._check()
        self._write(f"# section: {' '.join(title.split())}")

    def close(self) -> None:
        """Close the transport and the file."""
        self._transport.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _check(self) -> None:
        if self.fault:
            raise TraceError(self.fault)

    def _write(self, line: str) -> None:
        if self._file is None or self.fault:
            return
        octets = printable(line).encode() + b"\n"
        try:
            # A disk that gets full takes the beginning first and refuses what follows.
            while octets:
                octets = octets[self._file.write(octets) or 0 :]
        except OSError as fault:
            self.fault = (
                f"{self._path}: the recording ends here, no more can be written: {fault.strerror}. "
                "What was recorded before can be replayed; make room, or record elsewhere"
            )


class RemovableRecorder(Recorder):
    """A recorder around a transport that notices when its card goes."""

    def __init__(self, transport: RemovableTransport, path: Path, notes: Mapping[str, str] | None = None) -> None:
        super().__init__(transport, path, notes)
        self._removable = transport

    def held(self) -> bool:
        """That of the transport."""
        return self._removable.held()

    def retake(self) -> bytes:
        """That of the transport."""
        atr = self._removable.retake()
        self._write(f"# atr: {atr.hex().upper()}")
        return atr


class SnapshotRecorder(Recorder):
    """A recorder around a transport with snapshots."""

    def __init__(self, transport: SnapshotTransport, path: Path, notes: Mapping[str, str] | None = None) -> None:
        super().__init__(transport, path, notes)
        self._snapshots = transport

    def snapshot(self) -> object:
        """That of the transport."""
        return self._snapshots.snapshot()

    def restore(self, snapshot: object) -> None:
        """That of the transport."""
        self._snapshots.restore(snapshot)


class SimulatorRecorder(SnapshotRecorder, RemovableRecorder):
    """A recorder around a simulator, which has both abilities."""

    def __init__(self, transport: SnapshotTransport, path: Path, notes: Mapping[str, str] | None = None) -> None:
        super().__init__(transport, path, notes)
        assert isinstance(transport, RemovableTransport)  # noqa: S101  (`record` has seen to it)
        self._removable = transport


def record(transport: Transport, path: Path, notes: Mapping[str, str] | None = None) -> Recorder:
    """A recorder around *transport* that has the abilities of *transport*."""
    if isinstance(transport, SnapshotTransport):
        kind = SimulatorRecorder if isinstance(transport, RemovableTransport) else SnapshotRecorder
        return kind(transport, path, notes)
    if isinstance(transport, RemovableTransport):
        return RemovableRecorder(transport, path, notes)
    return Recorder(transport, path, notes)


class Replay:
    """Answers as the trace has it, and raises `ReplayMismatch` at the first command that the trace does not have there.

    Within a section the order counts. Sections are found by their title, so that a part of a recorded run can be
    replayed; of several with one title the next after the last one played is taken.
    """

    def __init__(self, trace: Trace) -> None:
        self.atr = b""
        self._trace = trace
        self._cuts = False
        self._begin(trace.sections[0])
        self._played: dict[str, int] = {}

    @property
    def description(self) -> str:
        """``replay: run.trace``."""
        return f"replay: {self._trace.path}"

    @property
    def protocol(self) -> str:
        """The one that was recorded."""
        return self._trace.protocol

    @property
    def device(self) -> Device | None:
        """The one that the card was recorded through."""
        block = self.notes.get(_DEVICE, "").removeprefix("block ")
        return Device(int(block)) if block.isdecimal() and 0 < int(block) <= _LARGEST_BLOCK else None

    @property
    def lose_power_after(self) -> Callable[[int | None], None] | None:
        """Where the recorded card could: a command without an answer lost it to the power."""
        return self._cut_power if self.notes.get(_POWER_CUTS) == "yes" else None

    @property
    def notes(self) -> Mapping[str, str]:
        """The named comments at the head of the trace, such as ``seed``."""
        return self._trace.notes

    def connect(self) -> None:
        """Power up, as recorded."""
        self.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """The recorded response; the command has to be the recorded one."""
        event = self._next(f"sends {apdu.hex().upper()}")
        if event.atr is not None or event.command != apdu:
            raise self._mismatch(event, f"sends    {apdu.hex().upper()}")
        if event.fault is not None:
            kind = PowerLost if self._cuts else CardMute
            raise kind(f"{self._trace.path}:{event.line}: as recorded: {event.fault}")
        if event.response is None:
            raise ReplayEnded(
                f"{self._trace.path}:{event.line}: the recording breaks off after this command, before its response"
            )
        return event.response

    def reset(self) -> bytes:
        """The recorded ATR."""
        event = self._next("resets the card")
        if event.atr is None:
            raise self._mismatch(event, "resets the card")
        self.atr = event.atr
        return self.atr

    def section(self, title: str) -> None:
        """Go to the section of that title."""
        title = " ".join(title.split())
        found = [section for section in self._trace.sections[1:] if section.title == title]
        if not found:
            raise ReplayMismatch(
                f"{self._trace.path}: the recording has no section {title!r} (it has {len(self._trace.sections) - 1}): "
                "that sequence was not part of the recorded run"
            )
        count = self._played.get(title, 0)
        self._played[title] = count + 1
        self._begin(found[count % len(found)])

    def close(self) -> None:
        """Nothing is held."""

    def _cut_power(self, writes: int | None) -> None:
        self._cuts = writes is not None

    def _begin(self, section: Section) -> None:
        self._section, self._events = section, self._trace.events(section)

    def _next(self, doing: str) -> Event:
        event = next(self._events, None)
        if event is None:
            last = self._section.last or self._section.line
            within = f"section {self._section.title!r}" if self._section.title else "what comes before the sections"
            raise ReplayEnded(f"{self._trace.path}:{last}: the recording of {within} ends here, but the run {doing}")
        return event

    def _mismatch(self, event: Event, doing: str) -> ReplayMismatch:
        recorded = "resets the card" if event.atr is not None else f"sends    {event.command.hex().upper()}"
        return ReplayMismatch(
            f"{self._trace.path}:{event.line}: the run is not the recorded one\n"
            f"  recording {recorded}\n"
            f"  run       {doing}\n"
            "Replay with the vectors, options and seed of the recording"
        )


class SnapshotReplay(Replay):
    """Replays a run on a transport with snapshots, which send nothing to the card."""

    def snapshot(self) -> object:
        """There is nothing to keep."""
        return None

    def restore(self, snapshot: object) -> None:
        """There is nothing to restore."""


def open_replay(argument: str, options: TransportOptions) -> Transport:  # noqa: ARG001 (the signature of all transports)
    """``replay:FILE``."""
    if not argument:
        raise UnknownTransport("replay: the name of a trace file was expected after the colon")
    trace = Trace.load(Path(argument))
    return SnapshotReplay(trace) if trace.snapshots else Replay(trace)
