"""Sequences on a card some of whose answers are changed: whatever the verdict, it is never a fault of the harness."""

from __future__ import annotations

import os
import random

import pytest

from pytest_euicc import resources
from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.errors import Cause
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.covering import covering

RUNS = int(os.environ.get("EUICC_CHANGES", "60")) // 60
_EACH, _OFTEN = 4, 0.08
_SHORTEST, _LONGEST = 4, 256


class Odd(SimTransport):
    """A card that now and then answers something else, which is a TLV more often than not."""

    def __init__(self, euicc: SimulatedEuicc, chance: random.Random) -> None:
        super().__init__(euicc)
        self._chance = chance

    def transmit(self, apdu: bytes) -> bytes:
        answer = super().transmit(apdu)
        if len(answer) < _SHORTEST or answer[-2] == 0x61 or self._chance.random() > _OFTEN:
            return answer
        return self._changed(answer[:-2])[:_LONGEST] + answer[-2:]

    def _changed(self, octets: bytes) -> bytes:
        try:
            element = tlv.parse(octets)
            parts = [child.octets for child in element.children()]
        except tlv.TlvError:
            return self._chance.choice([b"", octets[:-1], octets + octets, self._chance.randbytes(len(octets))])
        if not parts:
            return tlv.encode(element.tag, self._chance.choice([b"", b"\0", b"\xff" * 9, element.value * 2]))
        place = self._chance.randrange(len(parts))
        match self._chance.randrange(4):
            case 0:
                del parts[place]
            case 1:
                parts.insert(place, parts[place])
            case _:
                parts[place] = self._changed(parts[place])
        return tlv.encode(element.tag, b"".join(parts))


@pytest.mark.parametrize("seed", range(RUNS))
def test_no_answer_is_a_fault_of_the_harness(seed: int) -> None:
    (described,) = (card for card in resources.simulated_cards() if card.settings is None)
    pki = default_pki()
    card = Card(Odd(SimulatedEuicc(EuiccSettings()), random.Random(seed)))
    card.connect()
    session = Session(
        card,
        Declaration.load(described.declaration),
        trust=pki.trust(),
        provisioner=DownloadingProvisioner(),
        pki=pki,
        smdp=SimulatedSmdp(pki),
    )
    cases = [case for case in loader.load([resources.vectors()]) if case.iut == "euicc"]
    try:
        results = [Runner(session).run(case, sequence) for case, sequence in covering(cases)[::_EACH]]
    finally:
        assert session.smdp is not None
        session.smdp.close()
    assert {result.id: result.reason for result in results if result.cause is Cause.HARNESS} == {}
    assert len({result.verdict for result in results}) > 2, "the changes had an effect"
