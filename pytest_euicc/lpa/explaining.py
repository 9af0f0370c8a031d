"""What each side reported about itself, for messages of errors in which the other side refused it."""

from __future__ import annotations

from typing import Any

from pytest_euicc.lpa.outcomes import Session
from pytest_euicc.rsp.certificates import Certificate, CertificateFault


def info1_text(info1: dict[str, Any]) -> str:
    """What the eUICC reported about itself, for a server that has no certificate or version for it."""
    lists = ("euiccCiPKIdListForVerification", "euiccCiPKIdListForSigning")
    verifies, signs = (", ".join(key.hex().upper() for key in info1[name]) for name in lists)
    svn = ".".join(map(str, info1["svn"]))
    return f"the eUICC of svn {svn} verifies under the CI keys {verifies} and signs under {signs}"


def certificate_text(name: str, certificate: Certificate) -> str:
    """What a certificate says that an eUICC may not like."""
    try:
        return _shown(name, certificate)
    except (ValueError, CertificateFault) as fault:
        return f"it was shown a {name} that cannot be read: {fault}"


def _shown(name: str, certificate: Certificate) -> str:
    begin, end = certificate.x509.not_valid_before_utc, certificate.x509.not_valid_after_utc
    issuer = (certificate.authority_key_id or b"").hex().upper() or "nobody"
    validity = f"valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"
    return f"it was shown {name} of SM-DP+ {certificate.oid or 'without OID'}, {validity}, under the CI key {issuer}"


def key_text(session: Session) -> str:
    """What the eUICC did about the one-time key that was offered; nothing where none was."""
    if session.offered_otpk is None:
        return ""
    if session.key_reused:
        return "the eUICC used the one-time key again that was offered"
    return "the eUICC made a new one-time key in place of the one that was offered"
