"""Opening a Bound Profile Package with the eUICC's one-time key, as a tester of an SM-DP+ does (SGP.22 2.5.4, 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bpp import AES, BPP, FIRST_87, SECOND_87, SEQUENCE_86, SEQUENCE_88
from pytest_euicc.rsp.bsp import KEY_LENGTH, STANDARD, Bsp, BspFault, Protection, SessionKeys
from pytest_euicc.rsp.bsp_deviations import DEVIATIONS, Deviation
from pytest_euicc.rsp.package_secrets import note_secrets

_SECURE_CHANNEL = 0xBF23
_INSTALL = 1
_SIGNED = (0x82, 0x80, 0xA6, 0x5F49)
FUNCTIONS = {
    FIRST_87: "ConfigureISDP",
    SEQUENCE_88: "StoreMetadata",
    SECOND_87: "ReplaceSessionKeys",
    SEQUENCE_86: "LoadProfileElements",
}
"""Functions of ES8+ by the sequence of a package that carries them."""
_PARTS_WITHOUT_KEYS = [_SECURE_CHANNEL, FIRST_87, SEQUENCE_88, SEQUENCE_86]
_PARTS_WITH_KEYS = [_SECURE_CHANNEL, FIRST_87, SEQUENCE_88, SECOND_87, SEQUENCE_86]


class BppFaultKind(Enum):
    """What is wrong with a Bound Profile Package."""

    STRUCTURE = "structure"
    SIGNATURE = "signature"
    TRANSACTION = "transaction"
    OPERATION = "operation"
    CONTROL_REFERENCE = "control-reference"
    ONE_TIME_KEY = "one-time-key"
    PROTECTION = "protection"
    CONTENT = "content"


_PROTECTED = (BppFaultKind.PROTECTION, BppFaultKind.CONTENT)


class BppFault(PytestEuiccError, ValueError):
    """A package that does not hold; the message names the part, what is wrong and the clause."""

    def __init__(self, kind: BppFaultKind, message: str, clause: str) -> None:
        super().__init__(f"{message} (SGP.22 {clause})")
        self.kind = kind
        self.reason = message
        self.clause = clause


@dataclass(frozen=True)
class Recipient:
    """The eUICC a package is for, and the session it belongs to.

    Attributes:
        one_time_key: otSK.EUICC.ECKA.
        eid: 16 octets.
        transaction_id: of the session.
        signer: public key of CERT.DPpb.
    """

    one_time_key: ec.EllipticCurvePrivateKey
    eid: bytes
    transaction_id: bytes
    signer: ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class OpenedPackage:
    """What a package carries.

    Attributes:
        configure: the ConfigureISDPRequest, BF24.
        metadata: the StoreMetadataRequest, BF25.
        random_keys: those of ReplaceSessionKeys; None where the profile is under the session keys.
        profile: the unprotected profile package.
        smdp_otpk: one-time public key of the SM-DP+, 65 octets.
        host_id: of the control reference template.
        session_keys: those of the key agreement.
        metadata_segments: how many 88s carry the metadata.
    """

    configure: bytes
    metadata: bytes
    random_keys: SessionKeys | None
    profile: bytes
    smdp_otpk: bytes
    host_id: bytes
    session_keys: SessionKeys
    metadata_segments: int


def open_package(package: bytes, recipient: Recipient) -> OpenedPackage:
    """Verify and decrypt a whole package, as strictly as an eUICC may; the sizes of segments are not checked.

    Raises:
        BppFault: the first thing that is wrong, in the order of the segments; where a known deviation of the protection
            opens the package all the same, the message says which.
    """
    try:
        return _open(package, recipient, STANDARD)
    except tlv.TlvError as error:
        raise BppFault(BppFaultKind.STRUCTURE, f"no TLV structure: {error}", "2.5.3") from None
    except BppFault as fault:
        found = explain(package, recipient) if fault.kind in _PROTECTED else None
        if found is None:
            raise
        raise BppFault(fault.kind, f"{fault.reason}; it opens where {found.sentence}", found.clause) from None


def explain(
    package: bytes, recipient: Recipient, right: Callable[[OpenedPackage], bool] = lambda _: True
) -> Deviation | None:
    """The deviation by which a package opens that does not open as it should, or opens to the wrong thing.

    Args:
        right: whether what comes out is what it should be.
    """
    for deviation in DEVIATIONS.values():
        try:
            if right(_open(package, recipient, deviation.protection)):
                return deviation
        except (BppFault, tlv.TlvError):
            continue
    return None


def _open(package: bytes, recipient: Recipient, protection: Protection) -> OpenedPackage:
    outer = tlv.parse(package)
    parts = outer.children() if outer.tag == BPP else []
    tags = [part.tag for part in parts]
    if tags not in (_PARTS_WITHOUT_KEYS, _PARTS_WITH_KEYS):
        found = ", ".join(f"{tag:X}" for tag in tags) or "nothing"
        raise BppFault(
            BppFaultKind.STRUCTURE, f"{outer.tag:X} contains {found}; expected BF36 of BF23, A0, A1, (A2,) A3", "2.5.3"
        )
    keys, otpk, host_id = _initialise(parts[0], recipient, protection)
    bsp = protection.bsp(keys)
    configure = _sequence(bsp, parts[1], 0x87)
    _decoded("ConfigureISDPRequest", configure, "5.5.2")
    metadata = _sequence(bsp, parts[2], 0x88)
    _decoded("StoreMetadataRequest", metadata, "5.5.3")
    random_keys = None
    if len(parts) == len(_PARTS_WITH_KEYS):
        random_keys = _random_keys(_sequence(bsp, parts[3], 0x87))
        bsp = bsp.successor(random_keys)
    profile = _sequence(bsp, parts[-1], 0x86)
    note_secrets(profile)
    carried = len(parts[2].children())
    return OpenedPackage(configure, metadata, random_keys, profile, otpk, host_id, keys, carried)


def _initialise(part: tlv.Tlv, recipient: Recipient, protection: Protection) -> tuple[SessionKeys, bytes, bytes]:
    request = _decoded("InitialiseSecureChannelRequest", part.octets, "5.5.1")
    pieces = {piece.tag: piece.octets for piece in part.children()}
    own = tlv.encode(0x5F49, signatures.public_point(recipient.one_time_key))
    signed = b"".join(pieces[tag] for tag in _SIGNED) + own
    if not signatures.verify(recipient.signer, signed, request["smdpSign"]):
        raise BppFault(BppFaultKind.SIGNATURE, "InitialiseSecureChannel: smdpSign does not verify", "5.5.1")
    if request["transactionId"] != recipient.transaction_id:
        sent, wanted = request["transactionId"].hex(), recipient.transaction_id.hex()
        raise BppFault(
            BppFaultKind.TRANSACTION, f"InitialiseSecureChannel: transactionId {sent}, session {wanted}", "5.5.1"
        )
    if int(request["remoteOpId"]) != _INSTALL:
        operation = int(request["remoteOpId"])
        raise BppFault(BppFaultKind.OPERATION, f"InitialiseSecureChannel: remoteOpId {operation}, expected 1", "5.5.1")
    template = request["controlRefTemplate"]
    if (template["keyType"], template["keyLen"]) != (bytes([AES]), bytes([KEY_LENGTH])):
        kind, length = template["keyType"].hex(), template["keyLen"].hex()
        raise BppFault(
            BppFaultKind.CONTROL_REFERENCE,
            f"controlRefTemplate: key type {kind}, length {length}, expected 88, 10",
            "5.5.1",
        )
    try:
        secret = signatures.shared_secret(recipient.one_time_key, request["smdpOtpk"])
    except ValueError as error:
        raise BppFault(BppFaultKind.ONE_TIME_KEY, f"smdpOtpk: {error}", "2.6.7.3") from None
    host_id: bytes = template["hostId"]
    return protection.derive(secret, AES, KEY_LENGTH, host_id, recipient.eid), request["smdpOtpk"], host_id


def _sequence(bsp: Bsp, part: tlv.Tlv, tag: int) -> bytes:
    segments, name = part.children(), FUNCTIONS[part.tag]
    if not segments or any(segment.tag != tag for segment in segments):
        found = ", ".join(sorted({f"{segment.tag:X}" for segment in segments})) or "nothing"
        raise BppFault(BppFaultKind.STRUCTURE, f"{name}: {part.tag:X} contains {found}, expected {tag:X}", "2.5.3")
    plain = []
    for index, segment in enumerate(segments):
        try:
            plain.append(bsp.open(segment.octets))
        except BspFault as fault:
            raise BppFault(BppFaultKind.PROTECTION, f"{name}: segment {index}: {fault}", "2.6.4") from None
    return b"".join(plain)


def _random_keys(request: bytes) -> SessionKeys:
    value = _decoded("ReplaceSessionKeysRequest", request, "5.5.4")
    keys = SessionKeys(value["ppkEnc"], value["ppkCmac"], value["initialMacChainingValue"])
    if {len(keys.encryption), len(keys.mac), len(keys.chaining_value)} != {KEY_LENGTH}:
        raise BppFault(BppFaultKind.CONTENT, "ReplaceSessionKeys: keys that are not of 16 octets", "5.5.4")
    return keys


def _decoded(type_name: str, octets: bytes, clause: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = codec.decode(type_name, octets)
    except codec.Asn1Error as error:
        raise BppFault(BppFaultKind.CONTENT, f"{type_name}: {error}", clause) from None
    return value
