"""Settings of a simulated eUICC: a YAML file, or the defaults of a full v2.6 eUICC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.euicc.profile_settings import (
    Model,
    Octets,
    OwnerSettings,
    ProfileSettings,
    default_profiles,
    owner_value,
)


class SettingsError(Exception):
    """A settings file cannot be used; the message names file, place and mend."""


def _check_eid(octets: bytes) -> bytes:
    digits = octets.hex()
    if len(digits) != 32 or not digits.isdigit() or not digits.startswith("89") or int(digits) % 97 != 1:
        raise ValueError("an EID has 32 digits, starts with 89 and is 1 modulo 97")
    return octets


def _version(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.split(".")
        if len(parts) == 3 and all(part.isdigit() and int(part) < 256 for part in parts):
            return bytes(map(int, parts))
    if isinstance(value, bytes) and len(value) == 3:
        return value
    raise ValueError(f"{value!r} is not a version; write three numbers as 2.6.0")


def _named(type_name: str) -> Callable[[frozenset[str]], frozenset[str]]:
    """Names of the bits of a named BIT STRING."""

    def check(names: frozenset[str]) -> frozenset[str]:
        known = codec.fields(type_name).names
        unknown = sorted(names - known.keys())
        if unknown:
            raise ValueError(f"{type_name} has no {unknown[0]!r}; there are: {', '.join(known)}")
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


class EuiccSettings(Model):
    """Everything a simulated eUICC can be told.

    Attributes:
        verification, signing: curves whose CI is in the lists of EUICCInfo1, in order of priority.
        protocol: ``T=0`` hands answers to GET RESPONSE (61xx), ``T=1`` gives them at once.
        cat_busy: answers catBusy while a proactive session runs.
        clock: checks the validity of certificates.
        reuse_keys: keeps the one-time key of a failed download for a retry.
        memory, volatile_memory: octets of the whole card; profiles take from the first.
        notification_limit: pending notifications it can keep; beyond them the oldest goes.
        seed: makes challenges and one-time keys the same in every run; unpredictable if None.
    """

    eid: Annotated[Octets, AfterValidator(_check_eid)] = Field(
        default=bytes.fromhex("89049032123451234512345678901235"), validate_default=True
    )
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
    cat_busy: bool = False
    clock: bool = True
    reuse_keys: bool = True
    memory: int = Field(600_000, ge=0, le=0xFFFFFFFF)
    volatile_memory: int = Field(30_000, ge=0, le=0xFFFFFFFF)
    notification_limit: int = Field(200, ge=1)
    seed: str | None = None
    protocol: Literal["T=0", "T=1"] = "T=0"
    profiles: tuple[ProfileSettings, ...] = Field(default_factory=default_profiles)

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
        """Read a settings file; raises SettingsError with every mistake in it."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise SettingsError(f"{path}: not YAML: nested too deeply") from None
        if not isinstance(content, dict | None):
            raise SettingsError(f"{path}: a mapping of settings is wanted, found {type(content).__name__}")
        try:
            return cls.model_validate(content or {})
        except ValidationError as error:
            known = ", ".join(cls.model_fields)
            lines = [f"{path}: the settings of the simulated eUICC cannot be used"]
            for entry in error.errors():
                place = ".".join(map(str, entry["loc"])) or "profiles"
                mend = f"; there are: {known}" if entry["type"] == "extra_forbidden" and len(entry["loc"]) == 1 else ""
                lines.append(f"  {place}: {entry['msg'].removeprefix('Value error, ')}{mend}")
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
