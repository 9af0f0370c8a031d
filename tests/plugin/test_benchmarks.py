"""What ``make bench`` wraps is there and is put back; its figures are nobody's to assert."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.card.channel import Card
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


def test_time_counts_for_the_innermost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks.shares import ASN1, CRYPTOGRAPHY, EUICC, measured

    key = signatures.private_key_from(b"bench", signatures.CURVES["nist"])
    euicc = SimulatedEuicc()
    before = codec.encode, signatures.sign, SimulatedEuicc.transmit
    with measured() as shares:
        card = Card(SimTransport(euicc))
        card.connect()
        isdr = Isdr(card.open_channel())
        isdr.select()
        isdr.get_eid()
        signatures.sign(key, b"")
    assert shares.calls[CRYPTOGRAPHY] == 1
    # MANAGE CHANNEL, SELECT and GET RESPONSE, STORE DATA and GET RESPONSE.
    assert shares.calls[EUICC] == 5
    # The request and its answer on either side; in the card's transmit they do not count for the card.
    assert shares.calls[ASN1] >= 4
    assert set(shares.seconds) >= {CRYPTOGRAPHY, EUICC, ASN1}
    assert (codec.encode, signatures.sign, SimulatedEuicc.transmit) == before
