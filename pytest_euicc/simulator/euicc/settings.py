"""Settings of a simulated eUICC: a YAML file, or the defaults of a full v2.6 eUICC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pytest_euicc.asn1 import codec
from pytest_euicc.document import Document
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.rsp.iccid import check_digit, to_octets
from pytest_euicc.text import closest

EVENT_NAMES = ("install", "enable", "disable", "delete")
_MAXIMUM_ICON = 1024
_MAXIMUM_NAME, _MAXIMUM_PROVIDER = 64, 32


def _octets(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ValueError(f'{value!r} is not hex: write pairs of hex digits in quotes, such as "00F110"') from None


def _exactly(size: int, what: str) -> Callable[[bytes], bytes]:
    def check(octets: bytes) -> bytes:
        if len(octets) != size:
            raise ValueError(f"{what} has {size} octets, this one {len(octets)}")
        return octets

    return check


def _at_most(size: int) -> Callable[[str], str]:
    """Text of at most this size in UTF-8, as SGP.22 counts it."""

    def check(text: str) -> str:
        if len(text.encode()) > size:
            raise ValueError(f"{len(text.encode())} octets of UTF-8: at most {size} fit")
        return text

    return check


Octets = Annotated[bytes, BeforeValidator(_octets)]
Event = Literal["install", "enable", "disable", "delete"]


class Model(BaseModel):
    """What all settings have in common: nothing unknown, nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnerSettings(Model):
    """profileOwner: MCC and MNC as three octets, swapped as in TS 24.008."""

    mcc_mnc: Annotated[Octets, AfterValidator(_exactly(3, "mcc_mnc"))]
    gid1: Octets | None = None
    gid2: Octets | None = None


class NotifySettings(Model):
    """One entry of notificationConfigurationInfo."""

    events: frozenset[Event]
    address: str


class ProfileSettings(Model):
    """A profile that is on the card from the start.

    Attributes:
        iccid: ten octets as in EF ICCID, digits swapped, padded with F.
        memory: octets of non-volatile memory it takes.
        fallback_allowed, ecall: fallbackAllowed and ecallIndication of its metadata; not there if None.
        http_parameters: what GetConnectivityParameters gives of it (SGP.32 5.9.24).
        proprietary_data: the OID of dpProprietaryData.
        service_data: the OID of a vendor whose service specific data it has.
        access_rules: it has a rule for device applications (refArDo).
    """

    iccid: Annotated[Octets, AfterValidator(_exactly(10, "an ICCID"))]
    name: Annotated[str, AfterValidator(_at_most(_MAXIMUM_NAME))] | None
    provider: Annotated[str, AfterValidator(_at_most(_MAXIMUM_PROVIDER))] | None = "Test operator"
    profile_class: Literal["test", "provisioning", "operational"] = Field("operational", alias="class")
    enabled: bool = False
    nickname: Annotated[str, AfterValidator(_at_most(_MAXIMUM_NAME))] | None = None
    ppr: frozenset[Literal["ppr1", "ppr2"]] = frozenset()
    owner: OwnerSettings | None = None
    icon: Annotated[Octets, Field(max_length=_MAXIMUM_ICON)] | None = None
    icon_type: Literal["png", "jpg"] = "png"
    notify: tuple[NotifySettings, ...] = ()
    memory: int = Field(20_000, ge=0)
    fallback_allowed: bool | None = None
    ecall: bool | None = None
    http_parameters: Octets = b""
    proprietary_data: str | None = None
    service_data: str | None = None
    access_rules: bool = False


# One black pixel.
_PNG = bytes.fromhex(
    "89504E470D0A1A0A0000000D4948445200000001000000010100000000376EF9240000000A4944415478DA6360"
    "000000020001E527DEFC0000000049454E44AE426082"
)
_OWNER = OwnerSettings(mcc_mnc="00F110")
_ALL_EVENTS = NotifySettings(events=frozenset(EVENT_NAMES), address="smdp.example.com")


