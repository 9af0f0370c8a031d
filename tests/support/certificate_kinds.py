"""The test PKI, and which fault each kind of invalid certificate is refused for."""

from datetime import UTC, datetime

from pytest_euicc.rsp.certificates import FaultKind
from pytest_euicc.rsp.pki import default_pki

EID = bytes.fromhex("89049032123451234512345678901235")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PKI = default_pki()
CURVES = PKI.curves

FAULT_OF_SERVER_KIND = {
    "bad-signature": FaultKind.SIGNATURE,
    "expired": FaultKind.EXPIRED,
    "not-yet-valid": FaultKind.NOT_YET_VALID,
    "no-policy": FaultKind.POLICY,
    "policy-not-critical": FaultKind.POLICY,
    "wrong-policy": FaultKind.POLICY,
    "no-key-usage": FaultKind.KEY_USAGE,
    "key-usage-not-critical": FaultKind.KEY_USAGE,
    "wrong-key-usage": FaultKind.KEY_USAGE,
    "is-a-ca": FaultKind.BASIC_CONSTRAINTS,
    "no-oid": FaultKind.NO_OID,
    "wrong-extended-key-usage": FaultKind.EXTENDED_KEY_USAGE,
    "p192": FaultKind.CURVE,
    "p384": FaultKind.CURVE,
    "unknown-ci": FaultKind.UNKNOWN_CI,
}
FAULT_OF_EUICC_KIND = {
    "eum-signature": FaultKind.SIGNATURE,
    "eum-key-usage": FaultKind.KEY_USAGE,
    "eum-policy": FaultKind.POLICY,
    "eum-basic-constraints": FaultKind.BASIC_CONSTRAINTS,
    "eum-basic-constraints-not-critical": FaultKind.BASIC_CONSTRAINTS,
    "eum-path-length": FaultKind.PATH_LENGTH,
    "eum-no-authority-key": FaultKind.UNKNOWN_CI,
    "eum-no-name-constraints": FaultKind.NAME_CONSTRAINTS,
    "eum-expired": FaultKind.EXPIRED,
    "eum-unknown-ci": FaultKind.UNKNOWN_CI,
    "euicc-signature": FaultKind.SIGNATURE,
    "euicc-key-usage": FaultKind.KEY_USAGE,
    "euicc-policy": FaultKind.POLICY,
    "euicc-organisation": FaultKind.ORGANISATION,
    "euicc-no-authority-key": FaultKind.ISSUER,
    "euicc-serial-number": FaultKind.NAME_CONSTRAINTS,
    "euicc-expired": FaultKind.EXPIRED,
}
