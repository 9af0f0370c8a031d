"""EUICCInfo2 in the terms of a declaration, and where the two contradict each other."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.values.text import parse_version, to_json

_BITS = {"uicc_capability": "UICCCapability", "rsp_capability": "RspCapability", "forbidden_ppr": "PprIds"}


def version(octets: bytes) -> str:
    """``2.6.0`` of three octets."""
    return ".".join(map(str, octets))


def names_of_bits(type_name: str, value: tuple[bytes, int]) -> list[str | int]:
    """The bits that are set, by name, or by number where they have none."""
    names = {number: name for name, number in codec.fields(type_name).names.items()}
    bits: str = to_json(value)
    return [names.get(number, number) for number, bit in enumerate(bits) if bit == "1"]


def reported_by(info2: dict[str, Any]) -> dict[str, Any]:
    """What EUICCInfo2 says, by the keys of a declaration (SGP.22 5.7.8)."""
    forbidden = info2.get("forbiddenProfilePolicyRules", (b"", 0))
    return {
        "svn": version(info2["svn"]),
        "ci_verification": [each.hex().upper() for each in info2["euiccCiPKIdListForVerification"]],
        "ci_signing": [each.hex().upper() for each in info2["euiccCiPKIdListForSigning"]],
        "pp_version": version(info2["ppVersion"]),
        "profile_version": version(info2["profileVersion"]),
        "firmware_version": version(info2["euiccFirmwareVer"]),
        "uicc_capability": names_of_bits("UICCCapability", info2["uiccCapability"]),
        "rsp_capability": names_of_bits("RspCapability", info2["rspCapability"]),
        "forbidden_ppr": names_of_bits("PprIds", forbidden),
    }


def options_reported_by(info2: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    """Options that EUICCInfo2 decides, each with where it stands (SGP.22 5.7.8, SGP.32 5.9.2)."""
    rsp = names_of_bits("RspCapability", info2["rspCapability"])
    iot = info2.get("iotSpecificInfo") or {}
    forbidden = names_of_bits("PprIds", info2.get("forbiddenProfilePolicyRules", (b"", 0)))
    found = {
        "O_E_CRL": ("crlSupport" in rsp, "rspCapability crlSupport"),
        "O_E_TEST_PROFILE": ("testProfileSupport" in rsp, "rspCapability testProfileSupport"),
        "O_E_SERVICE_DATA": ("serviceSpecificDataSupport" in rsp, "rspCapability serviceSpecificDataSupport"),
        "O_E_DEVICE_INFO_EXT": (
            "deviceInfoExtensibilitySupport" in rsp,
            "rspCapability deviceInfoExtensibilitySupport",
        ),
        "O_E_FORBIDDEN_PPR": (bool(forbidden), "forbiddenProfilePolicyRules"),
        "O_E_INTEGRATED": ("treProperties" in info2, "treProperties"),
    }
    if iot:
        found["O_E_IOT_FALLBACK"] = ("fallbackSupported" in iot, "iotSpecificInfo fallbackSupported")
        found["O_E_IOT_ECALL"] = ("ecallSupported" in iot, "iotSpecificInfo ecallSupported")
    return found


class Contradiction(NamedTuple):
    """One value that a declaration and its card give differently, in words."""

    name: str
    declared: str
    reported: str

    def __str__(self) -> str:
        return f"{self.name}: declared {self.declared}, the card {self.reported}"


def contradictions(declaration: Declaration, info2: dict[str, Any]) -> list[Contradiction]:
    """Every value of the declaration that EUICCInfo2 contradicts; what is not declared is not compared."""
    found = []
    for name, reported in reported_by(info2).items():
        declared = getattr(declaration, name)
        if declared is None:
            continue
        if name in _BITS:
            declared, reported = (_named(_BITS[name], each) for each in (declared, reported))
        if declared != reported:
            found.append(Contradiction(name, _words(declared), f"has {_words(reported)}"))
    for option, (reported, place) in options_reported_by(info2).items():
        held = declaration.options.get(option, False)
        if declaration.options and held != reported:
            found.append(Contradiction(option, _words(held), f"has {_words(reported)} ({place})"))
    if "version" in declaration.model_fields_set:
        highest = tuple(info2.get("highestSvn") or info2["svn"])
        if parse_version(declaration.version)[:2] != highest[:2]:
            of_card = ".".join(map(str, highest))
            found.append(Contradiction("version", declaration.version, f"follows {of_card}"))
    return found


def _named(type_name: str, bits: list[Any]) -> list[str]:
    names = {str(number): name for name, number in codec.fields(type_name).names.items()}
    return sorted(names.get(str(bit), str(bit)) for bit in bits)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
