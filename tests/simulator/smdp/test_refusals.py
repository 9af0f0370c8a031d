"""Every status code of the SM-DP+ brought about (SGP.22 5.6), and what the JSON binding refuses (SGP.22 6.5)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.client import Es9Client, encode
from pytest_euicc.rsp.chains import INVALID_EUICC_KINDS
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.orders.orders import Order, State
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import EID, HOST, OTHER_EID, InProcess, Peer, key_ids

pytest_plugins = ["tests.support.smdp_fixtures"]

MakePeer = Callable[..., Peer]
PutOrder = Callable[..., Order]


@pytest.fixture
def client(clients: dict[str, Es9Client]) -> Es9Client:
    return clients["nist"]


# ---------------------------------------------------------------- InitiateAuthentication, 5.6.1


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("other.example.com", "8.8.1/3.8"),
        ("testsmdpplus1.example.com.", "8.8.1/3.8"),
        ("", "8.8.1/3.8"),
        ("testsmdpplus1.example.com:1", "8.8.1/3.8"),
        ("TestSMDPplus1.Example.COM", ""),
    ],
)
def test_address(peer: MakePeer, address: str, code: str) -> None:
    assert peer().initiate(address).status_code == code


def test_address_with_the_port_in_use(peer: MakePeer, server: SmdpServer) -> None:
    assert not peer().initiate(f"localhost:{server.port()}").failed


@pytest.mark.parametrize("which", ["euiccCiPKIdListForVerification", "euiccCiPKIdListForSigning"])
def test_no_common_ci(peer: MakePeer, which: str) -> None:
    assert peer().initiate(HOST, **{which: [b"\x11" * 20]}).status_code == "8.8.2/3.1"
    assert peer().initiate(HOST, **{which: []}).status_code == "8.8.2/3.1"


@pytest.mark.parametrize(
    ("svn", "code"), [(b"\2\2\0", ""), (b"\2\x09\1", ""), (b"\1\1\0", "8.8.3/3.1"), (b"\3\0\0", "8.8.3/3.1")]
)
def test_version(peer: MakePeer, svn: bytes, code: str) -> None:
    assert peer().initiate(svn=svn).status_code == code


def test_no_certificate_for_the_ci(peer: MakePeer) -> None:
    # The CI is trusted, but this server has credentials on P-256 only.
    service = SmdpService(Inventory(curves=("nist",)))
    body = {"euiccChallenge": encode(bytes(16)), "smdpAddress": HOST}
    info1 = peer("brainpool").info1()
    answer = service.call("initiateAuthentication", body | {"euiccInfo1": encode(info1)})
    assert answer is not None
    data = answer["header"]["functionExecutionStatus"]["statusCodeData"]
    assert (data["subjectCode"], data["reasonCode"]) == ("8.8.4", "3.7")


def test_a_ci_that_is_trusted_beside_those_of_the_pki(peer: MakePeer) -> None:
    other = default_pki().authority("nist", 3).certificate
    ids = [other.subject_key_id]
    lists = {"euiccCiPKIdListForVerification": ids, "euiccCiPKIdListForSigning": ids}
    for service, code in (
        (SmdpService(), "8.8.2/3.1"),
        (SmdpService(further_trust=[other]), "8.8.4/3.7"),
    ):
        assert Peer(InProcess(service)).initiate(HOST, **lists).status_code == code


def test_priority_of_the_euicc_decides(peer: MakePeer) -> None:
    euicc = peer()
    for order in (("nist", "brainpool"), ("brainpool", "nist")):
        ids = key_ids(*order)
        started = euicc.initiate(euiccCiPKIdListForVerification=ids, euiccCiPKIdListForSigning=ids)
        assert started.octets_of("euiccCiPKIdToBeUsed")[2:] == ids[0]


# ---------------------------------------------------------------- AuthenticateClient, 5.6.3

CERTIFICATE_CODES = {
    "eum-expired": "8.1.2/6.3",
    "eum-unknown-ci": "8.11.1/3.9",
    # It names no CI at all.
    "eum-no-authority-key": "8.11.1/3.9",
    "euicc-expired": "8.1.3/6.3",
}


@pytest.mark.parametrize("kind", INVALID_EUICC_KINDS)
def test_certificates(peer: MakePeer, order: PutOrder, kind: str) -> None:
    order()
    expected = CERTIFICATE_CODES.get(kind, "8.1.2/6.1" if kind.startswith("eum") else "8.1.3/6.1")
    assert peer(kind=kind).begin("TOKEN-1").status_code == expected


def test_signature_and_challenge(peer: MakePeer, order: PutOrder) -> None:
    loaded = order()
    euicc = peer()
    euicc.initiate()
    signed = euicc.signed1("TOKEN-1")
    assert euicc.send_authenticate(euicc.response1(signed, bytes(63) + b"\1")).status_code == "8.1/6.1"
    # A session that was refused has ended.
    assert euicc.send_authenticate(euicc.response1(signed)).status_code == "8.10.1/3.9"
    euicc.initiate()
    assert euicc.authenticate("TOKEN-1", serverChallenge=bytes(16)).status_code == "8.1/6.1"
    assert loaded.attempts == 0


def test_signature_is_verified_over_received_octets(peer: MakePeer, order: PutOrder) -> None:
    order()
    euicc = peer()
    euicc.initiate()
    # A later version's element behind the last known one: signed, and not known here.
    signed = tlv.parse(euicc.signed1("TOKEN-1"))
    extended = tlv.encode(0x30, signed.value + tlv.encode(0x9F7F, b"later"))
    assert not euicc.send_authenticate(euicc.response1(extended)).failed


def test_a_refusing_euicc(peer: MakePeer, order: PutOrder) -> None:
    order()
    euicc = peer()
    euicc.initiate()
    error = {"transactionId": bytes.fromhex(euicc.transaction), "authenticateErrorCode": "invalidSignature"}
    refused = codec.encode("AuthenticateServerResponse", ("authenticateResponseError", error))
    assert euicc.send_authenticate(refused).status_code == "8.1/6.1"


def test_another_transaction(peer: MakePeer, order: PutOrder) -> None:
    order()
    euicc = peer()
    euicc.initiate()
    response = euicc.response1(euicc.signed1("TOKEN-1"))
    assert euicc.client.authenticate_client("00" * 16, response).status_code == "8.10.1/3.9"
    assert euicc.authenticate("TOKEN-1", transactionId=b"\1" * 16).status_code == "8.10.1/3.9"


@pytest.mark.parametrize("state", [State.ALLOCATED, State.LINKED, State.CONFIRMED])
def test_not_released(peer: MakePeer, order: PutOrder, state: State) -> None:
    order(state=state)
    assert peer().begin("TOKEN-1").status_code == "8.2/1.2"


@pytest.mark.parametrize(
    ("matching_id", "code"),
    [
        ("TOKEN-2", "8.2.6/3.8"),
        ("token-1", "8.2.6/3.8"),
        ("TOKEN-", "8.2.6/3.8"),
        (None, "8.1.1/3.8"),
        ("", "8.1.1/3.8"),
    ],
)
def test_matching_id(peer: MakePeer, order: PutOrder, matching_id: str | None, code: str) -> None:
    order()
    assert peer().begin(matching_id).status_code == code


def test_matching_id_where_only_the_eid_is_known(peer: MakePeer, order: PutOrder) -> None:
    order(matching_id="", eid=EID.hex())
    assert peer().begin("TOKEN-1").status_code == "8.2.6/3.8"


def test_other_eid(peer: MakePeer, order: PutOrder) -> None:
    order(eid=OTHER_EID.hex())
    assert peer().begin("TOKEN-1").status_code == "8.1.1/3.8"
    assert not peer(eid=OTHER_EID).begin("TOKEN-1").failed


def test_checks_go_from_whose_it_is_to_what_suits(peer: MakePeer, order: PutOrder) -> None:
    # Each order has everything wrong that comes after what is told (SGP.22 3.1.3).
    wrong: dict[str, Any] = {"needs": {"capabilities": ["iotminimal"], "memory": 1 << 24}}
    assert (order(**wrong), peer().begin("TOKEN-1").status_code)[1] == "8.2.5/4.3"
    wrong["tries"] = 0
    assert (order(**wrong), peer().begin("TOKEN-1").status_code)[1] == "8.8.5/6.4"
    wrong["expires"] = "2021-01-01T00:00:00Z"
    assert (order(**wrong), peer().begin("TOKEN-1").status_code)[1] == "8.8.5/4.10"
    wrong["state"] = State.CONFIRMED
    assert (order(**wrong), peer().begin("TOKEN-1").status_code)[1] == "8.2/1.2"
    wrong["eid"] = OTHER_EID.hex()
    assert (order(**wrong), peer().begin("TOKEN-1").status_code)[1] == "8.1.1/3.8"
    assert peer().begin("TOKEN-2").status_code == "8.2.6/3.8"


def test_signature_is_verified_before_the_session_is_compared(peer: MakePeer, order: PutOrder) -> None:
    order()
    euicc = peer()
    euicc.initiate()
    signed = euicc.signed1("TOKEN-1", transactionId=b"\1", serverChallenge=bytes(16))
    assert euicc.send_authenticate(euicc.response1(signed, bytes(63) + b"\1")).status_code == "8.1/6.1"
    euicc.initiate()
    assert euicc.authenticate("TOKEN-1", transactionId=b"\1", serverChallenge=bytes(16)).status_code == "8.10.1/3.9"


@pytest.mark.parametrize(
    ("metadata", "info2", "code"),
    [
        ({"ppr": ["ppr1"]}, {}, ""),
        ({"ppr": ["ppr1"]}, {"forbiddenProfilePolicyRules": (b"\x20", 3)}, ""),
        ({"ppr": ["ppr1"]}, {"forbiddenProfilePolicyRules": (b"\x40", 2)}, "8.2.5/4.3"),
        ({"ppr": ["ppr1", "ppr2"]}, {"forbiddenProfilePolicyRules": (b"\x60", 3)}, "8.2.5/4.3"),
        ({}, {"forbiddenProfilePolicyRules": (b"\x60", 3)}, ""),
        ({}, {"rspCapability": (b"\x40", 2)}, "8.1/4.8"),
        ({}, {"rspCapability": (b"", 0)}, "8.1/4.8"),
    ],
)
def test_what_the_euicc_takes(
    peer: MakePeer, order: PutOrder, metadata: dict[str, Any], info2: dict[str, Any], code: str
) -> None:
    order(metadata=metadata | {"owner": {"mcc_mnc": "00F110"}})
    euicc = peer()
    euicc.initiate()
    assert euicc.authenticate("TOKEN-1", euiccInfo2=euicc.info2() | info2).status_code == code


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        ({"capabilities": ["usimSupport", "javacard"]}, ""),
        ({"capabilities": ["usimSupport", "csimSupport"]}, "8.2.5/4.3"),
        ({"capabilities": ["iotminimal"]}, "8.2.5/4.3"),
        ({"profile_version": "2.3.1"}, ""),
        ({"profile_version": "2.1.0"}, ""),
        ({"profile_version": "3.1.0"}, "8.2.5/4.3"),
        ({"memory": 300_000}, ""),
        ({"memory": 300_001}, "8.1/4.8"),
        ({"volatile_memory": 20_001}, "8.1/4.8"),
    ],
)
def test_eligibility(peer: MakePeer, order: PutOrder, needs: dict[str, Any], code: str) -> None:
    loaded = order(needs=needs)
    assert peer().begin("TOKEN-1").status_code == code
    # SGP.22 3.1.3, step 5
    assert loaded.state is (State.ERROR if code else State.RELEASED)


def test_expired_order(peer: MakePeer, order: PutOrder) -> None:
    order(expires="2021-01-01T00:00:00Z")
    assert peer().begin("TOKEN-1").status_code == "8.8.5/4.10"


def test_order_that_expires_during_the_session(peer: MakePeer, order: PutOrder, server: SmdpServer) -> None:
    loaded = order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    loaded.expires = server.service.now()
    assert euicc.package().status_code == "8.8.5/4.10"


def test_too_many_tries(peer: MakePeer, order: PutOrder) -> None:
    loaded = order(tries=2)
    euicc = peer()
    codes = [euicc.begin("TOKEN-1").status_code for _ in range(4)]
    assert codes == ["", "", "8.8.5/6.4", "8.8.5/6.4"]
    assert loaded.state is State.ERROR


def test_a_session_expires(peer: MakePeer, order: PutOrder, server: SmdpServer) -> None:
    order()
    euicc = peer()
    euicc.initiate()
    sessions = server.service.sessions
    clock = sessions.now
    try:
        sessions.now = lambda: clock() + sessions.lifetime()
        assert euicc.authenticate("TOKEN-1").status_code == "8.10.1/3.9"
        before = len(sessions)
        euicc.initiate()
        assert len(sessions) <= max(before, 1)
    finally:
        sessions.now = clock


# ---------------------------------------------------------------- GetBoundProfilePackage, 5.6.2


def test_package_refused(peer: MakePeer, order: PutOrder) -> None:
    loaded = order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    assert euicc.client.get_bound_profile_package("00" * 16, euicc.response2()).status_code == "8.10.1/3.9"
    assert euicc.package(transactionId=b"\1").status_code == "8.10.1/3.9"
    euicc.begin("TOKEN-1")
    assert euicc.package(signature=bytes(63) + b"\1").status_code == "8.1/6.1"
    euicc.begin("TOKEN-1")
    error = {"transactionId": bytes.fromhex(euicc.transaction), "downloadErrorCode": "invalidSignature"}
    refused = codec.encode("PrepareDownloadResponse", ("downloadResponseError", error))
    assert euicc.client.get_bound_profile_package(euicc.transaction, refused).status_code == "8.1/6.1"
    assert loaded.state is State.RELEASED


def test_steps_out_of_order(peer: MakePeer, order: PutOrder) -> None:
    order()
    euicc = peer()
    euicc.begin("TOKEN-1")
    first = euicc.response1(euicc.signed1("TOKEN-1"))
    assert euicc.send_authenticate(first).status_code == "8.10.1/3.9"
    prepared = euicc.response2()
    fresh = peer()
    fresh.initiate()
    assert fresh.client.get_bound_profile_package(fresh.transaction, prepared).status_code == "8.10.1/3.9"
    assert fresh.cancel("timeout").status_code == "8.10.1/3.9"


def test_sessions_do_not_mix(peer: MakePeer, order: PutOrder) -> None:
    order()
    first, second = peer(), peer()
    first.begin("TOKEN-1")
    second.begin("TOKEN-1")
    crossed = second.client.get_bound_profile_package(second.transaction, first.response2())
    assert crossed.status_code == "8.10.1/3.9"
    assert not first.package().failed


# ---------------------------------------------------------------- the binding, 6.5


def initiate_body(peer: MakePeer, **changes: Any) -> bytes:
    body = {"euiccChallenge": encode(os.urandom(16)), "euiccInfo1": encode(peer().info1()), "smdpAddress": HOST}
    given = {name: value for name, value in (body | changes).items() if value is not None}
    return json.dumps(given).encode()


def test_an_answer_has_the_headers_of_the_binding(client: Es9Client, peer: MakePeer) -> None:
    reply = client.send("initiateAuthentication", initiate_body(peer))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-admin-protocol"].startswith("gsma/rsp/v2.")
    assert reply.execution_status == {"status": "Executed-Success"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"X-Admin-Protocol": None}, 400),
        ({"X-Admin-Protocol": "gsma/rsp/v9.0.0"}, 400),
        ({"X-Admin-Protocol": "gsma/rsp/v2.2.0"}, 200),
        ({"User-Agent": None}, 200),
    ],
)
def test_request_headers(client: Es9Client, peer: MakePeer, headers: dict[str, str | None], status: int) -> None:
    assert client.send("initiateAuthentication", initiate_body(peer), headers=headers).status == status


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"euiccInfo1": None}, "1.3.1/2.2"),
        ({"smdpAddress": None}, "1.3.1/2.2"),
        ({"smdpAddress": 7}, "1.3.1/2.1"),
        ({"euiccInfo1": "*no base64*"}, "1.3.1/2.1"),
        ({"euiccInfo1": encode(b"\x30\x00")}, "1.3.1/2.1"),
        ({"euiccInfo1": encode(b"no DER")}, "1.3.1/2.1"),
        ({"euiccChallenge": encode(bytes(15))}, "1.3.1/2.1"),
        ({"somethingLater": {"x": 1}}, ""),
    ],
)
def test_fields(client: Es9Client, peer: MakePeer, changes: dict[str, Any], code: str) -> None:
    reply = client.send("initiateAuthentication", initiate_body(peer, **changes))
    assert reply.status == 200
    assert reply.status_code == code


@pytest.mark.parametrize("transaction", ["", "xyz", "00 11", "001", "00" * 17, 5, None])
def test_transaction_id_that_is_none(client: Es9Client, transaction: Any) -> None:
    reply = client.call("cancelSession", {"transactionId": transaction, "cancelSessionResponse": ""})
    assert reply.status_code == "1.3.1/2.1"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_bodies_that_are_no_json_object(client: Es9Client, body: bytes) -> None:
    assert client.send("initiateAuthentication", body).status == 400


def test_large_body(client: Es9Client, peer: MakePeer) -> None:
    assert client.send("initiateAuthentication", initiate_body(peer, padding="x" * (1 << 20))).status == 413
    assert client.send("initiateAuthentication", initiate_body(peer)).status == 200


def test_other_methods_and_paths(client: Es9Client, peer: MakePeer) -> None:
    assert client.send("initiateAuthentication", b"", method="GET").status == 405
    assert client.send("", initiate_body(peer), path="/gsma/rsp2/es9plus/other").status == 404
    assert client.send("", initiate_body(peer), path="/").status == 404
    assert client.send("initiateAuthentication/", initiate_body(peer)).status == 404
    # ES2+ is not for everybody.
    assert client.send("", initiate_body(peer), path="/gsma/rsp2/es2plus/downloadOrder").status == 404
