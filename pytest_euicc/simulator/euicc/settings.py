"""Settings of a simulated eUICC: a YAML file, or the defaults of a full v2.6 eUICC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pytest_euicc.asn1 import codec

EVENT_NAMES = ("install", "enable", "disable", "delete")


class SettingsError(Exception):
    """A settings file cannot be used; the message names file, place and mend."""


def _octets(value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(value, str) else value


def _check_eid(octets: bytes) -> bytes:
    if len(octets) != 16 or not octets.hex().isdigit() or int(octets.hex()) % 97 != 1:
        raise ValueError("an EID has 32 digits, starts with 89 and is 1 modulo 97")
    return octets


def _version(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.split(".")
        if len(parts) == 3 and all(part.isdigit() and int(part) < 256 for part in parts):
            return bytes(map(int, parts))
        raise ValueError(f"{value!r} is not a version; write three numbers as 2.6.0")
    return value


Octets = Annotated[bytes, BeforeValidator(_octets)]
Version = Annotated[bytes, BeforeValidator(_version)]
"""Three octets, written ``2.6.0``."""
Curve = Literal["nist", "brainpool"]
Event = Literal["install", "enable", "disable", "delete"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnerSettings(_Model):
    """profileOwner: MCC and MNC as three octets, swapped as in TS 24.008."""

    mcc_mnc: Octets
    gid1: Octets | None = None
    gid2: Octets | None = None


class NotifySettings(_Model):
    """One entry of notificationConfigurationInfo."""

    events: frozenset[Event]
    address: str


class ProfileSettings(_Model):
    """A profile that is on the card from the start."""

    iccid: Octets
    name: str
    provider: str = "Test operator"
    profile_class: Literal["test", "provisioning", "operational"] = Field("operational", alias="class")
    enabled: bool = False
    nickname: str | None = None
    ppr: frozenset[Literal["ppr1", "ppr2"]] = frozenset()
    owner: OwnerSettings | None = None
    icon: Octets | None = None
    icon_type: Literal["png", "jpg"] = "png"
    notify: tuple[NotifySettings, ...] = ()
    memory: int = 20_000


class RuleSettings(_Model):
    """One rule of the Rules Authorisation Table (SGP.22 2.9.2.1)."""

    rules: frozenset[Literal["ppr1", "ppr2"]]
    operators: tuple[OwnerSettings, ...]
    consent_required: bool = False


# One black pixel.
_PNG = bytes.fromhex(
    "89504E470D0A1A0A0000000D4948445200000001000000010100000000376EF9240000000A4944415478DA6360"
    "000000020001E527DEFC0000000049454E44AE426082"
)
_OWNER = OwnerSettings(mcc_mnc="00F110")
_ALL_EVENTS = NotifySettings(events=frozenset(EVENT_NAMES), address="smdp.example.com")


def _profile(number: int, name: str, **fields: Any) -> ProfileSettings:
    digits = f"8900101234567890{number:03d}"
    luhn = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(digits)))
    padded = (digits + str(-luhn % 10)).ljust(20, "F")
    iccid = "".join(padded[at + 1] + padded[at] for at in range(0, 20, 2))
    fields.setdefault("notify", (_ALL_EVENTS,))
    return ProfileSettings(iccid=iccid, name=name, **fields)


def default_profiles() -> tuple[ProfileSettings, ...]:
    """Profiles for every sequence that needs no download."""
    two = NotifySettings(events=frozenset(EVENT_NAMES), address="second.example.com")
    return (
        _profile(1, "Plain one", owner=_OWNER),
        _profile(2, "Plain two", provider="Other operator", notify=(_ALL_EVENTS, two)),
        _profile(3, "With icon", icon=_PNG, nickname="holiday"),
        _profile(4, "Owned", owner=OwnerSettings(mcc_mnc="00F110", gid1="0102", gid2="03")),
        _profile(5, "Must stay enabled", ppr={"ppr1"}, owner=_OWNER),
        _profile(6, "Must stay installed", ppr={"ppr2"}, owner=_OWNER),
        _profile(7, "Quiet", notify=()),
        _profile(8, "Test profile", **{"class": "test"}),
        _profile(9, "Plain three"),
        _profile(10, "Plain four"),
        _profile(11, "Provisioning", **{"class": "provisioning"}),
    )


class EuiccSettings(_Model):
    """Everything a simulated eUICC can be told.

    Attributes:
        verification, signing: curves whose CI is in the lists of EUICCInfo1, in order of priority.
        protocol: ``T=0`` hands answers to GET RESPONSE (61xx), ``T=1`` gives them at once.
        cat_busy: answers catBusy while a proactive session runs.
        clock: checks the validity of certificates.
    """

    eid: Annotated[Octets, AfterValidator(_check_eid)] = Field(
        default=bytes.fromhex("89049032123451234512345678901235"), validate_default=True
    )
    svn: Version = b"\x02\x06\x00"
    profile_version: Version = b"\x02\x03\x01"
    firmware: Version = b"\x01\x00\x00"
    ts102241_version: Version | None = b"\x0f\x00\x00"
    globalplatform_version: Version | None = b"\x02\x03\x00"
    pp_version: Version = b"\x00\x00\x01"
    verification: tuple[Curve, ...] = ("nist", "brainpool")
    signing: tuple[Curve, ...] = ("nist", "brainpool")
    category: Literal["other", "basicEuicc", "mediumEuicc", "contactlessEuicc"] | None = "mediumEuicc"
    uicc_capability: frozenset[str] = frozenset(
        {
            "usimSupport", "isimSupport", "csimSupport", "akaMilenage", "akaCave", "akaTuak128", "akaTuak256",
            "usimTestAlgorithm", "gbaAuthenUsim", "gbaAuthenISim", "eapClient", "javacard", "multipleUsimSupport",
            "multipleIsimSupport", "berTlvFileSupport", "dfLinkSupport", "catTp", "getIdentity", "profile-a-x25519",
            "profile-b-p256", "suciCalculatorApi",
        }
    )  # fmt: skip
    rsp_capability: frozenset[str] = frozenset(
        {"additionalProfile", "crlSupport", "testProfileSupport", "deviceInfoExtensibilitySupport",
         "serviceSpecificDataSupport"}
    )  # fmt: skip
    forbidden_ppr: frozenset[Literal["pprUpdateControl", "ppr1", "ppr2"]] = frozenset()
    accreditation: str = "PY-EU-SIM-0001"
    platform_label: str = "1.2.840.1234567/pytest-euicc"
    discovery_url: str = "https://dloa.example.com/registrar"
    integrated: bool = False
    rat: tuple[RuleSettings, ...] = (
        RuleSettings(rules=frozenset({"ppr1", "ppr2"}), operators=(OwnerSettings(mcc_mnc="00F110"),)),
        RuleSettings(
            rules=frozenset({"ppr2"}),
            operators=(OwnerSettings(mcc_mnc="EEEEEE"),),
            consent_required=True,
        ),
    )
    root_sds: str = "lpa.ds.example.com"
    default_address: str = ""
    lpae: bool = False
    cat_busy: bool = False
    clock: bool = True
    memory: int = 600_000
    volatile_memory: int = 30_000
    notification_limit: int = 200
    protocol: Literal["T=0", "T=1"] = "T=0"
    profiles: tuple[ProfileSettings, ...] = Field(default_factory=default_profiles)

    @classmethod
    def load(cls, path: Path) -> EuiccSettings:
        """Read a settings file; raises SettingsError with every mistake in it."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict | None):
            raise SettingsError(f"{path}: a mapping of settings is wanted, found {type(content).__name__}")
        try:
            return cls.model_validate(content or {})
        except ValidationError as error:
            known = ", ".join(cls.model_fields)
            lines = [f"{path}: {len(error.errors())} mistakes in the settings of the simulated eUICC"]
            for entry in error.errors():
                place = ".".join(map(str, entry["loc"]))
                mend = f"; there are: {known}" if entry["type"] == "extra_forbidden" and len(entry["loc"]) == 1 else ""
                lines.append(f"  {place}: {entry['msg']}{mend}")
            raise SettingsError("\n".join(lines)) from None


def rat_value(settings: EuiccSettings) -> list[dict[str, Any]]:
    """The RulesAuthorisationTable as the codec has it."""
    from pytest_euicc.simulator.euicc.state import named_bits

    order = tuple(codec.fields("PprIds").names)
    return [
        {
            "pprIds": named_bits(order, set(rule.rules)),
            "allowedOperators": [owner_value(operator) for operator in rule.operators],
            "pprFlags": named_bits(("consentRequired",), {"consentRequired"} if rule.consent_required else set()),
        }
        for rule in settings.rat
    ]


def owner_value(owner: OwnerSettings) -> dict[str, bytes]:
    """An OperatorId as the codec has it."""
    fields = {"mccMnc": owner.mcc_mnc, "gid1": owner.gid1, "gid2": owner.gid2}
    return {name: octets for name, octets in fields.items() if octets is not None}
