"""Activation codes, SGP.22 4.1: ``LPA:1$address$matchingId[$SM-DP+ OID[$confirmation code required flag]]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_euicc.errors import PytestEuiccError

MAXIMUM_LENGTH = 255
"""SGP.22 4.1: an activation code has at most 255 characters, the prefix of its QR code not counted."""

_PREFIX = "LPA:"
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?")
_MATCHING_ID = re.compile(r"[A-Z0-9\-]*")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


class ActivationCodeError(PytestEuiccError, ValueError):
    """An activation code that SGP.22 4.1 does not allow; the message names the part and how to fix it."""


@dataclass(frozen=True)
class ActivationCode:
    """What an activation code says.

    Attributes:
        address: host name of the SM-DP+, optionally with a port.
        matching_id: the AC_Token; empty where the code carries none.
        smdp_oid: dotted OID the server's certificate must carry, or None.
        confirmation_code_required: True if the end user must be asked for a confirmation code.
    """

    address: str
    matching_id: str = ""
    smdp_oid: str | None = None
    confirmation_code_required: bool = False

    @classmethod
    def parse(cls, text: str) -> ActivationCode:
        """Read an activation code with or without the ``LPA:`` prefix of a QR code.

        Parts behind the confirmation code flag belong to later versions and are ignored (SGP.22 4.1).

        Raises:
            ActivationCodeError: naming the part that is wrong.
        """
        code = text.strip()
        if code[: len(_PREFIX)].upper() == _PREFIX:
            code = code[len(_PREFIX) :]
        if len(code) > MAXIMUM_LENGTH:
            raise ActivationCodeError(f"activation code of {len(code)} characters; SGP.22 4.1 allows {MAXIMUM_LENGTH}")
        parts = code.split("$")
        if parts[0] != "1":
            raise ActivationCodeError(
                f"activation code format {parts[0]!r}; SGP.22 4.1 has '1', as in LPA:1$smdp.example.com$TOKEN"
            )
        if len(parts) < 3:
            raise ActivationCodeError(
                f"activation code {text!r} has {len(parts)} parts; at least three are needed: 1$address$matchingId"
            )
        address, matching_id = parts[1], parts[2]
        oid = parts[3] if len(parts) > 3 else ""
        flag = parts[4] if len(parts) > 4 else ""
        if not _ADDRESS.fullmatch(address):
            raise ActivationCodeError(f"SM-DP+ address {address!r} is not a host name (SGP.22 4.1)")
        if not _MATCHING_ID.fullmatch(matching_id):
            raise ActivationCodeError(
                f"matchingId {matching_id!r}: only capital letters, digits and '-' are allowed (SGP.22 4.1.1)"
            )
        if oid and not _OID.fullmatch(oid):
            raise ActivationCodeError(f"SM-DP+ OID {oid!r} is not a dotted object identifier (SGP.22 4.1)")
        if flag not in ("", "1"):
            raise ActivationCodeError(f"confirmation code required flag {flag!r}: '1' or nothing (SGP.22 4.1)")
        return cls(address, matching_id, oid or None, flag == "1")

    def __str__(self) -> str:
        parts = [
            "1",
            self.address,
            self.matching_id,
            self.smdp_oid or "",
            "1" if self.confirmation_code_required else "",
        ]
        while len(parts) > 3 and not parts[-1]:
            parts.pop()
        return _PREFIX + "$".join(parts)
