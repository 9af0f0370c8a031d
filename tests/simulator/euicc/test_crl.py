"""Revocation lists on the simulated eUICC: what the vectors cannot bring about on every card."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.crl import issue_crl
from pytest_euicc.rsp.folder import FolderPki, write_folder
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.es10 import revocation
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.mini_card import case_of

PKI = default_pki()
FIRST, SECOND = (PKI.server(Role.DP_AUTH, "nist", number).certificate for number in (1, 2))


class Lists:
    """A card that lists are loaded on, below ES10."""

    def __init__(self, **settings) -> None:
        self.core = SimulatedEuicc(EuiccSettings(**settings)).core

    def load(self, *revoked, **wish):
        request = codec.encode("LoadCRLRequest", {"crl": issue_crl(PKI.authority(), revoked, **wish)})
        name, value = codec.decode("LoadCRLResponse", revocation.load_crl(self.core, request))
        return value.get("missingParts", []) if name == "loadCRLResponseOk" else value.name

    def revoked(self):
        return [n for n, each in ((1, FIRST), (2, SECOND)) if revocation.is_revoked(self.core, each)]


def test_a_list_larger_than_the_free_memory() -> None:
    assert Lists(memory=240_000).load(FIRST) == "notEnoughMemorySpace"
    assert Lists().load(FIRST, part=(1, 10**12)) == "notEnoughMemorySpace"


def test_the_list_before_stays_in_force_until_all_parts_are_there() -> None:
    lists = Lists()
    assert lists.load(FIRST, number=5) == []
    assert lists.load(number=6, part=(2, 2)) == [1]
    assert lists.revoked() == [1]
    assert lists.load(SECOND, number=6, part=(1, 2)) == []
    assert lists.revoked() == [2]


def test_parts_of_a_fresher_list_displace_those_of_one_that_is_not_whole() -> None:
    lists = Lists()
    assert lists.load(FIRST, number=5, part=(1, 3)) == [2, 3]
    assert lists.load(SECOND, number=6, part=(1, 2)) == [2]
    assert lists.load(number=5, part=(2, 3)) == "fresherCrlAlreadyLoaded"
    assert lists.load(number=6, part=(2, 2)) == []
    assert lists.revoked() == [2]


def test_the_same_part_again_is_one_part() -> None:
    lists = Lists()
    assert [lists.load(number=5, part=(1, 2)), lists.load(number=5, part=(1, 2))] == [[2], [2]]


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        ({"number": 5, "part": (1, 3)}, "invalidCRLFormat"),
        ({"number": 6, "part": (1, 2), "base": 5}, "invalidCRLFormat"),
        ({"number": 7, "base": 6}, "baseCrlMissing"),
        ({"number": 7, "base": 4}, []),
        ({"number": 5}, []),
        ({"number": 4}, "fresherCrlAlreadyLoaded"),
    ],
)
def test_what_goes_with_a_whole_list(wish: dict[str, Any], answer: object) -> None:
    lists = Lists()
    assert lists.load(number=5) == []
    assert lists.load(**wish) == answer


def test_a_folder_without_the_key_of_the_ci_is_inconclusive(tmp_path) -> None:
    settings = EuiccSettings()
    write_folder(PKI, tmp_path, settings.eid)
    folder = FolderPki(tmp_path)
    case = case_of(
        "    given: [isdr_selected]\n    steps: [es10b.load_crl: {expect: {loadCRLResponseOk: {present: true}}}]\n"
    )

    def verdict():
        card = Card(SimTransport(SimulatedEuicc(settings, folder)))
        card.connect()
        session = Session(card, real_card=False, trust=folder.trust(), pki=folder)
        return Runner(session).run(case, case.sequences[0])

    assert verdict().verdict is Verdict.PASS
    (tmp_path / "CertificateIssuer" / "SK_CI_ECDSA_NIST.pem").unlink()
    result = verdict()
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "SK_CI_ECDSA_NIST.pem" in result.reason
