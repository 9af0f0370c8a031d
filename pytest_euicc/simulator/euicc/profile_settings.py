"""Settings of a pre-installed profile, and the profiles that a simulated eUICC has when its settings name none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pytest_euicc.rsp.iccid import check_digit, to_octets

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
    """A text of so many octets of UTF-8, as SGP.22 counts them."""

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
    """

    iccid: Annotated[Octets, AfterValidator(_exactly(10, "an ICCID"))]
    name: Annotated[str, AfterValidator(_at_most(_MAXIMUM_NAME))]
    provider: Annotated[str, AfterValidator(_at_most(_MAXIMUM_PROVIDER))] = "Test operator"
    profile_class: Literal["test", "provisioning", "operational"] = Field("operational", alias="class")
    enabled: bool = False
    nickname: Annotated[str, AfterValidator(_at_most(_MAXIMUM_NAME))] | None = None
    ppr: frozenset[Literal["ppr1", "ppr2"]] = frozenset()
    owner: OwnerSettings | None = None
    icon: Annotated[Octets, Field(max_length=_MAXIMUM_ICON)] | None = None
    icon_type: Literal["png", "jpg"] = "png"
    notify: tuple[NotifySettings, ...] = ()
    memory: int = Field(20_000, ge=0)


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
