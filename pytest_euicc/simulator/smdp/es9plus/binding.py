"""Bound Profile Packages of a server: made for a one-time key of an eUICC, used again on retry (SGP.22 2.5.4)."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import KEY_LENGTH, STANDARD, SessionKeys
from pytest_euicc.simulator.smdp.es9plus import misbinding
from pytest_euicc.simulator.smdp.http.status import field_invalid
from pytest_euicc.simulator.smdp.orders.orders import Bound

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.orders.orders import Profile

HOST_ID = bytes.fromhex("7079746573742D65756963632D646470")
"""Of the control reference template: any 5 to 16 octets of the server's own choice."""

_KEY_SEED = 32
_SHORT_HOST_ID = 5
_SMALL_METADATA = 100
_SMALL_PROFILE = {"small-profile-segments": 500, "tiny-profile-segments": 97}
Random = Callable[[int], bytes]


@dataclass(frozen=True)
class Recipient:
    """The eUICC and the session a package is for, with the key of CERT.DPpb that signs it and the server's OID."""

    transaction_id: bytes
    eid: bytes
    euicc_otpk: bytes
    curve: str
    signing_key: ec.EllipticCurvePrivateKey
    oid: str


def bind(
    profile: Profile,
    recipient: Recipient,
    random: Random,
    before: Bound | None = None,
    defects: frozenset[str] = frozenset(),
    variants: Container[str] = frozenset(),
) -> tuple[bytes, Bound]:
    """Make the package for an eUICC and a session.

    Args:
        before: the last binding; where it is for the same one-time key, its protected parts are used again, otherwise
            its random keys are.
        defects: names of deviations.
        variants: names of permitted variants.

    Raises:
        Refusal: the eUICC's one-time key is no point of the curve.
    """
    same = before is not None and (before.eid, before.euicc_otpk) == (recipient.eid, recipient.euicc_otpk)
    if before is not None and not same and "keeps-first-binding" in defects:
        same, recipient = True, replace(recipient, euicc_otpk=before.euicc_otpk)
    if same and "binds-anew-for-same-key" in variants:
        same = False
    key = _one_time_key(recipient, random, before, same=same, defects=defects)
    host_id = HOST_ID[:_SHORT_HOST_ID] if "short-host-id" in variants else HOST_ID
    binding = bpp.Binding(
        recipient.transaction_id, recipient.euicc_otpk, recipient.eid, key, recipient.signing_key, host_id
    )
    secure_channel = misbinding.secure_channel(binding, defects)
    if before is not None and same and not misbinding.sends_other_random_keys(before.random_keys, defects):
        if "keeps-secure-channel" in defects:
            secure_channel = before.secure_channel
        return misbinding.package(secure_channel, [before.parts], defects), replace(
            before, secure_channel=secure_channel
        )
    try:
        keys = _random_keys(profile, random, before, binding, defects)
        parts = _parts(profile, recipient, binding, keys, before, random, defects, variants)
    except ValueError as error:
        raise field_invalid("prepareDownloadResponse", f"euiccOtpk: {error}") from None
    bound = Bound(recipient.eid, recipient.curve, recipient.euicc_otpk, key, secure_channel, b"".join(parts), keys)
    return misbinding.package(secure_channel, parts, defects), bound


def _one_time_key(
    recipient: Recipient, random: Random, before: Bound | None, *, same: bool, defects: frozenset[str]
) -> ec.EllipticCurvePrivateKey:
    if before is not None and (same or "reuses-one-time-key" in defects):
        return before.one_time_key
    curve = recipient.signing_key.curve
    if recipient.curve == "brainpool" and "one-time-key-on-p256" in defects:
        curve = signatures.CURVES["nist"]
    seed = bytes(_KEY_SEED) if "one-time-key-for-all" in defects else random(_KEY_SEED)
    return signatures.private_key_from(seed, curve)


def _parts(
    profile: Profile,
    recipient: Recipient,
    binding: bpp.Binding,
    keys: SessionKeys | None,
    before: Bound | None,
    random: Random,
    defects: frozenset[str],
    variants: Container[str],
) -> list[bytes]:
    """The sequences A0 to A3."""
    shape = misbinding.shape(profile.metadata, profile.metadata_portion, defects)
    if "small-metadata-segments" in variants:
        shape = replace(shape, metadata_portion=min(shape.metadata_portion, _SMALL_METADATA))
    for name, portion in _SMALL_PROFILE.items():
        if name in variants:
            shape = replace(shape, profile_portion=min(shape.profile_portion, portion))
    protected = None
    if keys is not None and shape.protection is STANDARD and shape.profile_portion == misbinding.FULL:
        protected = list(_protected(keys, profile.package))
    if before is not None and misbinding.sends_other_random_keys(before.random_keys, defects):
        keys = _new_keys(random)
    package = bpp.build(
        binding,
        shape.metadata,
        profile.package,
        configure=bpp.configure_isdp(misbinding.dp_oid(recipient.oid, defects)),
        random_keys=keys,
        protected=protected,
        metadata_portion=shape.metadata_portion,
        profile_portion=shape.profile_portion,
        protection=shape.protection,
    )
    return misbinding.arranged(tlv.parse(package).children()[1:], defects)


def _random_keys(
    profile: Profile, random: Random, before: Bound | None, binding: bpp.Binding, defects: frozenset[str]
) -> SessionKeys | None:
    if not profile.random_keys:
        return None
    if "session-keys-as-random" in defects:
        return binding.session_keys()
    if before is not None and before.random_keys is not None:
        return before.random_keys
    if "random-keys-for-all" in defects:
        return SessionKeys(*(bytes([number]) * KEY_LENGTH for number in range(3)))
    return _new_keys(random)


def _new_keys(random: Random) -> SessionKeys:
    return SessionKeys(random(KEY_LENGTH), random(KEY_LENGTH), random(KEY_LENGTH))


@lru_cache(maxsize=64)
def _protected(keys: SessionKeys, package: bytes) -> tuple[bytes, ...]:
    """The Protected Profile Package; it depends on no eUICC, so that it is made once."""
    return tuple(bpp.protect_profile(keys, package))
