"""A card that nothing puts back but what is sent to it, as a card in a reader."""

from __future__ import annotations

from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


class Unforgetting:
    """A simulated eUICC without snapshots, as a card in a reader."""

    description, protocol = "unforgetting", "T=1"

    def __init__(self, *defects: str, **settings: object) -> None:
        chosen = EuiccSettings(**({"profiles": (), "protocol": "T=1"} | settings))
        self.euicc = SimulatedEuicc(chosen, defects=frozenset(defects))
        self.atr = b""

    def connect(self) -> None:
        self.atr = self.euicc.reset()

    def reset(self) -> bytes:
        return self.euicc.reset()

    def transmit(self, apdu: bytes) -> bytes:
        return self.euicc.transmit(apdu)

    def close(self) -> None:
        pass
