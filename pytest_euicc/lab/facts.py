"""What a card reports about itself, in the terms of a declaration. Reads only: SELECT, GetEID, GetEUICCInfo, …"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.conformance.engine.declared import version
from pytest_euicc.es10.fci import Fci, FciError
from pytest_euicc.es10.isdr import ISDR_AID, Es10Error, Isdr

T = TypeVar("T")
_PROFILES = bytes.fromhex("BF2D035C015A")  # ProfileInfoListRequest with the tag list 5A: ICCIDs alone (5.7.15)
_PROVISIONING = ("profileClass", 1)


class NotAnEuicc(CardError):
    """The card has no ISD-R that can be selected."""


@dataclass(frozen=True)
class Identity:
    """Which card it is. ``profiles`` is None if the card does not report them."""

    eid: str
    svn: str
    profiles: int | None


@dataclass
class Facts:
    """All that a card reports about itself; ``untold`` are the functions that it did not answer, with the reason."""

    atr: bytes
    eid: str = ""
    info2: dict[str, Any] = field(default_factory=dict)
    fci: Fci | None = None
    rat: list[Any] | None = None
    addresses: dict[str, Any] | None = None
    profiles: list[dict[str, Any]] | None = None
    lpad: bool = False
    provisioning: bool = False
    isdr_channels: bool = False
    unreported: list[str] = field(default_factory=list)


def identify(card: Card, aid: bytes = ISDR_AID) -> Identity:
    """EID, svn and number of profiles of a connected card; nothing on it is changed.

    Raises:
        NotAnEuicc: there is no ISD-R.
        CardError: the card is gone or mute.
    """
    isdr, _ = _selected(card, aid)
    unreported: list[str] = []
    eid = _reported(unreported, isdr.get_eid)
    info = _reported(unreported, isdr.get_euicc_info1)
    profiles = isdr.send("get_profiles_info", _PROFILES)
    return Identity(eid or "", version(info["svn"]) if info else "", _count(profiles.octets))


def read(card: Card, aid: bytes = ISDR_AID) -> Facts:
    """Everything; nothing on the card is changed. Raises as `identify` does."""
    isdr, answer = _selected(card, aid)
    facts = Facts(card.atr)
    try:
        facts.fci = Fci.parse(answer)
    except FciError as error:
        facts.unreported.append(str(error))
    facts.eid = _reported(facts.unreported, isdr.get_eid) or ""
    facts.info2 = _reported(facts.unreported, isdr.get_euicc_info2) or {}
    facts.rat = _reported(facts.unreported, isdr.get_rat)
    facts.addresses = _reported(facts.unreported, isdr.get_euicc_configured_addresses)
    listed = _reported(facts.unreported, isdr.get_profiles_info)
    facts.lpad = listed is not None
    if listed is not None and listed[0] == "profileInfoListOk":
        facts.profiles = [dict(each) for each in listed[1]]
    provisioning = isdr.call("get_profiles_info", {"searchCriteria": _PROVISIONING})
    facts.provisioning = bool(_count(provisioning.octets))
    facts.isdr_channels = _selected_twice(card, aid)
    return facts


def _selected(card: Card, aid: bytes) -> tuple[Isdr, bytes]:
    channel = card.open_channel()
    isdr = Isdr(channel, aid)
    response = isdr.select()
    if not response.ok:
        # Some eUICCs have no ISD-R for a device that has not said what it is.
        card.reset()
        card.start()
        isdr = Isdr(card.open_channel(), aid)
        response = isdr.select()
    if not response.ok:
        raise NotAnEuicc(f"not an eUICC: SELECT of the ISD-R {aid.hex().upper()} was answered with {response.sw:04X}")
    return isdr, response.data


def _selected_twice(card: Card, aid: bytes) -> bool:
    """Whether the ISD-R can be selected on one more channel; that channel is closed again."""
    try:
        second = card.open_channel()
    except UnexpectedStatus:
        return False
    selected = Isdr(second, aid).select().ok
    second.close()
    return selected


def _reported(unreported: list[str], ask: Callable[[], T]) -> T | None:
    """What the card answers; None, and a line more in *untold*, where that is no value."""
    try:
        return ask()
    except Es10Error as error:
        unreported.append(str(error))
        return None


def _count(octets: bytes) -> int | None:
    """Number of ProfileInfo (E3) in a list of profiles, whether of SGP.22 or SGP.32; None for anything else."""
    try:
        answer = tlv.parse(octets)
        lists = [part for part in answer.children() if part.tag == 0xA0]
        return sum(part.tag == 0xE3 for part in lists[0].children()) if lists else None
    except tlv.TlvError:
        return None
