"""Permitted variants of mutual authentication and of preparing a download (SGP.22 5.7.5, 5.7.13, 5.7.14)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.simulator.variant import Variant

Varies = Callable[[str], bool]

VARIANTS = (
    Variant("challenge-outlives-a-refusal", "A refused AuthenticateServer leaves the challenge in force",
            "left open by 5.7.13"),
    Variant("challenge-can-be-used-again", "A challenge stays in force after AuthenticateServer used it",
            "left open by 5.7.13"),
    Variant("certificate-before-ci", "AuthenticateServer checks the certificate before euiccCiPKIdToBeUsed",
            "left open by 5.7.13"),
    Variant("signature-before-revocation", "AuthenticateServer checks the signature before revocation lists",
            "left open by 5.7.13"),
    Variant("challenge-before-signature", "AuthenticateServer compares the challenge before it checks the signature",
            "left open by 5.7.13"),
    Variant("challenge-before-certificate", "AuthenticateServer compares the challenge before it checks certificates",
            "left open by 5.7.13", frozenset({"challenge-before-signature"})),
    Variant("a-ca-may-be-the-server", "A CERT.DPauth whose basicConstraints say that it is a CA is accepted",
            "RFC 5280 6.1, left open by 5.7.13"),
    Variant("transaction-before-certificate", "PrepareDownload compares transactionId before it checks certificates",
            "left open by 5.7.5"),
    Variant("transaction-before-signature", "PrepareDownload compares transactionId before it checks the signature",
            "left open by 5.7.5", frozenset({"transaction-before-certificate"})),
    Variant("preparation-can-be-repeated", "A refused PrepareDownload leaves the session of before",
            "left open by 5.7.5"),
)  # fmt: skip


def order_of_authentication(checks: list[str], varies: Varies) -> list[str]:
    """The checks of AuthenticateServer in the order in which they are made."""
    if varies("certificate-before-ci"):
        checks = _moved(checks, "ci", "revocation")
    if varies("signature-before-revocation"):
        checks = _moved(checks, "signature", "revocation")
    if varies("challenge-before-signature"):
        checks = _moved(checks, "challenge", "signature")
    if varies("challenge-before-certificate"):
        checks = _moved(checks, "challenge", checks[0])
    return checks


def order_of_preparation(checks: list[str], varies: Varies) -> list[str]:
    """The checks of PrepareDownload in the order in which they are made."""
    if varies("transaction-before-certificate"):
        checks = _moved(checks, "transaction", "chain")
    if varies("transaction-before-signature"):
        checks = _moved(checks, "transaction", "signature")
    return checks


def _moved(checks: list[str], name: str, before: str) -> list[str]:
    left = [check for check in checks if check != name]
    at = left.index(before)
    return [*left[:at], name, *left[at:]]
