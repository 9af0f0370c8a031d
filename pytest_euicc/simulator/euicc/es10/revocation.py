"""Certificate revocation lists on the eUICC: loading them, and what they revoke (SGP.22 4.6, 5.7.12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.crl import Crl, CrlFault, read_crl
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.state import RevocationList

_NO_LIST = -1
_MOST_PARTS = 1000


class _Refused(Exception):
    """The list is not loaded; ``code`` is the name of the LoadCRLResponseError."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def load_crl(core: EuiccCore, request: bytes) -> bytes:
    """Load a certificate revocation list (SGP.22 5.7.12)."""
    octets = codec.decode("LoadCRLRequest", request)["crl"]
    try:
        missing = _load(core, octets)
    except _Refused as refused:
        return codec.encode("LoadCRLResponse", ("loadCRLResponseError", refused.code))
    if core.defective("never-misses-crl-parts"):
        missing = []
    ok: dict[str, Any] = {"missingParts": missing} if missing else {}
    return codec.encode("LoadCRLResponse", ("loadCRLResponseOk", ok))


def is_revoked(core: EuiccCore, certificate: Certificate) -> bool:
    """Whether a list of the certificate's issuer names it."""
    issuer = certificate.authority_key_id
    serial = certificate.x509.serial_number
    return any(entry.issuer == issuer and serial in entry.serials for entry in core.state.revocation)


def _load(core: EuiccCore, octets: bytes) -> list[int]:
    """Check the list and keep it; returns the numbers of the partial lists that have not come yet."""
    crl = _read(core, octets)
    loaded = [entry for entry in core.state.revocation if entry.issuer == crl.issuer_key_id]
    whole = next((entry for entry in loaded if not entry.missing), None)
    collecting = next((entry for entry in loaded if entry.missing), None)
    newest = max((entry.number for entry in loaded), default=_NO_LIST)
    if crl.number < newest and not core.defective("takes-older-crl"):
        raise _Refused("fresherCrlAlreadyLoaded")
    if core.defective("crl-loaded-once") and whole is not None and crl.number > whole.number:
        raise _Refused("fresherCrlAlreadyLoaded")
    if crl.base is not None and crl.parts > 1:
        raise _Refused("invalidCRLFormat")
    if crl.base is not None:
        made = [_delta(crl, whole, core.defective)]
    elif crl.parts > 1:
        made = _part(crl, whole, collecting, core.defective)
    else:
        made = [RevocationList(crl.issuer_key_id, crl.number, 1, frozenset({1}), crl.revoked)]
        if whole is not None and core.defective("keeps-old-crl-entries"):
            made[0] = replace(made[0], serials=made[0].serials | whole.serials)
    others = tuple(entry for entry in core.state.revocation if entry.issuer != crl.issuer_key_id)
    core.state = replace(core.state, revocation=(*others, *made))
    return next((entry.missing for entry in made if entry.number == crl.number), [])


def _read(core: EuiccCore, octets: bytes) -> Crl:
    try:
        crl = read_crl(octets)
    except CrlFault:
        raise _Refused(
            "undefinedError" if core.defective("malformed-crl-is-undefined") else "invalidCRLFormat"
        ) from None
    if crl.unknown and not core.defective("ignores-critical-crl-extension"):
        raise _Refused("invalidCRLFormat")
    ci = core.credentials.trust.get(crl.issuer_key_id)
    if ci is None or (core.defective("crl-on-first-curve-only") and ci != next(iter(core.credentials.trust.values()))):
        unknown = "invalidSignature" if core.defective("crl-of-unknown-ci-is-signature") else "verificationKeyNotFound"
        raise _Refused(unknown)
    if not crl.is_signed_by(ci.public_key) and not core.defective("ignores-crl-signature"):
        raise _Refused("invalidSignature")
    if len(octets) > core.free_memory or crl.parts > _MOST_PARTS:
        raise _Refused("notEnoughMemorySpace")
    return crl


def _delta(crl: Crl, whole: RevocationList | None, defective: Callable[[str], bool]) -> RevocationList:
    """What a delta CRL makes of the list it builds on (RFC 5280 5.2.4)."""
    assert crl.base is not None  # noqa: S101
    if whole is None or whole.number < crl.base:
        if not defective("takes-delta-without-base"):
            raise _Refused("baseCrlMissing")
        whole = RevocationList(crl.issuer_key_id, crl.base, 1, frozenset({1}), frozenset())
    kept = frozenset() if defective("delta-replaces-base") else whole.serials
    return replace(whole, number=crl.number, serials=(kept | crl.revoked) - crl.lifted)


def _part(
    crl: Crl, whole: RevocationList | None, collecting: RevocationList | None, defective: Callable[[str], bool]
) -> list[RevocationList]:
    """The lists there are once a partial CRL has come: the one before stays in force until all parts are there."""
    known = next((entry for entry in (collecting, whole) if entry is not None and entry.number == crl.number), None)
    if known is None:
        known = RevocationList(crl.issuer_key_id, crl.number, crl.parts, frozenset(), frozenset())
    if known.parts != crl.parts:
        raise _Refused("invalidCRLFormat")
    before = frozenset() if defective("last-crl-part-only") else known.serials
    known = replace(known, received=known.received | {crl.part}, serials=before | crl.revoked)
    if whole is None or not known.missing:
        return [known]
    return [whole, known]
