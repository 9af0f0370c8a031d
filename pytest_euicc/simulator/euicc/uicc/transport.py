"""The transport ``sim``: the simulated eUICC in this process."""

from __future__ import annotations

from pathlib import Path

from pytest_euicc.card.errors import CardError
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

    def connect(self) -> None:
        """Power up."""
        self.atr = self.euicc.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """One command APDU."""
        return self.euicc.transmit(apdu)

    def reset(self) -> bytes:
        """Reset; returns the ATR."""
        self.atr = self.euicc.reset()
        return self.atr

    def close(self) -> None:
        """Power down; the state stays with the card."""

    def snapshot(self) -> CardState:
        """Everything the card keeps over a reset."""
        return self.euicc.snapshot()

    def restore(self, snapshot: object) -> None:
        """Put a snapshot back."""
        if not isinstance(snapshot, CardState):
            raise CardError(f"sim: {type(snapshot).__name__} is no snapshot of a simulated eUICC")
        self.euicc.restore(snapshot)


def open_transport(argument: str, options: TransportOptions) -> SimTransport:
    """``sim`` or ``sim:SETTINGS.yaml``; ``options.protocol`` goes before that of the settings.

    ``options.extra`` may bring ``pki`` (a Pki), ``defects`` and ``variants`` (names), and ``random`` (gives so many
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
