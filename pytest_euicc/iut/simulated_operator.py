"""The person at the bench of a simulated eUICC: takes it out, puts it in, has a second one at hand."""

from __future__ import annotations

import re

from pytest_euicc.conformance.engine.operator import CANNOT, DONE, NO, YES, OperatorAnswer, OperatorRequest
from pytest_euicc.rsp.folder import PkiFolderError
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


class SimulatedOperator:
    """Does at once what is asked for.

    Args:
        pki: of which the second card has its certificates.
    """

    def __init__(self, transport: SimTransport, pki: Pki) -> None:
        self._transport = transport
        self._pki = pki

    def ask(self, request: OperatorRequest) -> OperatorAnswer:
        """See Operator; a question is answered by yes, but for one about an EID that is not printed on the card."""
        match request.task:
            case "remove" | "power off":
                self._transport.pull()
            case "insert" | "power on":
                self._transport.put_in()
            case "swap":
                try:
                    self._transport.put_in(self._second())
                except PkiFolderError:
                    return OperatorAnswer(CANNOT)
            case "confirm":
                named = re.findall(r"\b[0-9A-Fa-f]{32}\b", request.text)
                printed = self._transport.euicc.settings.eid.hex().upper()
                return OperatorAnswer(YES if all(each.upper() == printed for each in named) else NO)
        seen = request.done is None or request.done()
        return OperatorAnswer(DONE if seen else CANNOT)

    def _second(self) -> SimulatedEuicc:
        """A card of the same make with another EID."""
        first = self._transport.euicc
        eid = next_eid(first.settings.eid)
        return SimulatedEuicc(first.settings, self._pki, defects=first.defects, variants=first.core.variants, eid=eid)


def next_eid(eid: bytes) -> bytes:
    """The EID of the next individual number, with its check digits (SGP.02 4.1.3, ISO 7064 MOD 97-10)."""
    digits = f"{(int(eid.hex()[:-2]) + 1):030d}"
    return bytes.fromhex(f"{digits}{98 - int(digits) * 100 % 97:02d}")
