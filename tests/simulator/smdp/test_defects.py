"""Each defect of the SM-DP+ shows, and only when asked for; hostile requests are refused, never a crash."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_euicc import resources
from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.reading import loader
from pytest_euicc.prove.runner import Job, SequenceRunner, Setup
from pytest_euicc.prove.targets import targets
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.simulator.smdp.defects import DEFECTS
from pytest_euicc.simulator.smdp.defects.download import OF_DOWNLOADS
from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
from pytest_euicc.simulator.smdp.orders.orders import State
from tests.support.smdp_http import NO_ADDRESS, OVER_HTTP
from tests.support.smdp_peer import EID, OTHER_EID, InProcess, Peer
from tests.support.smdp_scenarios import (
    BAD,
    Make,
    after_authenticate,
    after_initiate,
    error_alternative,
    maker,
    service,
)


def repeated(peer: Peer, field: str) -> bool:
    values = []
    for _ in range(2):
        reply = peer.initiate()
        values.append(codec.decode("ServerSigned1", reply.octets_of("serverSigned1"))[field])
    return bool(values[0] == values[1])


def signature1_holds(peer: Peer) -> bool:
    reply = peer.initiate()
    key = Certificate(reply.octets_of("serverCertificate")).public_key
    signature = tlv.parse(reply.octets_of("serverSignature1")).value
    return signatures.verify(key, reply.octets_of("serverSigned1"), signature)


def signature2_holds(peer: Peer) -> bool:
    reply = peer.begin("AC")
    key = Certificate(reply.octets_of("smdpCertificate")).public_key
    signature = tlv.parse(reply.octets_of("smdpSignature2")).value
    return signatures.verify(key, reply.octets_of("smdpSigned2") + peer.signature1, signature)


def offered_again(peer: Peer) -> bool:
    after_authenticate(peer).package()
    peer.begin("AC")
    return "bppEuiccOtpk" in peer.announced()


def signed1_refused(peer: Peer, **changes: Any) -> str:
    return after_initiate(peer).authenticate("AC", **changes).status_code


def in_turns(peer: Peer) -> str:
    """The answer to AuthenticateClient of a session after which another was opened."""
    after_initiate(peer)
    response = peer.response1(peer.signed1("AC"))
    transaction = peer.transaction
    after_initiate(peer)
    peer.transaction = transaction
    return peer.send_authenticate(response).status_code


LATE = "2021-01-01T00:00:00Z"
SCENARIOS: dict[str, Callable[[Make], object]] = {
    "accepts-any-address": lambda make: make().initiate("other.example.com").status_code,
    "ignores-svn": lambda make: make(svn=b"\3\0\0").initiate().status_code,
    "reuses-transaction-id": lambda make: repeated(make(), "transactionId"),
    "reuses-server-challenge": lambda make: repeated(make(), "serverChallenge"),
    "takes-missing-address": lambda make: make().client.call("initiateAuthentication", NO_ADDRESS).status_code,
    "mixes-sessions": lambda make: in_turns(make()),
    "wrong-server-signature1": lambda make: signature1_holds(make()),
    "breaks-on-authenticate-error": lambda make: (
        after_initiate(peer := make()).send_authenticate(error_alternative(peer, "AuthenticateServerResponse")).status
    ),
    "breaks-on-missing-authority-key": lambda make: make(kind="euicc-no-authority-key").begin("AC").status,
    "ignores-euicc-authority-key": lambda make: make(kind="euicc-no-authority-key").begin("AC").status_code,
    "ignores-euicc-signature1": lambda make: (
        (peer := after_initiate(make())).send_authenticate(peer.response1(peer.signed1("AC"), BAD)).status_code
    ),
    "ignores-server-challenge": lambda make: signed1_refused(make(), serverChallenge=bytes(16)),
    "accepts-expired-eum": lambda make: make(kind="eum-expired").begin("AC").status_code,
    "accepts-expired-euicc": lambda make: make(kind="euicc-expired").begin("AC").status_code,
    "ignores-eid-binding": lambda make: make({"eid": OTHER_EID.hex()}).begin("AC").status_code,
    "ignores-release": lambda make: make({"state": "Confirmed"}).begin("AC").status_code,
    "ignores-eligibility": lambda make: make({"needs": {"memory": 1 << 24}}).begin("AC").status_code,
    "ignores-expiry": lambda make: make({"expires": LATE}).begin("AC").status_code,
    "ignores-tries": lambda make: make({"tries": 0}).begin("AC").status_code,
    "ignores-inner-transaction-id": lambda make: signed1_refused(make(), transactionId=b"\1"),
    "omits-cc-flag": lambda make: after_authenticate(make({"confirmation_code": "1"})).announced()["ccRequiredFlag"],
    "signs-without-euicc-signature1": lambda make: signature2_holds(make()),
    "omits-bpp-euicc-otpk": lambda make: offered_again(make()),
}
FOUND_BY = {
    "refuses-older-euiccs": "AuthenticateClientNIST_O1",
    "ignores-ci-lists": "InitiateAuthenticationNIST_04",
    "compares-addresses-by-case": "InitiateAuthenticationNIST_O1",
    "lower-case-transaction-id": "InitiateAuthenticationNIST_O3",
    "ignores-verification-list": "InitiateAuthenticationNIST_O2",
    "longer-signed1": "InitiateAuthenticationNIST_O3",
    "longer-signed2": "AuthenticateClientNIST_O3",
    "chooses-own-ci": "AuthenticateClientBRP_01",
    "no-certificate-is-no-ci": "InitiateAuthenticationNIST_06",
    "returns-euicc-challenge": "InitiateAuthenticationNIST_02",
    "der-server-signature1": "InitiateAuthenticationNIST_01",
    "wrong-challenge-echo": "InitiateAuthenticationNIST_01",
    "wrong-address-echo": "InitiateAuthenticationNIST_01",
    "expired-dpauth": "InitiateAuthenticationNIST_01",
    "re-encodes-signed1": "AuthenticateClientNIST_20",
    "ignores-json-transaction-id": "AuthenticateClientNIST_ErrorCases_09",
    "trusts-any-ci": "AuthenticateClientNIST_ErrorCases_07",
    "ignores-eum-certificate-signature": "AuthenticateClientNIST_ErrorCases_01a",
    "ignores-eum-key-usage": "AuthenticateClientNIST_ErrorCases_01b",
    "ignores-eum-policy": "AuthenticateClientNIST_ErrorCases_01c",
    "ignores-eum-basic-constraints": "AuthenticateClientNIST_ErrorCases_01d",
    "ignores-euicc-certificate-signature": "AuthenticateClientNIST_ErrorCases_03a",
    "ignores-euicc-key-usage": "AuthenticateClientNIST_ErrorCases_03b",
    "ignores-euicc-policy": "AuthenticateClientNIST_ErrorCases_03c",
    "ignores-euicc-organisation": "AuthenticateClientNIST_ErrorCases_03d",
    "ignores-permitted-eids": "AuthenticateClientNIST_ErrorCases_03e",
    "expired-as-invalid": "AuthenticateClientNIST_ErrorCases_02",
    "refuses-extended-device-info": "AuthenticateClientNIST_20",
    "refuses-extended-info2": "AuthenticateClientNIST_21",
    "refuses-extended-capabilities": "AuthenticateClientNIST_19",
    "refuses-empty-matching-id": "AuthenticateClientNIST_01",
    "refuses-missing-matching-id": "AuthenticateClientNIST_14",
    "takes-order-of-eid-instead": "AuthenticateClientNIST_03",
    "compares-beginnings": "AuthenticateClientNIST_ErrorCases_21",
    "refusal-ends-order": "AuthenticateClientNIST_03",
    "default-order-for-anybody": "AuthenticateClientNIST_ErrorCases_14",
    "forgets-default-order": "AuthenticateClient_RetryCases_Reuse_OTPK_O1",
    "refuses-unbound-orders": "AuthenticateClientNIST_11",
    "one-try-more": "AuthenticateClientNIST_ErrorCases_17",
    "counts-refused-euiccs": "AuthenticateClientNIST_ErrorCases_O3",
    "ignores-forbidden-ppr": "AuthenticateClientNIST_ErrorCases_15",
    "ineligible-order-stays": "AuthenticateClientNIST_ErrorCases_O1",
    "ignores-memory": "AuthenticateClientNIST_ErrorCases_O1",
    "ignores-additional-profile": "AuthenticateClientNIST_ErrorCases_O2",
    "announces-other-metadata": "AuthenticateClientNIST_01",
    "cc-flag-of-matching-ids-only": "AuthenticateClientNIST_02",
    "cc-flag-lost-on-retry": "AuthenticateClient_RetryCases_Reuse_OTPK_O5",
    "cc-flag-always": "AuthenticateClientNIST_01",
    "wrong-transaction-in-signed2": "AuthenticateClientNIST_01",
    "dpauth-for-dppb": "AuthenticateClientNIST_01",
    "dppb-of-another-oid": "AuthenticateClientNIST_01",
    "expired-dppb": "AuthenticateClientNIST_01",
    "offers-no-key-with-random-keys": "AuthenticateClient_RetryCases_Reuse_OTPK_O6",
    "offers-own-key": "AuthenticateClient_RetryCases_Reuse_OTPK_O4",
    "refuses-bound-matching-ids": "AuthenticateClientNIST_05",
}
"""Sequences that find a defect, by the part of their names after the interface; prove has all that do."""


def test_every_defect_has_a_scenario() -> None:
    # Others show in test_smdp_transport, test_smdp_tls, and from the package on in test_smdp_defects_download.
    elsewhere = TLS_DEFECTS.keys() | {defect.name for defect in OF_DOWNLOADS}
    assert SCENARIOS.keys() | OVER_HTTP.keys() | FOUND_BY.keys() | elsewhere == DEFECTS.keys()


@pytest.fixture(scope="module")
def bench() -> Iterator[SequenceRunner]:
    opened = Setup("smdp", tuple(loader.load([resources.vectors()])), tuple(targets("smdp"))).open()
    yield opened
    opened.close()


@pytest.mark.parametrize("name", FOUND_BY)
def test_a_sequence_finds_a_defect(bench: SequenceRunner, name: str) -> None:
    sequence = f"TC_SM-DP+_ES9+.{FOUND_BY[name]}"
    assert bench.run(Job(sequence)).verdict is Verdict.PASS
    assert bench.run(Job(sequence, name)).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_defect_shows(name: str) -> None:
    scenario = SCENARIOS[name]
    assert scenario(maker(frozenset())) != scenario(maker(frozenset({name})))


# ---------------------------------------------------------------- hostile requests


def broken(octets: bytes, chance: random.Random) -> bytes:
    """The octets with something done to them."""
    found = bytearray(octets)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(found))
        match chance.randrange(4):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                del found[at : at + chance.randint(1, 40)]
            case 2:
                found[at:at] = chance.randbytes(chance.randint(1, 5))
            case _:
                found[at] = chance.choice([0x00, 0x7F, 0x80, 0x84, 0xFF])
        if not found:
            return b""
    return bytes(found)


def test_broken_messages_are_refused_and_change_nothing() -> None:
    chance = random.Random(1)
    for round_ in range(150):
        made = service(frozenset())
        peer = after_initiate(Peer(InProcess(made)))
        step = round_ % 4
        if step == 0:
            good, function, name = (
                peer.response1(peer.signed1("AC")),
                "authenticateClient",
                "authenticateServerResponse",
            )
        else:
            assert not peer.authenticate("AC").failed
            if step == 1:
                good, function, name = peer.response2(), "getBoundProfilePackage", "prepareDownloadResponse"
            elif step == 2:
                good, function, name = peer.cancelled("endUserRejection"), "cancelSession", "cancelSessionResponse"
            else:
                peer.package()
                good, function, name = peer.result(), "handleNotification", "pendingNotification"
        bad = broken(good, chance)
        if bad == good:
            continue
        body = {"transactionId": peer.transaction, name: base64.b64encode(bad).decode()}
        reply = peer.client.call(function, body)
        (order,) = made.book
        assert order.state is (State.DOWNLOADED if step == 3 else State.RELEASED), (step, bad.hex())
        assert reply.status == 204 if step == 3 else reply.failed, (step, bad.hex())


def test_the_server_itself_is_untouched_by_defects_of_another() -> None:
    clean, odd = service(frozenset()), service(frozenset({"ignores-eid-binding"}), eid=OTHER_EID.hex())
    assert not Peer(InProcess(odd), eid=EID).begin("AC").failed
    assert not Peer(InProcess(clean), eid=EID).begin("AC").failed
