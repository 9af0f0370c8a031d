"""Checks of what an SM-DP+ signs, shows and binds, over the octets it sent (SGP.22 2.5, 4.5.2, 5.6)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import check
from pytest_euicc.conformance.files import metadata
from pytest_euicc.conformance.values.matchers import Mismatch, match
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.interfaces.es9plus.answers import parts_of
from pytest_euicc.interfaces.es9plus.call import reply_of
from pytest_euicc.peers.euicc import EuiccPeer
from pytest_euicc.rsp.signatures import public_point

_PROTOCOL = "gsma/rsp/v"
_TRANSACTION_ID = re.compile(r"(?:[0-9A-F]{2}){1,16}")


@check("binding")
def binding(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The answer follows the JSON binding: Content-Type and X-Admin-Protocol (SGP.22 6.5)."""
    reply = reply_of(outcome)
    kind = reply.headers.get("content-type", "")
    if reply.octets and kind.partition(";")[0].strip().lower() != "application/json":
        yield Mismatch("Content-Type", "application/json (SGP.22 6.5.1)", kind or "no such header")
    protocol = reply.headers.get("x-admin-protocol", "")
    if not protocol.startswith(_PROTOCOL):
        yield Mismatch("X-Admin-Protocol", "gsma/rsp/vX.Y.Z (SGP.22 6.5.1.2)", protocol or "no such header")


@check("encoding")
def encoding(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """Fields are encoded as required: transactionId in capitals, canonical DER in base64 (SGP.22 6.5.2, X.690 10).

    A separate check, because an unusual encoding alone says nothing about the rest of a sequence.
    """
    reply = reply_of(outcome)
    named = (reply.body or {}).get("transactionId")
    if named is not None and not _TRANSACTION_ID.fullmatch(str(named)):
        yield Mismatch("transactionId", "2 to 32 digits 0-9 and A-F (SGP.22 6.5.2.6)", repr(named))
    for part in parts_of(reply):
        for fault in codec.check_der(part.octets, part.type_name):
            if fault.default:
                # A default that is written out is DER to no one, and misleads no one either: it is observed.
                continue
            yield Mismatch(f"{part.name}, octet {fault.offset}", "canonical DER", fault.reason)


@check("server_signature")
def server_signature(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """serverSignature1, or smdpSignature2 including euiccSignature1, verifies over the bytes received.

    With the key of the certificate in the same answer (SGP.22 5.6.1, 5.6.3).
    """
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault
    from pytest_euicc.rsp.signatures import verify

    reply, peer = reply_of(outcome), context.part(EuiccPeer)
    first = reply.function == "initiateAuthentication"
    names = ("serverSigned1", "serverSignature1", "serverCertificate")
    if not first:
        names = ("smdpSigned2", "smdpSignature2", "smdpCertificate")
    signed = reply.octets_of(names[0]) + (b"" if first else peer.euicc_signature1)
    try:
        signature = tlv.parse(reply.octets_of(names[1])).value
        key = Certificate(reply.octets_of(names[2])).public_key
    except (tlv.TlvError, CertificateFault) as error:
        yield Mismatch(names[1], "a signature under a certificate", str(error))
        return
    if len(signature) != 64:
        yield Mismatch(names[1], "64 octets r and s (SGP.22 2.6.7.2)", f"{len(signature)} octets")
    elif not verify(key, signed, signature):
        yield Mismatch(names[1], f"a signature over {names[0]} as received", "it does not verify")


@check("server_chain")
def server_chain(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """CERT.DPauth or CERT.DPpb is currently valid, for its role, and under the CI of the session (SGP.22 4.5.2).

    CERT.DPpb contains the same SM-DP+ OID as CERT.DPauth.
    """
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
    from pytest_euicc.rsp.verification import verify_chain

    reply, peer = reply_of(outcome), context.part(EuiccPeer)
    first = reply.function == "initiateAuthentication"
    name, role = ("serverCertificate", Role.DP_AUTH) if first else ("smdpCertificate", Role.DP_PB)
    try:
        certificate = Certificate(reply.octets_of(name))
        now = datetime.datetime.now(datetime.UTC)
        ci = verify_chain([certificate], context.session.trust, role, at=now)
    except CertificateFault as fault:
        yield Mismatch(name, "a certificate under a CI (SGP.22 4.5.2)", str(fault))
        return
    verifiable = peer.ci_keys()
    if ci.subject_key_id not in verifiable:
        received = (ci.subject_key_id or b"").hex().upper()
        yield Mismatch(name, f"a certificate under one of {describe(verifiable)}", f"one under {received}")
    chosen = outcome.value.get("euiccCiPKIdToBeUsed")
    if first and chosen not in verifiable:
        yield Mismatch("euiccCiPKIdToBeUsed", f"one of {describe(verifiable)}", describe(chosen))
    if not first and certificate.oid != peer.smdp_oid():
        yield Mismatch(name, f"the SM-DP+ OID {peer.smdp_oid()} of CERT.DPauth", str(certificate.oid))


@check("session_echo")
def session_echo(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """What the server signs belongs to this session: transactionId, the eUICC's challenge, the server's own address.

    Addresses are compared without regard to case (SGP.22 3.1.2, RFC 4343).
    """
    reply, peer = reply_of(outcome), context.part(EuiccPeer)
    value = outcome.value
    expected: dict[str, Any] = {"transactionId": value.get("transactionId")}
    if reply.function == "initiateAuthentication":
        name = "serverSigned1"
        expected |= {"euiccChallenge": peer.euicc_challenge, "serverAddress": peer.access.address}
    else:
        name = "smdpSigned2"
        expected["transactionId"] = peer.transaction_id
        if value.get("transactionId") != peer.transaction_id:
            yield Mismatch("transactionId", describe(peer.transaction_id), describe(value.get("transactionId")))
    signed = value.get(name) or {}
    for field, wanted in expected.items():
        received = signed.get(field)
        same = received.lower() == wanted.lower() if field == "serverAddress" and received else received == wanted
        if not same:
            yield Mismatch(f"{name}.{field}", describe(wanted), describe(received))


@check("ordered_metadata")
def ordered_metadata(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """profileMetadata are those of the order as far as known: byte for byte, or as described (SGP.22 3.1.3)."""
    order, received = context.part(EuiccPeer).order, reply_of(outcome).octets_of("profileMetadata")
    if order is None:
        return
    if order.metadata is not None:
        if received != order.metadata:
            yield Mismatch("profileMetadata", order.metadata.hex().upper(), received.hex().upper())
        return
    value = codec.receive("StoreMetadataRequest", received).value
    if order.iccid is not None and value["iccid"] != order.iccid:
        yield Mismatch("profileMetadata.iccid", describe(order.iccid), describe(value["iccid"]))
    for problem in match(metadata.expected(order.described), value, asn1_shape("StoreMetadataRequest")).mismatches:
        yield Mismatch(f"profileMetadata.{problem.path}", problem.expected, problem.actual)


@check("one_time_key_offered")
def one_time_key_offered(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """bppEuiccOtpk is the eUICC's one-time key that the last package was bound to (SGP.22 5.6.3)."""
    peer = context.part(EuiccPeer)
    if peer.one_time_key is None:
        raise VectorMistake("no package was bound in this sequence")
    wanted, received = public_point(peer.one_time_key), (outcome.value.get("smdpSigned2") or {}).get("bppEuiccOtpk")
    if received != wanted:
        yield Mismatch("smdpSigned2.bppEuiccOtpk", describe(wanted), describe(received))
