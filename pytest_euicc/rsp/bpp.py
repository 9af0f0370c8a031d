"""Bound Profile Packages: building one as an SM-DP+ does, cutting it into segments as an LPA does (SGP.22 2.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bsp import (
    KEY_LENGTH,
    LARGEST_PLAIN,
    LARGEST_SEGMENT,
    MAC_LENGTH,
    STANDARD,
    Bsp,
    Protection,
    SessionKeys,
)

BPP, FIRST_87, SEQUENCE_88, SECOND_87, SEQUENCE_86 = 0xBF36, 0xA0, 0xA1, 0xA2, 0xA3
AES = 0x88
_LARGEST_METADATA = LARGEST_SEGMENT - 4 - MAC_LENGTH


@dataclass(frozen=True)
class Binding:
    """What ties a package to one eUICC and one session.

    Attributes:
        transaction_id: 1 to 16 octets.
        euicc_otpk: one-time public key of the eUICC, 65 octets.
        eid: 16 octets.
        one_time_key: of the SM-DP+, on the curve of the eUICC's.
        signing_key: of CERT.DPpb.
        host_id: of the control reference template, 5 to 16 octets.
    """

    transaction_id: bytes
    euicc_otpk: bytes
    eid: bytes
    one_time_key: ec.EllipticCurvePrivateKey
    signing_key: ec.EllipticCurvePrivateKey
    host_id: bytes

    def session_keys(self, protection: Protection = STANDARD) -> SessionKeys:
        """Keys of the BSP; raises ValueError if the eUICC's key is not on the curve."""
        secret = signatures.shared_secret(self.one_time_key, self.euicc_otpk)
        return protection.derive(secret, AES, KEY_LENGTH, self.host_id, self.eid)


def initialise_secure_channel(
    binding: Binding, *, operation: int = 1, key_type: int = AES, key_length: int = KEY_LENGTH
) -> bytes:
    """The signed InitialiseSecureChannelRequest, BF23 (SGP.22 5.5.1)."""
    template = tlv.encode(0x80, bytes([key_type])) + tlv.encode(0x81, bytes([key_length]))
    template += tlv.encode(0x84, binding.host_id)
    parts = (
        tlv.encode(0x82, bytes([operation]))
        + tlv.encode(0x80, binding.transaction_id)
        + tlv.encode(0xA6, template)
        + tlv.encode(0x5F49, signatures.public_point(binding.one_time_key))
    )
    signature = signatures.sign(binding.signing_key, parts + tlv.encode(0x5F49, binding.euicc_otpk))
    return tlv.encode(0xBF23, parts + tlv.encode(0x5F37, signature))


def configure_isdp(dp_oid: str | None = None) -> bytes:
    """A ConfigureISDPRequest, BF24 (SGP.22 5.5.2)."""
    return codec.encode("ConfigureISDPRequest", {"dpProprietaryData": {"dpOid": dp_oid}} if dp_oid else {})


def replace_session_keys(keys: SessionKeys) -> bytes:
    """A ReplaceSessionKeysRequest, BF26 (SGP.22 5.5.4)."""
    value = {"initialMacChainingValue": keys.chaining_value, "ppkEnc": keys.encryption, "ppkCmac": keys.mac}
    return codec.encode("ReplaceSessionKeysRequest", value)


def protect_profile(keys: SessionKeys, profile: bytes, *, portion: int = LARGEST_PLAIN) -> list[bytes]:
    """The 86 segments of a profile under random keys: a Protected Profile Package, made once for any eUICC."""
    return _protect(Bsp(keys), profile, portion)


def _protect(bsp: Bsp, profile: bytes, portion: int) -> list[bytes]:
    return [bsp.encrypt_and_mac(0x86, profile[at : at + portion]) for at in range(0, len(profile), portion)]


def build(
    binding: Binding,
    metadata: bytes,
    profile: bytes,
    *,
    configure: bytes | None = None,
    random_keys: SessionKeys | None = None,
    protected: list[bytes] | None = None,
    metadata_portion: int = _LARGEST_METADATA,
    profile_portion: int = LARGEST_PLAIN,
    protection: Protection = STANDARD,
) -> bytes:
    """A whole Bound Profile Package.

    Args:
        metadata: the StoreMetadataRequest, BF25.
        profile: the unprotected profile package; not used where ``protected`` is given.
        configure: the ConfigureISDPRequest; an empty one if None.
        random_keys: protect the profile with these and send them by ReplaceSessionKeys; session keys if None.
        protected: the 86 segments made with the random keys before.
        metadata_portion, profile_portion: octets of metadata in one 88, of the profile in one 86.
        protection: a deviation, for testers.
    """
    bsp = protection.bsp(binding.session_keys(protection))
    first = bsp.encrypt_and_mac(0x87, configure_isdp() if configure is None else configure)
    carried = [
        bsp.mac_only(0x88, metadata[at : at + metadata_portion]) for at in range(0, len(metadata), metadata_portion)
    ]
    parts = [tlv.encode(FIRST_87, first), tlv.encode(SEQUENCE_88, b"".join(carried))]
    if random_keys is not None:
        parts.append(tlv.encode(SECOND_87, bsp.encrypt_and_mac(0x87, replace_session_keys(random_keys))))
        bsp = bsp.successor(random_keys)
    elements = _protect(bsp, profile, profile_portion) if protected is None else protected
    parts.append(tlv.encode(SEQUENCE_86, b"".join(elements)))
    return assemble(initialise_secure_channel(binding), parts)


def assemble(secure_channel: bytes, sequences: Iterable[bytes]) -> bytes:
    """A package from its InitialiseSecureChannelRequest and the sequences A0, A1, (A2,) A3."""
    return tlv.encode(BPP, secure_channel + b"".join(sequences))


def segments(package: bytes) -> list[bytes]:
    """The segments an LPA sends, each in one chain of STORE DATA (SGP.22 2.5.5).

    Tags and lengths are those received. Works for packages a tester broke, as long as they are TLV.

    Raises:
        TlvError: not a TLV structure.
    """
    outer = tlv.parse(package)
    cut: list[bytes] = []
    pending = outer.header
    for part in outer.children():
        if part.tag in (SEQUENCE_88, SEQUENCE_86):
            cut.append(pending + part.header)
            cut.extend(child.octets for child in part.children())
        elif part.tag in (FIRST_87, SECOND_87):
            children = part.children()
            cut.append(pending + part.header + (children[0].octets if children else b""))
            cut.extend(child.octets for child in children[1:])
        else:
            cut.append(pending + part.octets)
        pending = b""
    return cut
