"""Common mutual authentication on the server's side: InitiateAuthentication, AuthenticateClient (SGP.22 3.1.2, 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import Identity
from pytest_euicc.simulator.defect import longer_length
from pytest_euicc.simulator.smdp.credentials import Choice
from pytest_euicc.simulator.smdp.es2plus.progress import Point
from pytest_euicc.simulator.smdp.es9plus import matching, verification
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Broken, Refusal, euicc_unverified, field_invalid, field_missing
from pytest_euicc.simulator.smdp.orders import needs as eligibility
from pytest_euicc.simulator.smdp.orders.orders import Order, State
from pytest_euicc.simulator.smdp.sessions import Session, Stage

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.core import SmdpCore

_CHALLENGE_OCTETS = 16
_TRIES = 64
_LATER = bytes.fromhex("9F3C03010203")
"""An element that no version has yet, with the tag [60]."""
_MAJOR_VERSION, _NEWEST = 2, bytes((2, 6, 0))
_SIGNATURE, _OCTET_STRING = 0x5F37, 0x04
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "brainpoolP256r1": 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7,
}
"""Orders of the groups of the curves."""
_STRICT = {"deviceInfo": "refuses-extended-device-info", "euiccInfo2": "refuses-extended-info2"}
"""Defects that refuse an unknown element, by where it is."""


def initiate_authentication(service: SmdpCore, body: Mapping[str, Any]) -> dict[str, Any]:
    """InitiateAuthentication (SGP.22 5.6.1).

    Raises:
        Refusal: 8.8.1/3.8 another server's address, 8.8.2/3.1 no CI in common, 8.8.3/3.1 version not supported,
            8.8.4/3.7 no certificate for the eUICC.
    """
    challenge = json_binding.octets(body, "euiccChallenge")
    if len(challenge) != _CHALLENGE_OCTETS:
        raise field_invalid("euiccChallenge", f"{len(challenge)} octets, wanted {_CHALLENGE_OCTETS}")
    info1 = json_binding.message(body, "euiccInfo1", "EUICCInfo1")[1]
    address = json_binding.optional_text(body, "smdpAddress")
    if address is None:
        if "takes-missing-address" not in service.defects:
            raise field_missing("smdpAddress")
        address = service.inventory.addresses[0]
    choice = _check(service, address, info1)
    session = service.sessions.start(
        choice,
        address,
        b"\x01" * _CHALLENGE_OCTETS if "reuses-transaction-id" in service.defects else _transaction_id(service),
        _server_challenge(challenge, service.defects),
    )
    return _server_signed1(service, session, challenge)


def _check(service: SmdpCore, address: str, info1: Mapping[str, Any]) -> Choice:
    """Address, CIs and version; which one is reported if several are wrong is left open."""
    if service.varies("version-is-checked-first"):
        _check_version(service, info1["svn"])
    if not service.varies("address-is-checked-last"):
        _check_address(service, address)
    verifying, signing = info1["euiccCiPKIdListForVerification"], info1["euiccCiPKIdListForSigning"]
    choice = service.credentials.choose(verifying, signing, service.defects)
    _check_version(service, info1["svn"])
    _check_address(service, address)
    return choice


def _check_address(service: SmdpCore, address: str) -> None:
    if not service.serves(address) and "accepts-any-address" not in service.defects:
        raise Refusal("8.8.1", "3.8", f"{address} is not this server")


def _check_version(service: SmdpCore, svn: bytes) -> None:
    if not _supported(svn, service.defects):
        version = ".".join(map(str, svn))
        raise Refusal("8.8.3", "3.1", f"specification version {version} is not supported")


def _transaction_id(service: SmdpCore) -> bytes:
    """A transactionId of a length that a variant has; empty for the usual one of 16 octets at random."""

    def taken(candidate: bytes) -> bool:
        return service.sessions.knows(candidate) or service.book.by_transaction(candidate) is not None

    if service.varies("counted-transaction-ids"):
        number = 1
        while taken(number.to_bytes(8, "big")):
            number += 1
        return number.to_bytes(8, "big")
    if service.varies("one-octet-transaction-ids"):
        octets = 1
    elif service.varies("five-octet-transaction-ids"):
        octets = 5
    else:
        return b""
    while True:
        candidates = (service.random(octets) for _ in range(_TRIES))
        found = next((candidate for candidate in candidates if not taken(candidate)), None)
        if found is not None:
            return found
        octets += 1


def _supported(svn: bytes, defects: frozenset[str]) -> bool:
    if svn < _NEWEST and "refuses-older-euiccs" in defects:
        return False
    return svn[0] == _MAJOR_VERSION or "ignores-svn" in defects


def _server_challenge(euicc_challenge: bytes, defects: frozenset[str]) -> bytes:
    """What a defect has in the place of a random challenge; empty for none."""
    if "reuses-server-challenge" in defects:
        return b"\x01" * _CHALLENGE_OCTETS
    return euicc_challenge if "returns-euicc-challenge" in defects else b""


def _server_signed1(service: SmdpCore, session: Session, challenge: bytes) -> dict[str, Any]:
    credentials, defects = session.choice.credentials, service.defects
    auth = service.credentials.expired(credentials) if "expired-dpauth" in defects else credentials.auth
    auth = service.credentials.varied(auth, Role.DP_AUTH, credentials.curve, service.variants)
    address = service.inventory.addresses[-1] if "wrong-address-echo" in defects else session.server_address
    signed = codec.encode(
        "ServerSigned1",
        {
            "transactionId": session.transaction_id,
            "euiccChallenge": bytes(_CHALLENGE_OCTETS) if "wrong-challenge-echo" in defects else challenge,
            "serverAddress": address.upper() if service.varies("signs-address-in-capitals") else address,
            "serverChallenge": session.server_challenge,
        },
    )
    if service.varies("later-signed1"):
        signed = _extended(signed)
    if "longer-signed1" in defects:
        signed = longer_length(signed)
    covered = signed + b"\0" if "wrong-server-signature1" in defects else signed
    signature = _sign(service, auth, covered)
    if "der-server-signature1" in defects:
        signature = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    named = session.transaction_id.hex()
    return {
        "transactionId": named if "lower-case-transaction-id" in defects else named.upper(),
        "serverSigned1": json_binding.encode(signed),
        "serverSignature1": json_binding.encode(_signature(signature)),
        "euiccCiPKIdToBeUsed": json_binding.encode(tlv.encode(_OCTET_STRING, session.choice.signing_ci)),
        "serverCertificate": json_binding.encode(auth.certificate.der),
    }


def authenticate_client(service: SmdpCore, body: Mapping[str, Any]) -> dict[str, Any]:
    """AuthenticateClient (SGP.22 5.6.3). A session that is refused has ended.

    Raises:
        Refusal: 8.10.1/3.9 transaction, 8.11.1/3.9 CI, 8.1.2 and 8.1.3 certificates, 8.1/6.1 signature or challenge,
            and those of the order (matching).
    """
    transaction_id = json_binding.transaction_id(body)
    if service.varies("finds-sessions-first"):
        service.sessions.find(transaction_id, Stage.INITIATED)
    octets, (outcome, response) = json_binding.message(body, "authenticateServerResponse", "AuthenticateServerResponse")
    if outcome == "authenticateResponseOk" and "ignores-json-transaction-id" in service.defects:
        transaction_id = response["euiccSigned1"]["transactionId"]
    other = service.sessions.latest(Stage.INITIATED) if "mixes-sessions" in service.defects else None
    session = other or service.sessions.find(transaction_id, Stage.INITIATED)
    try:
        if outcome == "authenticateResponseError":
            if "breaks-on-authenticate-error" in service.defects:
                raise Broken("authenticateResponseError")
            raise euicc_unverified(f"the eUICC answered {response['authenticateErrorCode']!r}")
        _take_whole(service, octets, response)
        signature = verification.verify(service, session, octets, response)
        return _serve(service, session, response["euiccSigned1"], signature)
    except Refusal:
        service.sessions.end(session)
        refused = outcome == "authenticateResponseOk" and session.certificate is None
        if refused and "counts-refused-euiccs" in service.defects:
            _count(service, response["euiccSigned1"]["ctxParams1"][1].get("matchingId"))
        raise


def _count(service: SmdpCore, matching_id: str | None) -> None:
    """What a defect does for an eUICC that was not verified: a try of the order that it names is gone."""
    order = service.book.by_matching_id(matching_id or "")
    if order is not None:
        order.attempts += 1


def _take_whole(service: SmdpCore, octets: bytes, response: Mapping[str, Any]) -> None:
    """Elements that are not known pass; defects refuse them."""
    for place, defect in _STRICT.items():
        if defect in service.defects:
            unknown = codec.receive("AuthenticateServerResponse", octets).unknown
            if any(place in element.path for element in unknown):
                raise field_invalid("authenticateServerResponse", f"an unknown element in {place}")
    if "refuses-extended-capabilities" in service.defects:
        capabilities = response["euiccSigned1"]["euiccInfo2"]["uiccCapability"]
        if capabilities[1] > len(codec.fields("UICCCapability").names):
            raise field_invalid("authenticateServerResponse", "an unknown capability")


def _serve(service: SmdpCore, session: Session, signed: Mapping[str, Any], signature: bytes) -> dict[str, Any]:
    matching_id = signed["ctxParams1"][1].get("matchingId")
    order = matching.find(service.book, matching_id, session.eid, service.defects, service.variants)
    try:
        matching.check(order, signed["euiccInfo2"], service.now(), service.defects, service.variants)
    except Refusal as refusal:
        if _ends_order(refusal, service.defects) and order.state is not State.ERROR:
            order.state = State.ERROR
            service.book.changed(order)
        service.tell(order, session.eid, Point.ELIGIBILITY, refusal)
        raise
    order.attempts += 1
    service.book.changed(order)
    session.order, session.stage = order, Stage.AUTHENTICATED
    service.tell(order, session.eid, Point.ELIGIBILITY)
    return _smdp_signed2(service, session, order, signature)


def _ends_order(refusal: Refusal, defects: frozenset[str]) -> bool:
    """True for too many tries, and for who is not eligible (SGP.22 3.1.3, steps 3 and 5)."""
    code = (refusal.subject, refusal.reason)
    return code == ("8.8.5", "6.4") or (code in eligibility.CODES and "ineligible-order-stays" not in defects)


def _smdp_signed2(service: SmdpCore, session: Session, order: Order, euicc_signature1: bytes) -> dict[str, Any]:
    binding = service.credentials.profile_binding(session.choice.credentials, service.defects)
    binding = service.credentials.varied(binding, Role.DP_PB, session.choice.credentials.curve, service.variants)
    announced = b"\0" * 16 if "wrong-transaction-in-signed2" in service.defects else session.transaction_id
    value: dict[str, Any] = {"transactionId": announced, "ccRequiredFlag": _code_required(order, service.defects)}
    offered = _offered_key(session, order, service.defects)
    if offered is not None:
        # SGP.22 3.1.3: the eUICC may use the key of the package that was made before.
        value["bppEuiccOtpk"] = offered
    signed = codec.encode("SmdpSigned2", value)
    if service.varies("later-signed2"):
        signed = _extended(signed)
    if "longer-signed2" in service.defects:
        signed = longer_length(signed)
    covered = signed if "signs-without-euicc-signature1" in service.defects else signed + euicc_signature1
    session.smdp_signature2 = _signature(_sign(service, binding, covered))
    metadata = order.profile.metadata
    if "announces-other-metadata" in service.defects:
        changed = {"serviceProviderName": "Another operator"}
        metadata = codec.encode("StoreMetadataRequest", codec.decode("StoreMetadataRequest", metadata) | changed)
    return {
        "transactionId": session.transaction_id.hex().upper(),
        "profileMetadata": json_binding.encode(metadata),
        "smdpSigned2": json_binding.encode(signed),
        "smdpSignature2": json_binding.encode(session.smdp_signature2),
        "smdpCertificate": json_binding.encode(binding.certificate.der),
    }


def _code_required(order: Order, defects: frozenset[str]) -> bool:
    if order.confirmation_hash is None:
        return "cc-flag-always" in defects
    by_eid = not order.matching_id and "cc-flag-of-matching-ids-only" in defects
    again = order.bound is not None and "cc-flag-lost-on-retry" in defects
    return not by_eid and not again and "omits-cc-flag" not in defects


def _offered_key(session: Session, order: Order, defects: frozenset[str]) -> bytes | None:
    """The one-time key of the package that this eUICC was given before, 65 octets."""
    bound = order.bound
    if bound is None or (bound.eid, bound.curve) != (session.eid, session.choice.credentials.curve):
        return None
    if bound.random_keys is not None and "offers-no-key-with-random-keys" in defects:
        return None
    if "omits-bpp-euicc-otpk" in defects:
        return None
    return signatures.public_point(bound.one_time_key) if "offers-own-key" in defects else bound.euicc_otpk


def _extended(octets: bytes) -> bytes:
    """A SEQUENCE with an element behind those that are known."""
    element = tlv.parse(octets)
    return tlv.encode(element.tag, element.value + _LATER)


def _sign(service: SmdpCore, signer: Identity, covered: bytes) -> bytes:
    """The signature, 64 octets; s and its negative are both right."""
    signature = signatures.sign(signer.private_key, covered)
    low, high = service.varies("low-s"), service.varies("high-s")
    if not low and not high:
        return signature
    order = _ORDERS[signer.private_key.curve.name]
    s = int.from_bytes(signature[32:], "big")
    s = min(s, order - s) if low else max(s, order - s)
    return signature[:32] + s.to_bytes(32, "big")


def _signature(octets: bytes) -> bytes:
    return tlv.encode(_SIGNATURE, octets)
