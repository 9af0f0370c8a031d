"""The transport ``sim``: the simulated eUICC in this process."""

from __future__ import annotations

from pathlib import Path

from pytest_euicc.card.errors import CardError, NoCard, ReaderGone
from pytest_euicc.card.transport import TransportOptions
from pytest_euicc.rsp.folder import PkiFolderError
from pytest_euicc.simulator.euicc.settings import EuiccSettings, SettingsError
from pytest_euicc.simulator.euicc.state import CardState
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

_PROTOCOLS = ("T=0", "T=1")


class SimTransport:
    """A card without a reader."""

    def __init__(self, euicc: SimulatedEuicc) -> None:
        self.euicc = euicc
        self.description = "sim"
        self.atr = b""
        self.protocol = euicc.settings.protocol
        self._declared = euicc
        self._in = True
        self._held = True

    def connect(self) -> None:
        """Power up."""
        self._in = True
        self.retake()

    def transmit(self, apdu: bytes) -> bytes:
        """One command APDU."""
        self._check()
        return self.euicc.transmit(apdu)

    def reset(self) -> bytes:
        """Reset; returns the ATR."""
        self._check()
        self.atr = self.euicc.reset()
        return self.atr

    def lose_power_after(self, writes: int | None) -> None:
        """Lose the power before the memory is written to for one time more than *writes*; None: no more."""
        self.euicc.core.writes_left, self.euicc.core.power_lost = writes, False

    def pull(self) -> None:
        """Take the card out: its power goes."""
        self.euicc.lose_power()
        self._in = self._held = False

    def put_in(self, euicc: SimulatedEuicc | None = None) -> None:
        """Put it back in, or *euicc* in its place."""
        self.euicc = euicc or self._declared
        self._in = True

    def held(self) -> bool:
        """Whether the card was never out since it was taken."""
        return self._held

    def retake(self) -> bytes:
        """Power the card up that is in."""
        if not self._in:
            raise NoCard("sim: no card is in")
        self._held = True
        self.atr = self.euicc.reset()
        return self.atr

    def _check(self) -> None:
        if not self._held:
            raise ReaderGone("sim: the card was removed while in use")

    def close(self) -> None:
        """Power down; the state stays with the card."""

    def snapshot(self) -> CardState:
        """Everything the card keeps over a reset."""
        return self.euicc.snapshot()

    def restore(self, snapshot: object) -> None:
        """Put a snapshot back."""
        if not isinstance(snapshot, CardState):
            raise CardError(f"sim: {type(snapshot).__name__} is no snapshot of a simulated eUICC")
        self.put_in()
        self._held = True
        self.euicc.restore(snapshot)


def open_transport(argument: str, options: TransportOptions) -> SimTransport:
    """``sim`` or ``sim:SETTINGS.yaml``; ``options.protocol`` goes before that of the settings.

    ``options.extra`` may bring ``pki`` (a Pki), ``defects`` and ``variants`` (names), and ``random`` (gives a number of
    octets). Raises `CardError` when the settings cannot be used, or the PKI has no keys and certificates for them.
    """
    try:
        settings = EuiccSettings.load(Path(argument)) if argument else EuiccSettings()
    except SettingsError as error:
        raise CardError(str(error)) from None
    if options.protocol is not None:
        if options.protocol not in _PROTOCOLS:
            raise CardError(f"sim: there is no protocol {options.protocol!r}; T=0 and T=1 exist")
        settings = settings.model_copy(update={"protocol": options.protocol})
    defects = frozenset(options.extra.get("defects", ()))
    variants = frozenset(options.extra.get("variants", ()))
    pki, random = options.extra.get("pki"), options.extra.get("random")
    try:
        return SimTransport(SimulatedEuicc(settings, pki, defects=defects, variants=variants, random=random))
    except PkiFolderError as error:
        raise CardError(f"sim: {error}; eid, verification and signing of its settings have to fit the PKI") from None
