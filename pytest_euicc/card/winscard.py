"""The PC/SC calls the harness needs, on pyscard's binding, with its result codes turned into `CardError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pytest_euicc.card.errors import CardError, CardMute, NoCard, NoPcscd, NoReader, PcscMissing, ReaderBusy, ReaderGone
from pytest_euicc.card.waiting import Waiter
from pytest_euicc.errors import PytestEuiccError

_INSTALL = (
    "pyscard, the Python binding to PC/SC, is not installed. It is built from source: install the headers and swig "
    "(Debian: apt-get install pcscd libpcsclite-dev swig gcc pkg-config), then: pip install 'pytest-euicc[pcsc]'"
)
_START = (
    "the PC/SC service (pcscd) is not running. Start it: systemctl start pcscd, or pcscd --foreground in a terminal"
)
_ATTACH = "Attach one; `pytest-euicc readers` lists what PC/SC sees"
_BUSY = (
    "another program holds it exclusively (a second test run, an LPA, pcsc_scan, a browser or scdaemon of GnuPG). "
    "Close that one, or choose another reader"
)


_NOT_ASCII = "the name of a reader must be ASCII for pyscard. Give it another one (FRIENDLYNAME in reader.conf)"

# So often the readers are listed again because one went away meanwhile.
_LISTINGS = 5


@dataclass(frozen=True)
class Reader:
    """One reader: its name, whether a card is in it, and that card's ATR."""

    name: str
    has_card: bool
    atr: bytes

    @property
    def fault(self) -> str:
        """Why it cannot be used with any card; empty if it can."""
        return "" if self.name.isascii() else _NOT_ASCII


