"""Signatures over eUICC Packages and their results, with the association token (SGP.32 2.11.1.1, 2.11.2.1)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.pki import Identity
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.iot.state import Eim


def integer(value: int) -> bytes:
    """The content octets of an INTEGER."""
    return value.to_bytes(
        (value.bit_length() if value >= 0 else (-value - 1).bit_length()) // 8 + 1, "big", signed=True
    )


def token_octets(core: EuiccCore, eim: Eim) -> bytes:
    """What is signed behind the data: 84 with the token, 84 01 00 where none is configured."""
    value = integer(eim.token or 0)
    if core.defective("iot-token-without-leading-zero"):
        value = value.lstrip(b"\x00") or b"\x00"
    return tlv.encode(0x84, value)


def verified(core: EuiccCore, eim: Eim, signed: bytes, signature: bytes) -> bool:
    """Whether the signature is the eIM's over the signed part as received and the token."""
    if core.defective("iot-ignores-signature"):
        return True
    covered = [signed + token_octets(core, eim)]
    if core.defective("iot-signature-need-not-cover-token"):
        covered.append(signed)
    if core.defective("iot-signature-covers-no-token"):
        covered = [signed]
    if core.defective("iot-ignores-token"):
        covered.append(signed + b"\x84\x01\x00")
    if core.defective("iot-takes-der-signatures") and signature[:1] == b"\x30":
        return True
    candidates = core.state.iot.eims if core.defective("iot-takes-key-of-any-eim") else (eim,)
    keys = [load_der_public_key(entry.key) for entry in candidates]
    return any(
        isinstance(key, ec.EllipticCurvePublicKey) and signatures.verify(key, octets, signature)
        for key in keys
        for octets in covered
    )


def identity(core: EuiccCore, eim: Eim) -> Identity:
    """The eUICC's key pair under the CI that the eIM chose, or the first one."""
    chosen = eim.shown.get("euiccCiPKId")
    if (
        isinstance(chosen, bytes)
        and chosen in core.credentials.identities
        and not core.defective("iot-signs-under-first-ci")
    ):
        return core.credentials.identities[chosen]
    return core.identity()


def package_result(core: EuiccCore, eim: Eim, data: bytes, outcome: int) -> bytes:
    """BF51 with signed data, under A0 for a result and A1 for an error."""
    covered = data + token_octets(core, eim)
    if core.defective("iot-result-signature-without-token") or (
        outcome == 0xA1 and core.defective("iot-error-signature-without-token")
    ):
        covered = data
    if core.defective("iot-result-signature-with-token-zero"):
        covered = data + b"\x84\x01\x00"
    if core.defective("iot-result-signature-wrong"):
        covered = data[:-1]
    signature = signatures.sign(identity(core, eim).private_key, covered)
    octets = data + tlv.encode(0x5F37, signature)
    if core.defective("iot-result-without-choice"):
        return tlv.encode(0xBF51, octets)
    return tlv.encode(0xBF51, tlv.encode(outcome, octets))
