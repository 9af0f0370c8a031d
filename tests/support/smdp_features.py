"""What can be seen of a simulated SM-DP+: plain values that differ where it behaves otherwise."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.client import PATH, Es9Reply, encode
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import AID, HOST, OTHER_EID, InProcess, Peer
from tests.support.smdp_scenarios import BAD, after_authenticate, after_initiate, service

_HALF = 1 << 255


def made(variants: frozenset[str], **profile: Any) -> Peer:
    """A peer of a server with variants and one profile."""
    found = service(frozenset(), **profile)
    found.variants = variants
    return Peer(InProcess(found))


def of_functions(variants: frozenset[str]) -> list[object]:
    """Status, sessions, order of checks, retries, packages, certificates: of the functions without HTTP."""
    return [
        *_status(variants),
        *_sessions(variants),
        *_orders(variants),
        *_packages(variants),
        *_results(variants),
    ]


def _status(variants: frozenset[str]) -> list[object]:
    peer = made(variants)
    done, refused = peer.initiate(), peer.initiate("other.example.com")
    return [done.execution_status, refused.execution_status]


def _sessions(variants: frozenset[str]) -> list[object]:
    peer = made(variants)
    first, second = (peer.initiate().body or {} for _ in range(2))
    numbers = [int(each["transactionId"], 16) for each in (first, second)]
    after_authenticate(peer)
    response = peer.response2()
    packages = [peer.client.get_bound_profile_package(peer.transaction, response) for _ in range(2)]
    unread = peer.client.call("cancelSession", {"transactionId": "00", "cancelSessionResponse": "?"})
    assert isinstance(peer.client, InProcess)
    lifetime = peer.client.service.sessions.lifetime()
    return [len(first["transactionId"]), numbers[1] - numbers[0] == 1, _codes(*packages), unread.status_code, lifetime]


def _orders(variants: frozenset[str]) -> list[object]:
    wrong: dict[str, Any] = {"svn": b"\3\0\0", "euiccCiPKIdListForSigning": []}
    peer = made(variants)
    start = [peer.initiate("other.example.com", **wrong), peer.initiate(HOST, **wrong)]
    after_initiate(peer)
    signed = peer.signed1("AC", transactionId=b"\1")
    inner = [peer.send_authenticate(peer.response1(signed, BAD))]
    inner.append(after_authenticate(peer).package(signature=BAD, transactionId=b"\1"))
    inner.append(after_authenticate(peer).cancel("timeout", signature=BAD, transactionId=b"\1"))
    twice = after_authenticate(made(variants))
    inner += [twice.cancel("timeout") for _ in range(2)]
    ended = made(variants, tries=1)
    after_authenticate(ended).cancel("endUserRejection")
    over = made(variants)
    after_authenticate(over).cancel("endUserRejection")
    confirmed = made(variants, state="Confirmed", eid=OTHER_EID.hex())
    unnamed = made(variants)
    unnamed.identity = default_pki().euicc(unnamed.eid, kind="eum-no-authority-key")
    longer = made(variants)
    longer.identity = default_pki().euicc(longer.eid, kind="eum-path-length")
    ends = [peer.begin("AC") for peer in (ended, over, confirmed, unnamed, longer)]
    return [_codes(*start, *inner, *ends)]


def _packages(variants: frozenset[str]) -> list[object]:
    peer = after_authenticate(made(variants, metadata={"icon": "00" * 300}))
    first = peer.package()
    parts = tlv.parse(first.octets_of("boundProfilePackage")).children()
    crt = len(parts[0].octets)
    key, own = peer.one_time_key, peer.open(first).smdp_otpk
    again = [peer.begin("AC")]
    peer = after_authenticate(made(variants)) if again[0].failed else peer
    reused = None if again[0].failed else peer.open(peer.package(otpk=key)).smdp_otpk == own
    signed = [*_signed(variants), crt, *(len(part.children()) for part in parts[2:])]
    return [_codes(*again), reused, signed]


def _results(variants: frozenset[str]) -> list[object]:
    peer = after_authenticate(made(variants))
    peer.package()
    final = ("successResult", {"aid": AID, "simaResponse": b"\x30\0"})
    assert isinstance(peer.client, InProcess)
    peer.client.handle_notification(peer.result(finalResult=final))
    return [order.state for order in peer.client.service.book]


def _signed(variants: frozenset[str]) -> list[object]:
    found: list[object] = []
    halves = set()
    peer = made(variants)
    for _ in range(8):
        reply = peer.initiate()
        halves.add(int.from_bytes(tlv.parse(reply.octets_of("serverSignature1")).value[32:], "big") < _HALF)
    second = peer.authenticate("AC")
    for answer, names in (
        (reply, ("serverSigned1", "serverCertificate")),
        (second, ("smdpSigned2", "smdpCertificate")),
    ):
        certificate = Certificate(answer.octets_of(names[1]))
        found.append(codec.receive(names[0][:1].upper() + names[0][1:], answer.octets_of(names[0])).unknown != ())
        found.append(_facts(certificate))
    address = codec.decode("ServerSigned1", reply.octets_of("serverSigned1"))["serverAddress"]
    return [*found, halves, address]


def _facts(certificate: Certificate) -> list[object]:
    x509 = certificate.x509
    return [
        len(x509.extensions),
        x509.serial_number.bit_length() // 16,
        len(list(x509.subject)),
        str(x509.not_valid_after_utc.year),
    ]


def _codes(*replies: Es9Reply) -> list[str]:
    return [reply.status_code for reply in replies]


def of_answers(server: SmdpServer, variants: frozenset[str]) -> list[object]:
    """Raw headers, body and fate of the connection, of answers over HTTPS."""
    server.run(lambda: setattr(server.service, "variants", variants))
    info1 = Peer(InProcess(SmdpService())).info1()
    good = {"euiccChallenge": encode(bytes(16)), "euiccInfo1": encode(info1), "smdpAddress": HOST}
    json_type = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.6.0"}
    seen: list[object] = []
    requests = [
        ("POST", "initiateAuthentication", good, json_type),
        ("POST", "initiateAuthentication", good | {"smdpAddress": "other.example.com"}, json_type),
        ("POST", "initiateAuthentication", good | {"euiccChallenge": "?"}, json_type),
        ("POST", "initiateAuthentication", good | {"euiccChallenge": "!" + encode(bytes(16))}, json_type),
        ("POST", "handleNotification", {"pendingNotification": ""}, json_type),
        ("POST", "initiateAuthentication", good, json_type | {"Content-Type": "text/plain"}),
        ("POST", "noSuchFunction", good, json_type),
        ("POST", "initiateAuthentication", "no object", json_type),
        ("GET", "initiateAuthentication", good, json_type),
    ]
    for method, function, body, headers in requests:
        context = ssl.create_default_context(cadata=default_pki().ci().der)
        connection = http.client.HTTPSConnection("localhost", server.port(), context=context)
        connection.request(method, PATH + function, json.dumps(body), headers)
        try:
            answer = connection.getresponse()
        except http.client.RemoteDisconnected:
            seen.append((function, "closed"))
            connection.close()
            continue
        text = answer.read().decode()
        names = [(name, value) for name, value in answer.getheaders() if name.lower() not in ("date", "content-length")]
        seen += [
            answer.status,
            names,
            "date" in answer.msg,
            answer.getheader("content-length") is None,
            answer.will_close,
        ]
        seen.append(_reduced(text))
        connection.close()
    return seen


def _reduced(text: str) -> list[object]:
    """What a text looks like, without what chance makes of it."""
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    lines = "\n" in value.get("serverCertificate", "")
    return [list(value), value.get("header"), text[:1].isspace(), "\n" in text.strip(), "\\/" in text, lines]


def of_inventory(variants: frozenset[str]) -> list[object]:
    """What the simulated server holds for a wish, and what it calls itself."""
    from pytest_euicc.conformance.files.orders import OrderWish
    from pytest_euicc.iut.smdp.simulated import SimulatedSmdp

    server = SimulatedSmdp(default_pki(), variants=variants)
    try:
        server.begin(0)
        held = server.offer(OrderWish())
        return [held.metadata, len(held.package or b""), server.address.replace(str(_port(server)), "PORT")]
    finally:
        server.close()


def _port(server: Any) -> int:
    return int(server.endpoint("nist")[0].rpartition(":")[2])