class ScardError(PytestEuiccError):
    """A PC/SC call failed with `code`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class WinScard:
    """A context with the PC/SC service. Imports pyscard when it is made, not before.

    Args:
        timeout: seconds after which a call that does not come back is given up, and the context with it: PC/SC cannot
            end a transmission (SCardCancel ends SCardGetStatusChange alone).
    """

    def __init__(self, timeout: float = 30.0) -> None:
        self.api = _api()
        self._waiter = Waiter(timeout)
        with self._explained(""):
            result, context = self._call("SCardEstablishContext", self.api.SCARD_SCOPE_SYSTEM)
        if result in (self.api.SCARD_E_NO_SERVICE, self.api.SCARD_E_SERVICE_STOPPED):
            raise NoPcscd(_START)
        if result != self.api.SCARD_S_SUCCESS:
            raise CardError(f"PC/SC returns no context: {self._text(result)}")
        self._context = context

    def close(self) -> None:
        """Give the context back; where a call that did not come back holds it, as soon as that does."""
        self._waiter.last(lambda: self.api.SCardReleaseContext(self._context))
        self._waiter.close()

    def readers(self) -> list[Reader]:
        """All readers in the order of PC/SC; an empty list when none is attached."""
        with self._explained(""):
            for _ in range(_LISTINGS):
                found = self._listed()
                if found is not None:
                    return found
            raise ReaderGone("the list of readers keeps changing; check for a loose contact")

    def _listed(self) -> list[Reader] | None:
        """All readers; None where one went in between."""
        try:
            result, names = self._call("SCardListReaders", self._context, [])
        except SystemError:
            # pyscard reads names as UTF-8, and says so in this way.
            raise CardError(f"one of the readers cannot be used: {_NOT_ASCII}") from None
        if result == self.api.SCARD_E_NO_READERS_AVAILABLE or (result == self.api.SCARD_S_SUCCESS and not names):
            return []
        self._check(result)
        wanted = [(name, self.api.SCARD_STATE_UNAWARE) for name in names if name.isascii()]
        result, states = self._call("SCardGetStatusChange", self._context, 0, wanted)
        if result in (self.api.SCARD_E_UNKNOWN_READER, self.api.SCARD_E_READER_UNAVAILABLE):
            return None
        self._check(result)
        found = {
            name: Reader(name, bool(state & self.api.SCARD_STATE_PRESENT), bytes(atr)) for name, state, atr in states
        }
        return [found.get(name) or Reader(name, has_card=False, atr=b"") for name in names]

    def has_card(self, reader: str, patience: float) -> bool:
        """Whether there is a card in *reader* still after *patience* seconds; PC/SC needs a moment to notice a change.

        A reader that is gone has no card.
        """
        states = [(reader, self.api.SCARD_STATE_UNAWARE)]
        for milliseconds in (0, int(patience * 1000)):
            with self._explained(reader):
                result, found = self._call("SCardGetStatusChange", self._context, milliseconds, states)
            if result not in (self.api.SCARD_S_SUCCESS, self.api.SCARD_E_TIMEOUT):
                return False
            if not found[0][1] & self.api.SCARD_STATE_PRESENT:
                return False
            states = [(reader, found[0][1] & ~self.api.SCARD_STATE_CHANGED)]
        return True

    def connect(self, reader: str, protocol: str | None) -> tuple[int, str]:
        """Take the card in *reader* exclusively; returns the handle and the protocol. Raises `CardError`."""
        api = self.api
        protocols = {"T=0": api.SCARD_PROTOCOL_T0, "T=1": api.SCARD_PROTOCOL_T1}
        wanted = protocols.get(protocol or "", api.SCARD_PROTOCOL_T0 | api.SCARD_PROTOCOL_T1)
        with self._explained(reader):
            result, handle, active = self._call(
                "SCardConnect", self._context, reader, api.SCARD_SHARE_EXCLUSIVE, wanted
            )
            self._check(result)
        return handle, "T=0" if active == api.SCARD_PROTOCOL_T0 else "T=1"

    def reconnect(self, reader: str, handle: int, protocol: str) -> None:
        """Warm reset in the protocol that is active."""
        api = self.api
        active = api.SCARD_PROTOCOL_T0 if protocol == "T=0" else api.SCARD_PROTOCOL_T1
        with self._explained(reader):
            result, _ = self._call("SCardReconnect", handle, api.SCARD_SHARE_EXCLUSIVE, active, api.SCARD_RESET_CARD)
            self._check(result)

    def holds(self, handle: int) -> bool:
        """Whether the card that was opened is still in its reader; False also if it was removed and reinserted."""
        with self._explained(""):
            result = self._call("SCardStatus", handle)[0]
        return bool(result == self.api.SCARD_S_SUCCESS)

    def atr(self, reader: str, handle: int) -> bytes:
        """The ATR of the card that is connected."""
        with self._explained(reader):
            result, _, _, _, atr = self._call("SCardStatus", handle)
            self._check(result)
        return bytes(atr)

    def transmit(self, reader: str, handle: int, protocol: str, apdu: bytes) -> bytes:
        """One command APDU and its response."""
        pci = self.api.SCARD_PCI_T0 if protocol == "T=0" else self.api.SCARD_PCI_T1
        with self._explained(reader):
            result, response = self._call("SCardTransmit", handle, pci, list(apdu))
            self._check(result)
        return bytes(response)

    def disconnect(self, handle: int) -> None:
        """Let go of the card and power it off; a card that is gone already does not matter."""
        self._waiter.last(lambda: self.api.SCardDisconnect(handle, self.api.SCARD_UNPOWER_CARD))

    def _call(self, function: str, *arguments: object) -> Any:
        """What a PC/SC function gives; raises TimeoutError where it does not come back."""
        return self._waiter.call(lambda: getattr(self.api, function)(*arguments))

    def _check(self, result: int) -> None:
        if result != self.api.SCARD_S_SUCCESS:
            raise ScardError(result, self._text(result))

    def _text(self, result: int) -> str:
        return f"{self.api.SCardGetErrorMessage(result).strip()} ({result & 0xFFFFFFFF:08X})"

    @contextmanager
    def _explained(self, reader: str) -> Iterator[None]:
        try:
            yield
        except ScardError as fault:
            raise self._explain(reader, fault) from None
        except TimeoutError:
            place = f"reader {reader!r}" if reader else "PC/SC"
            raise CardMute(
                f"{place}: no answer within {self._waiter.seconds:g} s, so it is given up for this run. Take the card "
                "out and put it in again; --euicc-timeout gives slow cards more time"
            ) from None

    def _explain(self, reader: str, fault: ScardError) -> CardError:
        api, code = self.api, fault.code
        if code in (api.SCARD_E_NO_SERVICE, api.SCARD_E_SERVICE_STOPPED, api.SCARD_E_INVALID_HANDLE):
            return NoPcscd(f"reader {reader!r}: the PC/SC service went away. {_START}" if reader else _START)
        if code == api.SCARD_E_SHARING_VIOLATION:
            return ReaderBusy(f"reader {reader!r} is busy: {_BUSY}")
        if code == api.SCARD_E_UNKNOWN_READER:
            return NoReader(f"no reader {reader!r}. {_ATTACH}")
        if code == api.SCARD_E_READER_UNAVAILABLE:
            return ReaderGone(f"reader {reader!r} was unplugged while it was in use")
        if code == api.SCARD_E_NO_SMARTCARD:
            return NoCard(f"reader {reader!r} is empty: insert a card")
        if code == api.SCARD_W_REMOVED_CARD:
            return ReaderGone(f"reader {reader!r}: the card was removed while it was in use")
        if code == api.SCARD_W_RESET_CARD:
            return ReaderBusy(f"reader {reader!r}: another program reset the card in the middle of the run")
        if code == api.SCARD_E_PROTO_MISMATCH:
            return CardError(f"reader {reader!r}: the card does not offer the protocol that was asked for")
        mute = (
            api.SCARD_W_UNRESPONSIVE_CARD,
            api.SCARD_W_UNPOWERED_CARD,
            api.SCARD_E_NOT_TRANSACTED,
            api.SCARD_E_COMM_DATA_LOST,
            api.SCARD_E_TIMEOUT,
            api.SCARD_F_COMM_ERROR,
        )
        if code in mute:
            return CardMute(
                f"reader {reader!r}: the card is mute ({fault}). "
                "Clean and turn the card, try a cold reset by removing and reinserting it"
            )
        return CardError(f"reader {reader!r}: {fault}")


def _api() -> ModuleType:
    try:
        from smartcard import scard
    except ImportError as fault:
        raise PcscMissing(f"{_INSTALL} ({fault})") from None
    module: ModuleType = scard
    return module
