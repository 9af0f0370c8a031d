"""The SM-DP+ through whole downloads: package, result, retries, confirmation codes, cancel (SGP.22 3.1.3, 5.6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.verification import verify_chain
from pytest_euicc.simulator.smdp.orders.orders import Order, State
from tests.support.smdp_peer import AID, EID, HOST, ICCID, OTHER_EID, UPP, InProcess, Peer
from tests.support.smdp_scenarios import after_authenticate, service

pytest_plugins = ["tests.support.smdp_fixtures"]


@pytest.mark.parametrize("curve", ["nist", "brainpool"])
@pytest.mark.parametrize("keys", ["session", "random"])
def test_a_profile_arrives_as_it_was_loaded(
    peer: Callable[..., Peer], order: Callable[..., Order], curve: str, keys: str
) -> None:
    loaded, euicc = order(keys=keys), peer(curve)
    assert not euicc.begin("TOKEN-1").failed
    assert loaded.attempts == 1
    package = euicc.package()
    assert not package.failed, package.octets
    opened = euicc.open(package)
    assert opened.profile == UPP
    assert euicc.authenticated is not None
    assert opened.metadata == euicc.authenticated.octets_of("profileMetadata")
    assert (opened.random_keys is not None) == (keys == "random")
    assert loaded.state is State.DOWNLOADED
    answer = euicc.client.handle_notification(euicc.result())
    assert (answer.status, answer.octets) == (204, b"")
    assert loaded.state is State.INSTALLED


def test_server_proves_itself_by_received_octets(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order()
    euicc, trust = peer(), default_pki().trust()
    started = euicc.initiate(HOST.upper())
    signed = started.octets_of("serverSigned1")
    certificate = Certificate(started.octets_of("serverCertificate"))
    verify_chain([certificate], trust, Role.DP_AUTH, at=None)
    assert signatures.verify(certificate.public_key, signed, tlv.parse(started.octets_of("serverSignature1")).value)
    value = codec.decode("ServerSigned1", signed)
    assert value["transactionId"].hex().upper() == started.body["transactionId"]  # type: ignore[index]
    assert value["serverAddress"].lower() == HOST
    assert started.octets_of("euiccCiPKIdToBeUsed")[2:] == default_pki().ci().subject_key_id
    answer = euicc.authenticate("TOKEN-1")
    binding = Certificate(answer.octets_of("smdpCertificate"))
    verify_chain([binding], trust, Role.DP_PB, at=None)
    assert binding.oid == certificate.oid
    covered = answer.octets_of("smdpSigned2") + euicc.signature1
    assert signatures.verify(binding.public_key, covered, tlv.parse(answer.octets_of("smdpSignature2")).value)


def test_challenge_comes_back_and_sessions_differ(peer: Callable[..., Peer]) -> None:
    euicc = peer()
    seen = set()
    for _ in range(5):
        challenge = os.urandom(16)
        reply = euicc.client.initiate_authentication(challenge, euicc.info1(), HOST)
        value = codec.decode("ServerSigned1", reply.octets_of("serverSigned1"))
        assert value["euiccChallenge"] == challenge
        seen |= {value["transactionId"], value["serverChallenge"]}
    assert len(seen) == 10


def test_metadata_over_two_segments(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order(metadata={"icon": "FF" * 1024})
    euicc = peer()
    euicc.begin("TOKEN-1")
    package = euicc.package()
    sequence = tlv.parse(tlv.find(package.octets_of("boundProfilePackage"), 0xBF36, 0xA1)).children()
    assert len(sequence) == 2
    assert all(len(segment.octets) <= 1020 for segment in sequence)
    assert codec.decode("StoreMetadataRequest", euicc.open(package).metadata)["icon"] == b"\xff" * 1024


def test_confirmation_code(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order(confirmation_code="0815")
    euicc = peer()
    euicc.begin("TOKEN-1")
    assert euicc.announced()["ccRequiredFlag"] is True
    assert not euicc.package("0815").failed


def test_confirmation_code_missing_wrong_and_used_up(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    loaded = order(confirmation_code="0815", confirmation_tries=2)
    euicc = peer()
    codes = []
    for code in (None, "0816", "0817"):
        assert not euicc.begin("TOKEN-1").failed
        codes.append(euicc.package(code).status_code)
    assert codes == ["8.2.7/2.2", "8.2.7/3.8", "8.2.7/6.4"]
    assert loaded.state is State.ERROR
    assert euicc.begin("TOKEN-1").status_code == "8.2.6/3.8"


def test_a_refused_code_leaves_the_order_for_another_session(
    peer: Callable[..., Peer], order: Callable[..., Order]
) -> None:
    order(confirmation_code="0815")
    euicc = peer()
    euicc.begin("TOKEN-1")
    assert euicc.package("1").status_code == "8.2.7/3.8"
    assert euicc.package("0815").status_code == "8.10.1/3.9"
    euicc.begin("TOKEN-1")
    assert not euicc.package("0815").failed


@pytest.mark.parametrize("keys", ["session", "random"])
def test_retry_with_the_same_key_reuses_the_protected_parts(
    peer: Callable[..., Peer], order: Callable[..., Order], keys: str
) -> None:
    order(keys=keys)
    euicc = peer()
    euicc.begin("TOKEN-1")
    assert "bppEuiccOtpk" not in euicc.announced()
    first = euicc.package()
    one_time_key = euicc.one_time_key
    assert one_time_key is not None
    euicc.client.handle_notification(euicc.result(("loadProfileElements", "installFailedDueToInterruption")))
    euicc.begin("TOKEN-1")
    assert euicc.announced()["bppEuiccOtpk"] == signatures.public_point(one_time_key)
    second = euicc.package(otpk=one_time_key)
    assert euicc.open(second).profile == UPP
    parts = [
        [part.octets for part in tlv.parse(reply.octets_of("boundProfilePackage")).children()]
        for reply in (first, second)
    ]
    assert parts[0][1:] == parts[1][1:]
    assert parts[0][0] != parts[1][0]


@pytest.mark.parametrize("keys", ["session", "random"])
def test_retry_with_another_key_binds_anew(peer: Callable[..., Peer], order: Callable[..., Order], keys: str) -> None:
    order(keys=keys)
    euicc = peer()
    euicc.begin("TOKEN-1")
    first = euicc.open(euicc.package())
    euicc.begin("TOKEN-1")
    second = euicc.open(euicc.package())
    assert second.profile == UPP
    assert second.smdp_otpk != first.smdp_otpk
    # A Protected Profile Package is made once.
    assert second.random_keys == first.random_keys


def test_another_key_is_refused_where_rebinding_is_off(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order(rebinding=False)
    euicc = peer()
    euicc.begin("TOKEN-1")
    euicc.package()
    euicc.begin("TOKEN-1")
    assert euicc.package().status_code == "8.2/3.7"


def test_the_same_request_again_gets_the_same_package(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    request = euicc.response2()
    answers = [euicc.client.get_bound_profile_package(euicc.transaction, request).octets for _ in range(2)]
    assert answers[0] == answers[1]


def test_a_profile_once_downloaded_is_for_that_euicc(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order()
    first, second = peer(), peer(eid=OTHER_EID)
    first.begin("TOKEN-1")
    second.begin("TOKEN-1")
    assert not first.package().failed
    assert second.package().status_code == "8.2/3.7"
    assert second.begin("TOKEN-1").status_code == "8.1.1/3.8"


@pytest.mark.parametrize("matching_id", [None, ""])
def test_default_address(peer: Callable[..., Peer], order: Callable[..., Order], matching_id: str | None) -> None:
    order(matching_id="", eid=EID.hex())
    assert not peer().begin(matching_id).failed
    assert peer(eid=OTHER_EID).begin(matching_id).status_code == "8.1.1/3.8"


def test_keys_of_another_curve_are_refused(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    reply = euicc.package(otpk=ec.generate_private_key(ec.BrainpoolP256R1()))
    assert reply.status_code == "1.3.1/2.1"


def test_published_profile_packages(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    folder = os.environ.get("EUICC_TS48_DIR")
    packages = [path.read_bytes() for path in sorted(Path(folder).glob("*.der"))] if folder else [UPP * 20]
    assert packages
    for package in packages:
        order(octets=package, iccid=None)
        euicc = peer()
        assert not euicc.begin("TOKEN-1").failed
        assert euicc.open(euicc.package()).profile == package


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("installFailedDueToInterruption", State.DOWNLOADED),
        ("installFailedDueToInsufficientMemoryForProfile", State.DOWNLOADED),
        ("installFailedDueToPEProcessingError", State.ERROR),
        ("pprNotAllowed", State.ERROR),
        ("scp03tSecurityError", State.ERROR),
    ],
)
def test_a_failed_installation(
    peer: Callable[..., Peer], order: Callable[..., Order], reason: str, state: State
) -> None:
    loaded = order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    euicc.package()
    assert euicc.client.handle_notification(euicc.result(("loadProfileElements", reason))).status == 204
    assert loaded.state is state


def test_a_result_that_does_not_verify_moves_nothing(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    loaded = order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    euicc.package()
    good = euicc.result()
    broken = good[:-1] + bytes([good[-1] ^ 1])
    unknown = euicc.result(transactionId=b"\x99" * 16)
    for octets in (broken, unknown, b"\x30\x00", b""):
        assert euicc.client.handle_notification(octets).status == 204
        assert loaded.state is State.DOWNLOADED
    for _ in range(2):
        assert euicc.client.handle_notification(good).status == 204
        assert loaded.state is State.INSTALLED


@pytest.mark.parametrize(
    ("sima", "strict", "state"),
    [
        ("3007A0053003800100", True, State.INSTALLED),
        ("3007A0053003800100" * 2, True, State.INSTALLED),
        ("3000", True, State.DOWNLOADED),
        ("", True, State.DOWNLOADED),
        ("0000FF", True, State.DOWNLOADED),
        ("3000", False, State.INSTALLED),
    ],
)
def test_a_server_may_read_what_the_euicc_says_of_the_elements(sima: str, strict: bool, state: State) -> None:
    found = service(frozenset())
    found.variants = frozenset({"reads-euicc-responses"} if strict else ())
    euicc = after_authenticate(Peer(InProcess(found)))
    euicc.package()
    final = ("successResult", {"aid": AID, "simaResponse": bytes.fromhex(sima)})
    assert euicc.client.handle_notification(euicc.result(finalResult=final)).status == 204
    assert [loaded.state for loaded in found.book] == [state]


def test_other_notifications_are_kept_when_they_verify(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    loaded = order()
    euicc = peer()
    enable = euicc.other_notification("notificationEnable")
    for _ in range(2):
        assert euicc.client.handle_notification(enable).status == 204
    forged = peer(kind="eum-unknown-ci").other_notification("notificationDelete")
    assert euicc.client.handle_notification(forged).status == 204
    assert loaded.notifications == [enable]
    assert loaded.profile.iccid == ICCID


@pytest.mark.parametrize("after", ["authenticate", "package"])
@pytest.mark.parametrize(
    ("reason", "offered"),
    [
        ("postponed", True),
        ("timeout", True),
        ("endUserRejection", False),
        ("pprNotAllowed", False),
        ("metadataMismatch", False),
        ("loadBppExecutionError", False),
        ("undefinedReason", False),
    ],
)
def test_cancel_session(
    peer: Callable[..., Peer], order: Callable[..., Order], reason: str, offered: bool, after: str
) -> None:
    order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    if after == "package":
        euicc.package()
    reply = euicc.cancel(reason)
    assert not reply.failed
    assert euicc.cancel(reason).status_code == "8.10.1/3.9"
    assert euicc.begin("TOKEN-1").status_code == ("" if offered else "8.2.6/3.8")


def test_cancel_session_refused(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    loaded = order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    assert euicc.cancel("timeout", signature=bytes(63) + b"\1").status_code == "8.1/6.1"
    assert euicc.cancel("timeout", smdpOid="2.999.12").status_code == "8.8/3.10"
    assert euicc.cancel("timeout", transactionId=b"\1").status_code == "8.10.1/3.9"
    assert loaded.state is State.RELEASED
    assert not euicc.cancel("endUserRejection").failed


def test_sessions_at_the_same_time_do_not_mix(peer: Callable[..., Peer], order: Callable[..., Order]) -> None:
    order(tries=100)

    def download(_number: int) -> bytes:
        euicc = peer()
        assert not euicc.begin("TOKEN-1").failed
        return euicc.open(euicc.package()).profile

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(download, range(24))) == {UPP}
