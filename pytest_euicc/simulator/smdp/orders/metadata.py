"""StoreMetadataRequest from the words of an inventory (SGP.22 5.5.3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pytest_euicc.asn1 import codec


def _octets(value: Any) -> Any:
    if isinstance(value, bytes):
        return value
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ValueError("write hex text, in quotes") from None


Octets = Annotated[bytes, BeforeValidator(_octets)]
Event = Literal["install", "enable", "disable", "delete"]
_EVENTS: dict[str, str] = {
    "install": "notificationInstall",
    "enable": "notificationEnable",
    "disable": "notificationDisable",
    "delete": "notificationDelete",
}


class Model(BaseModel):
    """A mapping of an inventory: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Owner(Model):
    """profileOwner: MCC and MNC as three octets, swapped as in 3GPP TS 24.008."""

    mcc_mnc: Octets
    gid1: Octets | None = None
    gid2: Octets | None = None


class Notify(Model):
    """One entry of notificationConfigurationInfo."""

    events: tuple[Event, ...]
    address: str


class Metadata(Model):
    """What the eUICC stores of a profile and the LPA shows."""

    provider: str = Field("Test operator", max_length=32)
    name: str = Field("Test profile", max_length=64)
    profile_class: Literal["test", "provisioning", "operational"] = Field("operational", alias="class")
    icon: Annotated[Octets, Field(max_length=1024)] | None = None
    icon_type: Literal["jpg", "png"] = "png"
    owner: Owner | None = None
    ppr: tuple[Literal["pprUpdateControl", "ppr1", "ppr2"], ...] = ()
    notify: tuple[Notify, ...] = ()
    raw: Octets | None = Field(None, description="the whole StoreMetadataRequest, in place of all others")

    def encode(self, iccid: bytes) -> bytes:
        """The StoreMetadataRequest for an ICCID of 10 octets, BF25; raises Asn1Error."""
        if self.raw is not None:
            return self.raw
        value: dict[str, Any] = {
            "iccid": iccid,
            "serviceProviderName": self.provider,
            "profileName": self.name,
            "profileClass": self.profile_class,
        }
        if self.icon is not None:
            value |= {"iconType": self.icon_type, "icon": self.icon}
        if self.notify:
            value["notificationConfigurationInfo"] = [
                {
                    "profileManagementOperation": _bits("NotificationEvent", [_EVENTS[name] for name in entry.events]),
                    "notificationAddress": entry.address,
                }
                for entry in self.notify
            ]
        if self.owner is not None:
            parts = {"mccMnc": self.owner.mcc_mnc, "gid1": self.owner.gid1, "gid2": self.owner.gid2}
            value["profileOwner"] = {name: octets for name, octets in parts.items() if octets is not None}
        if self.ppr:
            value["profilePolicyRules"] = _bits("PprIds", list(self.ppr))
        return codec.encode("StoreMetadataRequest", value)


def _bits(type_name: str, names: list[str]) -> tuple[bytes, int]:
    """A BIT STRING with the named bits set, no longer than needed (X.690 11.2.2)."""
    positions = codec.fields(type_name).names
    bits = max((positions[name] + 1 for name in names), default=0)
    width = (bits + 7) // 8
    number = sum(1 << (width * 8 - 1 - positions[name]) for name in names)
    return number.to_bytes(width, "big"), bits