def _profile(number: int, name: str, **fields: Any) -> ProfileSettings:
    digits = f"8900101234567890{number:03d}"
    iccid = to_octets(digits + check_digit(digits))
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
        _profile(12, "Second test profile", **{"class": "test"}),
    )


def owner_value(owner: OwnerSettings) -> dict[str, bytes]:
    """An OperatorId as the codec has it."""
    fields = {"mccMnc": owner.mcc_mnc, "gid1": owner.gid1, "gid2": owner.gid2}
    return {name: octets for name, octets in fields.items() if octets is not None}


class SettingsError(PytestEuiccError):
    """A settings file cannot be used; the message names file, place and how to fix it."""


def _check_eid(octets: bytes) -> bytes:
    digits = octets.hex()
    if len(digits) != 32 or not digits.isdigit() or int(digits) % 97 != 1:
        raise ValueError("an EID has 32 digits and is 1 modulo 97")
    return octets


def _version(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.split(".")
        if len(parts) == 3 and all(part.isdigit() and int(part) < 256 for part in parts):
            return bytes(map(int, parts))
    if isinstance(value, bytes) and len(value) == 3:
        return value
    raise ValueError(f"{value!r} is not a version; write three numbers, such as 2.6.0")


def _named(type_name: str) -> Callable[[frozenset[str]], frozenset[str]]:
    """Names of the bits of a named BIT STRING."""

    def check(names: frozenset[str]) -> frozenset[str]:
        known = codec.fields(type_name).names
        unknown = sorted(names - known.keys())
        if unknown:
            hint = closest(unknown[0], known) or f"; available: {', '.join(known)}"
            raise ValueError(f"{type_name} has no {unknown[0]!r}{hint}")
        return names

    return check


Version = Annotated[bytes, BeforeValidator(_version)]
"""Three octets, written ``2.6.0``."""
Curve = Literal["nist", "brainpool"]


class RuleSettings(Model):
    """One rule of the Rules Authorisation Table (SGP.22 2.9.2.1)."""

    rules: frozenset[Literal["ppr1", "ppr2"]]
    operators: tuple[OwnerSettings, ...]
    consent_required: bool = False


class IotSettings(Model):
    """What makes it an IoT eUICC (SGP.32).

    Attributes:
        versions: of SGP.32, for iotSpecificInfo.
        lpad: it has the functions for an LPAd as well.
        ipae: it has an IPA of its own, which IpaeActivation starts.
        rollback: it grants a rollback when it is asked for.
        reset_eim, reset_immediate_enable: eUICCMemoryReset takes these with it.
        eims: how many can be associated.
        eim_brainpool: keys of eIMs on brainpoolP256r1.
        package_size, result_size: octets of the largest package, and of the results of one.
        results_kept: results that are not acknowledged; beyond them the oldest goes.
    """

    versions: Annotated[tuple[Version, ...], Field(min_length=1)] = (b"\x01\x02\x00",)
    lpad: bool = False
    ipae: bool = False
    fallback: bool = True
    ecall: bool = True
    rollback: bool = True
    immediate_enable: bool = True
    reset_eim: bool = True
    reset_immediate_enable: bool = True
    eims: int = Field(4, ge=1)
    eim_brainpool: bool = True
    package_size: int = Field(1500, ge=256)
    result_size: int = Field(20_000, ge=256)
    results_kept: int = Field(8, ge=1)


class EuiccSettings(Model):
    """All settings of a simulated eUICC.

    Attributes:
        isdr_aid: AID of the ISD-R; SGP.22 5.7.1 has one, and some vendors have another.
        verification, signing: curves whose CI is in the lists of EUICCInfo1, in order of priority.
        protocol: ``T=0`` hands answers to GET RESPONSE (61xx), ``T=1`` gives them at once.
        isdr_once: the ISD-R can be selected on one logical channel at a time.
        cat_busy: answers catBusy while a proactive session runs.
        clock: checks the validity of certificates.
        reuse_keys: keeps the one-time key of a failed download for a retry.
        memory, volatile_memory: octets of the whole card; profiles take from the first.
        notification_limit: pending notifications it can keep; beyond them the oldest goes.
        iot: makes it an IoT eUICC of SGP.32; None for one of SGP.22 alone.
        seed: makes challenges and one-time keys the same in every run; unpredictable if None.
    """

    eid: Annotated[Octets, AfterValidator(_check_eid)] = Field(
        default=bytes.fromhex("89049032123451234512345678901235"), validate_default=True
    )
    isdr_aid: Annotated[Octets, Field(min_length=5, max_length=16)] = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
    svn: Version = b"\x02\x06\x00"
    profile_version: Version = b"\x02\x03\x01"
    additional_profile_versions: tuple[Version, ...] = ()
    firmware: Version = b"\x01\x00\x00"
    ts102241_version: Version | None = b"\x0f\x00\x00"
    globalplatform_version: Version | None = b"\x02\x03\x00"
    pp_version: Version = b"\x00\x00\x01"
    verification: tuple[Curve, ...] = Field(("nist", "brainpool"), min_length=1)
    signing: tuple[Curve, ...] = Field(("nist", "brainpool"), min_length=1)
    category: Literal["other", "basicEuicc", "mediumEuicc", "contactlessEuicc"] | None = "mediumEuicc"
    uicc_capability: Annotated[frozenset[str], AfterValidator(_named("UICCCapability"))] = frozenset(
        {
            "usimSupport", "isimSupport", "csimSupport", "akaMilenage", "akaCave", "akaTuak128", "akaTuak256",
            "usimTestAlgorithm", "gbaAuthenUsim", "gbaAuthenISim", "eapClient", "javacard", "multipleUsimSupport",
            "multipleIsimSupport", "berTlvFileSupport", "dfLinkSupport", "catTp", "getIdentity", "profile-a-x25519",
            "profile-b-p256", "suciCalculatorApi",
        }
    )  # fmt: skip
    rsp_capability: Annotated[frozenset[str], AfterValidator(_named("RspCapability"))] = frozenset(
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
    isdr_once: bool = False
    cat_busy: bool = False
    clock: bool = True
    reuse_keys: bool = True
    memory: int = Field(600_000, ge=0, le=0xFFFFFFFF)
    volatile_memory: int = Field(30_000, ge=0, le=0xFFFFFFFF)
    notification_limit: int = Field(200, ge=1)
    iot: IotSettings | None = None
    seed: str | None = None
    protocol: Literal["T=0", "T=1"] = "T=0"
    profiles: tuple[ProfileSettings, ...] = Field(default_factory=default_profiles)

    @property
    def sgp32(self) -> IotSettings:
        """Settings of an IoT eUICC, for functions that no other eUICC has."""
        assert self.iot is not None  # noqa: S101
        return self.iot

    @model_validator(mode="after")
    def _check_profiles(self) -> Self:
        iccids = [profile.iccid for profile in self.profiles]
        if len(set(iccids)) < len(iccids):
            twice = next(iccid for iccid in iccids if iccids.count(iccid) > 1)
            raise ValueError(f"two profiles have the ICCID {twice.hex().upper()}; give each its own")
        if sum(profile.enabled for profile in self.profiles) > 1:
            raise ValueError("several profiles are enabled; leave enabled: true with one of them")
        taken = sum(profile.memory for profile in self.profiles)
        if taken > self.memory:
            raise ValueError(f"the profiles take {taken} octets of {self.memory}; raise memory or drop profiles")
        return self

    @classmethod
    def load(cls, path: Path) -> EuiccSettings:
        """Read a settings file; raises SettingsError with every mistake in it, each with its line."""
        document = Document.read(path)
        settings = document.instance(cls, "a file of settings")
        if settings is None:
            raise SettingsError("\n".join(map(str, sorted(document.mistakes))))
        return settings


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
