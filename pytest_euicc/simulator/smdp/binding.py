"""Bound Profile Packages of a server: made for a one-time key of an eUICC, used again on retry (SGP.22 2.5.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import KEY_LENGTH, SessionKeys
from pytest_euicc.simulator.smdp.status import field_invalid

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.orders import Profile

LARGEST_METADATA = 1008
"""Octets of metadata that fit into one 88 segment (SGP.22 2.5.3)."""

HOST_ID = bytes.fromhex("7079746573742D65756963632D646470")
"""Of the control reference template: any 5 to 16 octets of the server's own choice."""

_KEY_SEED = 32


@dataclass(frozen=True)
class Bound:
    """A package bound to an eUICC.

    Attributes:
        eid: 16 octets.
        curve: name of the curve that its keys are on.
        euicc_otpk: the eUICC's one-time public key, 65 octets.
        one_time_key: the server's.
        parts: the sequences A0 to A3 as octets. They do not depend on the session: on a retry with the same key only
            InitialiseSecureChannel is made anew (SGP.22 5.6.2).
        random_keys: those that protect the profile, if any.
    """

    eid: bytes
    curve: str
    euicc_otpk: bytes
    one_time_key: ec.EllipticCurvePrivateKey
    parts: bytes
    random_keys: SessionKeys | None


@dataclass(frozen=True)
class Recipient:
    """The eUICC and the session a package is for, with the key of CERT.DPpb that signs it."""

    transaction_id: bytes
    eid: bytes
    euicc_otpk: bytes
    curve: str
    signing_key: ec.EllipticCurvePrivateKey


def bind(
    profile: Profile,
    recipient: Recipient,
    random: Callable[[int], bytes],
    before: Bound | None = None,
    *,
    metadata: bytes | None = None,
    metadata_portion: int = LARGEST_METADATA,
) -> tuple[bytes, Bound]:
    """Make the package for an eUICC and a session.

    Args:
        before: the last binding; where it is for the same one-time key, its protected parts are used again, otherwise
            its random keys are.
        metadata: in place of the profile's.

    Raises:
        Refusal: the eUICC's one-time key is no point of the curve.
    """
    same = before is not None and (before.eid, before.euicc_otpk) == (recipient.eid, recipient.euicc_otpk)
    key = (
        before.one_time_key
        if before is not None and same
        else signatures.private_key_from(random(_KEY_SEED), _curve(recipient))
    )
    binding = bpp.Binding(
        recipient.transaction_id, recipient.euicc_otpk, recipient.eid, key, recipient.signing_key, HOST_ID
    )
    if before is not None and same:
        return bpp.assemble(bpp.initialise_secure_channel(binding), [before.parts]), before
    keys = _random_keys(profile, random, before)
    try:
        package = bpp.build(
            binding,
            profile.metadata if metadata is None else metadata,
            profile.package,
            random_keys=keys,
            protected=list(_protected(keys, profile.package)) if keys is not None else None,
            metadata_portion=metadata_portion,
        )
    except ValueError as error:
        raise field_invalid("prepareDownloadResponse", f"euiccOtpk: {error}") from None
    parts = b"".join(part.octets for part in tlv.parse(package).children()[1:])
    return package, Bound(recipient.eid, recipient.curve, recipient.euicc_otpk, key, parts, keys)


def _curve(recipient: Recipient) -> ec.EllipticCurve:
    return recipient.signing_key.curve


def _random_keys(profile: Profile, random: Callable[[int], bytes], before: Bound | None) -> SessionKeys | None:
    if not profile.random_keys:
        return None
    if before is not None and before.random_keys is not None:
        return before.random_keys
    return SessionKeys(random(KEY_LENGTH), random(KEY_LENGTH), random(KEY_LENGTH))


@lru_cache(maxsize=64)
def _protected(keys: SessionKeys, package: bytes) -> tuple[bytes, ...]:
    """The Protected Profile Package; it depends on no eUICC, so that it is made once."""
    return tuple(bpp.protect_profile(keys, package))
