"""What is said of the SM-DP+ of somebody else: its host, options, operator, and the profiles that it is to hold."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pytest_euicc import resources
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.iut.smdp.needs import needs
from pytest_euicc.iut.smdp.provisioning import plan
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki

HOST = "testsmdpplus1.example.com"
CODE = "86753094"
"""The confirmation code of the profiles that the other server holds."""
OPTIONS = ["O_P_NIST", "O_P_BRP", "O_P_TLS13", "O_P_SDS", "O_P_RETRY", "O_P_REUSE_OTPK", "O_P_CC", "O_P_ES2"]
CASES = loader.load([resources.vectors()])


def planned(*texts: str, **declared: Any) -> Any:
    declaration = Declaration.model_validate({"iut": "smdp", "version": "2.6.0", "options": OPTIONS} | declared)
    return plan(needs(loader.chosen(CASES, "smdp", texts), declaration, default_pki(), HOST), declaration)


def pem(number: int = 2) -> bytes:
    identity = default_pki().server(Role.DP_TLS, number=number)
    key = identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return identity.certificate.x509.public_bytes(Encoding.PEM) + key
