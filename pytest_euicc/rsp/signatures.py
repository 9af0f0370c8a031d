"""Signatures and key agreement of RSP: ECDSA with SHA-256 in plain format, ECKA, hashed confirmation codes.

A signature in an RSP object is the plain format of BSI TR-03111 5.2.1, r and s of 32 octets each, under tag 5F37.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pytest_euicc.masking import note

COORDINATE = 32
"""Octets of a coordinate on P-256 and brainpoolP256r1."""

CURVES: dict[str, ec.EllipticCurve] = {"nist": ec.SECP256R1(), "brainpool": ec.BrainpoolP256R1()}
"""The curves of SGP.22 2.6.7.1 by the names used here."""

# RFC 6979 makes the same signature for the same data, so that a recorded run can be replayed.
_ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFY = ec.ECDSA(hashes.SHA256())


def sign(private_key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """The signature over data, 64 octets r and s."""
    r, s = decode_dss_signature(private_key.sign(data, _ECDSA))
    # 32 octets on the curves of RSP; a tester may sign with a key on another one.
    size = (private_key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify(public_key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """True if the 64 octets are a signature over data; any other length is none."""
    if len(signature) != 2 * COORDINATE:
        return False
    r, s = int.from_bytes(signature[:COORDINATE], "big"), int.from_bytes(signature[COORDINATE:], "big")
    try:
        public_key.verify(encode_dss_signature(r, s), data, _VERIFY)
    except InvalidSignature:
        return False
    return True


def hash_cc(confirmation_code: str, transaction_id: bytes) -> bytes:
    """hashCc: SHA-256 over the hashed confirmation code and the transaction (SGP.22 3.1.3), 32 octets."""
    hashed = hashlib.sha256(confirmation_code.encode()).digest()
    found = hashlib.sha256(hashed + transaction_id).digest()
    # A code of few digits is found from it by trying.
    note(hashed, found)
    return found


def private_key_from(seed: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    """The private key that a seed stands for: the same seed gives the same key. For test keys only."""
    number = int.from_bytes(hashlib.shake_256(b"pytest-euicc test key" + seed).digest(48), "big")
    # One bit less than the order of the curve has; the octets suffice up to P-384.
    return ec.derive_private_key(number % (1 << (curve.key_size - 1)) + 1, curve)


def public_point(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> bytes:
    """The uncompressed point, 65 octets for the curves used here (BSI TR-03111 3.2.1)."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def shared_secret(private_key: ec.EllipticCurvePrivateKey, point: bytes) -> bytes:
    """The ECKA secret with another side's one-time key, 32 octets (BSI TR-03111 4.3).

    Raises:
        ValueError: the octets are not an uncompressed point of the private key's curve.
    """
    if len(point) != 2 * COORDINATE + 1 or point[0] != 0x04:
        raise ValueError(f"{len(point)} octets are not an uncompressed point")
    other = ec.EllipticCurvePublicKey.from_encoded_point(private_key.curve, point)
    return private_key.exchange(ec.ECDH(), other)
