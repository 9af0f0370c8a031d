"""Metadata of a profile in the words of an inventory: which there are, and what a server's metadata must then have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pytest_euicc.rsp.icons import icon
from pytest_euicc.text import closest

_WORDS = ("provider", "name", "class", "icon", "icon_type", "owner", "ppr", "notify", "raw")
_OWNER = {"mcc_mnc": "mccMnc", "gid1": "gid1", "gid2": "gid2"}
_NOTIFY = ("events", "address")
_ICON_TYPES = ("jpg", "png")
_VALUES = {
    "class": ("test", "provisioning", "operational"),
    "icon_type": _ICON_TYPES,
    "ppr": ("pprUpdateControl", "ppr1", "ppr2"),
}
_FIELDS = {"provider": "serviceProviderName", "name": "profileName", "icon": "icon", "icon_type": "iconType"}


def check_words(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata unchanged; raises ValueError for an unknown key, at any depth, or for an unknown value."""
    _known("metadata", metadata, _WORDS)
    for word, values in _VALUES.items():
        given = metadata.get(word) or []
        _known(word, given if isinstance(given, list | tuple) else [given], values)
    if isinstance(metadata.get("owner"), Mapping):
        _known("owner", metadata["owner"], tuple(_OWNER))
    for entry in metadata.get("notify") or ():
        if isinstance(entry, Mapping):
            _known("notify", entry, _NOTIFY)
    return metadata


def _known(what: str, given: Iterable[Any], words: tuple[str, ...]) -> None:
    for word in given:
        if word not in words:
            raise ValueError(f"{what} has no {word!r}{closest(str(word), words)}")


def _possible_icon(octets: int) -> int:
    for kind in _ICON_TYPES if octets else ():
        icon(kind, octets)
    return octets


IconOctets = Annotated[int, Field(ge=0, le=1024), AfterValidator(_possible_icon)]
"""The size of an icon of either type in bytes, 0 for none."""
MetadataWords = Annotated[dict[str, Any], AfterValidator(check_words)]
"""Metadata of a profile in the words of an inventory."""


def expected(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What StoreMetadataRequest must have, as ``expect`` of a vector: no more than the words say (SGP.22 5.5.3)."""
    found: dict[str, Any] = {field: metadata[word] for word, field in _FIELDS.items() if word in metadata}
    if "class" in metadata:
        named = metadata["class"]
        found["profileClass"] = {"one_of": [named, {"absent": True}]} if named == "operational" else named
    if "ppr" in metadata:
        rules = {"bits": metadata["ppr"]}
        found["profilePolicyRules"] = rules if metadata["ppr"] else {"one_of": [{"absent": True}, rules]}
    if isinstance(metadata.get("owner"), Mapping):
        found["profileOwner"] = {_OWNER[word]: octets for word, octets in metadata["owner"].items()}
    notify = [entry for entry in metadata.get("notify") or () if isinstance(entry, Mapping) and "address" in entry]
    if notify:
        found["notificationConfigurationInfo"] = {"in_any_order": [_notify(entry) for entry in notify]}
    return found


def _notify(entry: Mapping[str, Any]) -> dict[str, Any]:
    events = [f"notification{str(event).capitalize()}" for event in entry.get("events", ())]
    return {"profileManagementOperation": {"bits": events}, "notificationAddress": entry["address"]}
