"""The file control information that SELECT of the ISD-R answers (SGP.22 5.7.1, ISO 7816-4 7.4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.errors import PytestEuiccError

_FCI = 0x6F
_AID = 0x84
_PROPRIETARY = 0xA5
_ISDR_TEMPLATE = 0xE0
_IOT_TEMPLATE = 0xE1


class FciError(PytestEuiccError, ValueError):
    """What SELECT answered is not the FCI of an ISD-R."""


@dataclass(frozen=True)
class Fci:
    """The FCI of an ISD-R.

    Attributes:
        octets: as received.
        aid: of tag 84.
        isdr: the decoded ISDRProprietaryApplicationTemplate (E0), or None.
        iot: the decoded ISDRProprietaryApplicationTemplateIoT (E1, SGP.32 3.8.4), or None.
    """

    octets: bytes
    aid: bytes
    isdr: dict[str, Any] | None
    iot: dict[str, Any] | None = None

    @property
    def svn(self) -> str:
        """The version of SGP.22 that the ISD-R names, ``2.2.0``; empty when it names none."""
        version = (self.isdr or {}).get("svn", b"")
        return ".".join(str(octet) for octet in version)

    @classmethod
    def parse(cls, octets: bytes) -> Fci:
        """Read an FCI; the template E0 may stand in the FCI itself or in its proprietary part A5. Raises `FciError`."""
        try:
            outer = tlv.parse(octets)
            if outer.tag != _FCI:
                raise FciError(f"tag {outer.tag:X} where the FCI template 6F was expected")
            aid, isdr, iot = b"", None, None
            parts = outer.children()
            for part in parts + [inner for each in parts if each.tag == _PROPRIETARY for inner in each.children()]:
                if part.tag == _AID:
                    aid = part.value
                elif part.tag == _ISDR_TEMPLATE and isdr is None:
                    isdr = codec.decode("ISDRProprietaryApplicationTemplate", part.octets)
                elif part.tag == _IOT_TEMPLATE and iot is None:
                    iot = codec.decode("ISDRProprietaryApplicationTemplateIoT", part.octets)
        except (tlv.TlvError, codec.Asn1Error) as fault:
            raise FciError(f"the FCI cannot be read: {fault} ({octets.hex().upper()})") from fault
        return cls(octets, aid, isdr, iot)
