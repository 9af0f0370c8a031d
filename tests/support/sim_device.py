"""A device at the contacts of the simulated eUICC, with nothing between it and the octets."""

from __future__ import annotations

from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

ISDR = "A0000005591010FFFFFFFF8900000100"
SELECT_ISDR = f"A4040010{ISDR}00"


class Device:
    """Sends APDUs written in hex; by default answers come at once, as on T=1."""

    def __init__(self, *, defects=(), variants=(), random=None, **settings):
        settings.setdefault("protocol", "T=1")
        self.euicc = SimulatedEuicc(
            EuiccSettings(**settings),
            default_pki(),
            defects=frozenset(defects),
            variants=frozenset(variants),
            random=random,
        )
        self.terminal_profile()

    def terminal_profile(self) -> None:
        """Say that proactive commands are fetched here."""
        assert self.send("80100000041300E802") == "9000"

    def send(self, apdu: str) -> str:
        """The whole answer as upper-case hex, status word at its end."""
        return self.euicc.transmit(bytes.fromhex(apdu)).hex().upper()

    def open(self) -> int:
        """Open a channel and select the ISD-R on it; returns its number, 1 to 3."""
        answer = self.send("0070000001")
        assert answer[2:] == "9000"
        assert self.send(f"0{answer[1]}{SELECT_ISDR}")[-4:-2] in ("90", "61")
        return int(answer[:2], 16)

    def es10(self, request: str, channel: int = 1) -> str:
        """One STORE DATA with the whole request; the answer without GET RESPONSE."""
        return self.send(f"8{channel}E29100{len(request) // 2:02X}{request}00")

    def whole(self, request: str, channel: int = 1) -> bytes:
        """The answer of a function that succeeds, GET RESPONSE followed."""
        answer = self.es10(request, channel)
        data = answer[:-4]
        while answer[-4:-2] == "61":
            answer = self.send(f"0{channel}C00000{answer[-2:]}")
            data += answer[:-4]
        assert answer[-4:] == "9000" or answer[-4:-2] == "91", answer
        return bytes.fromhex(data)
