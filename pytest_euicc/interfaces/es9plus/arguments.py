"""Types of arguments of the functions of ES9+."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.peers.euicc import EUICC_KINDS
from pytest_euicc.text import closest

Signer = Literal["certificate", "another"]
"""Whose key signs: that of the certificate shown, or another one."""


def _known_kind(kind: str) -> str:
    if kind not in EUICC_KINDS:
        raise ValueError(f"no certificates of kind {kind!r}{closest(kind, EUICC_KINDS)}")
    return kind


EuiccKind = Annotated[str, AfterValidator(_known_kind)]
"""The chain of certificates that is shown: ``valid``, or an invalid kind of the PKI."""


def _known_fields(fields: dict[str, bytes]) -> dict[str, bytes]:
    shape = asn1_shape("EuiccSigned1")
    for field in fields:
        if shape.at(field) is None:
            raise ValueError(f"EuiccSigned1 has no field {field!r}{closest(field, shape.fields)}")
    return fields


def _known_error(type_name: str) -> AfterValidator:
    """Only names of an error code's ASN.1 type."""

    def known(name: str) -> str:
        names = codec.fields(type_name).names or {}
        if name not in names:
            raise ValueError(f"{type_name} has no value {name!r}{closest(name, names)}")
        return name

    return AfterValidator(known)


AuthenticateError = Annotated[str, _known_error("AuthenticateErrorCode")]
"""A value of AuthenticateErrorCode by its name."""
DownloadError = Annotated[str, _known_error("DownloadErrorCode")]
"""A value of DownloadErrorCode by its name."""
CancelError = Literal["invalidTransactionId", "undefinedError"]
"""A value of cancelSessionResponseError by its name."""
Extensions = Annotated[dict[str, Hex], AfterValidator(_known_fields)]
"""Octets by the field of EuiccSigned1 that they are put into."""
