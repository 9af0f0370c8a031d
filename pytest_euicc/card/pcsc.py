"""``pcsc[:READER]``: a card in a PC/SC reader, held exclusively."""

from __future__ import annotations

from pytest_euicc.card.errors import CardError, CardMute, NoCard, ReaderBusy, ReaderGone
from pytest_euicc.card.identity import ISDR_AID, read_eid
from pytest_euicc.card.readers import ReaderLock
from pytest_euicc.card.selecting import choose, wanted_eid
from pytest_euicc.card.transport import Transport, TransportOptions
from pytest_euicc.card.winscard import Reader, WinScard

# pcscd checks every 0.4 s whether a card is still present (PCSCLITE_STATUS_POLL_RATE); USB readers report it.
_PULLED_SECONDS = 1.0
_PULLED = "reader {!r}: the card was removed, or the reader unplugged, while in use"


def list_readers() -> list[Reader]:
    """What PC/SC sees, in its order: the index is what ``pcsc:0`` means. Raises `CardError`."""
    winscard = WinScard()
    try:
        return winscard.readers()
    finally:
        winscard.close()


class PcscTransport:
    """A card in a reader.

    *wanted* is an index, a reader's name, a part or a pattern of it, ``atr=`` or ``eid=``; of several, and when it is
    empty, the first reader that has such a card and that no other process uses.
    """

    def __init__(self, wanted: str, options: TransportOptions) -> None:
        self.atr = b""
        self.protocol = options.protocol or "T=1"
        self.reader = ""
        self._wanted = wanted
        self._options = options
        self._winscard: WinScard | None = None
        self._lock: ReaderLock | None = None
        self._handle: int | None = None
        self._broken_off = False

    @property
    def description(self) -> str:
        """``pcsc: Virtual PCD 00 00``."""
        return f"pcsc: {self.reader or self._wanted or 'first free reader'}"

    def connect(self) -> None:
        """Find the reader, lock it against other workers and take the card."""
        if self._handle is not None:
            return
        self._winscard = WinScard(self._options.timeout)
        try:
            candidates = choose(self._winscard.readers(), self._wanted)
            self._take_first(self._winscard, candidates)
        except CardError:
            self.close()
            raise

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU."""
        winscard, handle = self._connected()
        try:
            response = winscard.transmit(self.reader, handle, self.protocol, apdu)
        except (CardMute, NoCard) as fault:
            raise self._mute_or_gone(winscard, fault) from None
        if not response:
            # What drivers give for a card that goes in the middle of a command; another one may be in already.
            self._broken_off = True
            winscard.has_card(self.reader, _PULLED_SECONDS)
            raise ReaderGone(_PULLED.format(self.reader))
        return response

    def reset(self) -> bytes:
        """Warm reset."""
        winscard, handle = self._connected()
        try:
            winscard.reconnect(self.reader, handle, self.protocol)
        except (CardMute, NoCard) as fault:
            raise self._mute_or_gone(winscard, fault) from None
        self.atr = winscard.atr(self.reader, handle)
        return self.atr

    def held(self) -> bool:
        """Whether the card is still the one that was taken, without having been out of the reader."""
        try:
            winscard, handle = self._winscard, self._handle
            return not self._broken_off and winscard is not None and handle is not None and winscard.holds(handle)
        except CardError:
            return False

    def retake(self) -> bytes:
        """Take the card that is in the reader now; the reader itself was never given back."""
        if not self.reader or self._lock is None:
            self.connect()
            return self.atr
        self._forget()
        self._winscard = winscard = WinScard(self._options.timeout)
        if not any(reader.name == self.reader and reader.has_card for reader in winscard.readers()):
            raise NoCard(f"reader {self.reader!r} is empty: insert the card")
        self._handle, self.protocol = winscard.connect(self.reader, self._options.protocol)
        self.atr = winscard.atr(self.reader, self._handle)
        return self.atr

    def _forget(self) -> None:
        """Let go of the card and of PC/SC, which may have been restarted, but not of the reader."""
        if self._winscard is not None:
            if self._handle is not None:
                self._winscard.disconnect(self._handle)
            self._winscard.close()
        self._winscard = self._handle = None
        self._broken_off = False

    def close(self) -> None:
        """Power the card off and give the reader back."""
        self._forget()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _take_first(self, winscard: WinScard, candidates: list[Reader]) -> None:
        """Take the first candidate that can be opened; if there is only one, its error is raised."""
        faults: list[CardError] = []
        for reader in candidates:
            try:
                self._take(winscard, reader)
            except (NoCard, ReaderBusy, CardMute) as fault:
                faults.append(fault)
            else:
                return
        if len(faults) == 1 and not wanted_eid(self._wanted):
            raise faults[0]
        kind = ReaderBusy if any(isinstance(fault, ReaderBusy) for fault in faults) else NoCard
        eid = wanted_eid(self._wanted)
        reported = f"no card with EID {eid}" if eid else "no reader is free with a card in it"
        raise kind(f"{reported}: " + "; ".join(str(fault) for fault in faults))

    def _take(self, winscard: WinScard, reader: Reader) -> None:
        if reader.fault:
            raise NoCard(f"reader {reader.name!r} cannot be used: {reader.fault}")
        if not reader.has_card:
            raise NoCard(f"reader {reader.name!r} is empty: insert a card")
        lock = ReaderLock(reader.name)
        if not lock.acquire():
            raise ReaderBusy(
                f"reader {reader.name!r} is in use by {lock.holder} (another run or worker of pytest-euicc). "
                "Wait for it, or start no more workers than there are readers"
            )
        try:
            self._handle, self.protocol = winscard.connect(reader.name, self._options.protocol)
            self.reader = reader.name
            self.atr = winscard.atr(reader.name, self._handle)
            self._check_eid()
        except CardError:
            if self._handle is not None:
                winscard.disconnect(self._handle)
                self._handle = None
            lock.release()
            raise
        self._lock = lock

    def _check_eid(self) -> None:
        """Where a card was chosen by its EID: raises `NoCard` for another one, else resets it."""
        wanted = wanted_eid(self._wanted)
        if wanted:
            found = read_eid(self, self._options.extra.get("isdr_aid") or ISDR_AID)
            if not found.startswith(wanted) or not found:
                raise NoCard(f"reader {self.reader!r}: " + (f"EID {found}" if found else "not an eUICC"))
            self.reset()

    def _connected(self) -> tuple[WinScard, int]:
        if self._winscard is None or self._handle is None:
            raise ReaderGone(f"{self.description}: not connected")
        return self._winscard, self._handle

    def _mute_or_gone(self, winscard: WinScard, fault: CardMute | NoCard) -> CardError:
        """A failed transmission says the same for a mute card and for one that was pulled: look into the reader."""
        if not winscard.has_card(self.reader, _PULLED_SECONDS):
            return ReaderGone(_PULLED.format(self.reader))
        return fault


def open_transport(argument: str, options: TransportOptions) -> Transport:
    """``pcsc``, ``pcsc:0``, ``pcsc:NAME``, ``pcsc:*PATTERN*``, ``pcsc:atr=3B…`` or ``pcsc:eid=8904…``.

    ``isdr_aid`` among the extra options is for cards that have their EID behind a vendor's AID.
    """
    return PcscTransport(argument, options)
