"""ES2+, the operator's side of an SM-DP+: orders made, confirmed, released, cancelled (SGP.22 5.3)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_euicc.rsp import iccid as iccids
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Refusal, field_invalid, field_missing, success
from pytest_euicc.simulator.smdp.orders.inventory import confirmation_hash
from pytest_euicc.simulator.smdp.orders.orders import ENDED, Order, State

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.service import SmdpService

PATH = "/gsma/rsp2/es2plus/"
_MATCHING_ID_OCTETS = 10
_EID_DIGITS = 32


def call(service: SmdpService, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a function of FUNCTIONS; the answer as the JSON binding has it."""
    try:
        _check_header(body)
        answer = FUNCTIONS[function](service, body)
    except Refusal as refusal:
        return {"header": refusal.header()}
    return {"header": success(), **answer}


def _check_header(body: Mapping[str, Any]) -> None:
    """functionRequesterIdentifier and functionCallIdentifier are mandatory (SGP.22 6.5.1.3)."""
    header = body.get("header")
    if not isinstance(header, Mapping):
        raise field_missing("header")
    for name in ("functionRequesterIdentifier", "functionCallIdentifier"):
        json_binding.text(header, name)


def download_order(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """DownloadOrder (SGP.22 5.3.1): take an available profile, by ICCID or by type, for an EID if one is given.

    Raises:
        Refusal: 8.2.1/3.9 no such ICCID, 8.2.1/3.3 already in use, 8.2.5/3.9 no such type, 8.2.5/3.7 none left.
    """
    eid = _eid(body)
    number, profile_type = _iccid(body), json_binding.optional_text(body, "profileType")
    if number is not None:
        order = service.book.by_iccid(number)
        if order is None:
            raise Refusal("8.2.1", "3.9", "no such ICCID")
        if order.state is not State.AVAILABLE:
            raise Refusal("8.2.1", "3.3", f"the profile is {order.state}, not Available")
    elif profile_type is not None:
        order = _available(service, profile_type)
    else:
        raise Refusal("1.3.1", "2.3", "either iccid or profileType is needed")
    order.eid = eid
    order.state = State.LINKED if eid is not None else State.ALLOCATED
    service.book.changed(order)
    return {"iccid": iccids.to_digits(order.profile.iccid)}


def _available(service: SmdpService, profile_type: str) -> Order:
    order = service.book.by_type(profile_type)
    if order is not None:
        return order
    if any(each.profile.profile_type == profile_type for each in service.book):
        raise Refusal("8.2.5", "3.7", f"no profile of type {profile_type} is left")
    raise Refusal("8.2.5", "3.9", f"no profile type {profile_type}")


def confirm_order(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """ConfirmOrder (SGP.22 5.3.2): matchingId, confirmation code, release at once if asked.

    Raises:
        Refusal: 8.2.1/3.9 ICCID, 8.2.1/1.2 not ordered, 8.1.1/3.10 other EID, 8.1.1/2.2 no EID, 8.2.6/3.3 matchingId
            in use.
    """
    order = _ordered(service, body, State.ALLOCATED, State.LINKED)
    eid, matching_id = _eid(body), json_binding.optional_text(body, "matchingId")
    release = body.get("releaseFlag")
    if not isinstance(release, bool):
        raise field_missing("releaseFlag") if release is None else field_invalid("releaseFlag", "wanted true or false")
    if order.eid is not None and eid is not None and eid != order.eid:
        raise Refusal("8.1.1", "3.10", "the order is for another EID")
    eid = eid or order.eid
    if eid is None and (matching_id == "" or json_binding.optional_text(body, "smdsAddress")):
        raise Refusal("8.1.1", "2.2", "an order without matchingId, or for an SM-DS, needs an EID")
    if matching_id is None:
        matching_id = _new_matching_id()
    other = service.book.by_matching_id(matching_id)
    if other is not None and other is not order:
        raise Refusal("8.2.6", "3.3", "the matchingId is in use")
    code = json_binding.optional_text(body, "confirmationCode")
    order.eid, order.matching_id = eid, matching_id
    order.confirmation_hash = confirmation_hash(code) if code else None
    order.confirmation_failures = 0
    order.state = State.RELEASED if release else State.CONFIRMED
    service.book.changed(order)
    answer = {"matchingId": matching_id, "smdpAddress": service.inventory.addresses[0]}
    return answer if eid is None else {"eid": eid.hex(), **answer}


# An EID that such an order has is the operator's word; later it may be that of the eUICC that began a download.
_OF_THE_OPERATOR = (State.LINKED, State.CONFIRMED, State.RELEASED)


def _new_matching_id() -> str:
    # Hex letters are of the alphabet of SGP.22 4.1.1; the group of four reads better.
    text = secrets.token_hex(_MATCHING_ID_OCTETS).upper()
    return "-".join(text[at : at + 5] for at in range(0, len(text), 5))


def cancel_order(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """CancelOrder (SGP.22 5.3.3): the profile becomes available again or unavailable.

    Raises:
        Refusal: 8.2.1/3.9 ICCID, 8.2.1/3.3 already installed, 8.1.1/3.10 other EID, 8.1.1/2.2 no EID although the
            operator ordered for one, 8.2.6/3.10 other matchingId.
    """
    order = _existing(service, body)
    if order.state is State.INSTALLED:
        raise Refusal("8.2.1", "3.3", "the profile is installed")
    eid, matching_id = _eid(body), json_binding.optional_text(body, "matchingId")
    if eid is not None and order.eid is not None and eid != order.eid:
        raise Refusal("8.1.1", "3.10", "the order is for another EID")
    if eid is None and order.eid is not None and order.state in _OF_THE_OPERATOR:
        raise Refusal("8.1.1", "2.2", "the order is for an EID")
    if matching_id is not None and matching_id != order.matching_id:
        raise Refusal("8.2.6", "3.10", "the order has another matchingId")
    indicator = json_binding.text(body, "finalProfileStatusIndicator")
    states = {"Available": State.AVAILABLE, "Unavailable": State.UNAVAILABLE}
    if indicator not in states:
        raise field_invalid("finalProfileStatusIndicator", "wanted Available or Unavailable")
    service.book.add(Order(replace(order.profile), states[indicator]))
    return {}


def release_profile(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """ReleaseProfile (SGP.22 5.3.4).

    Raises:
        Refusal: 8.2.1/3.9 ICCID, 8.2.1/1.2 not confirmed.
    """
    order = _ordered(service, body, State.CONFIRMED)
    order.state = State.RELEASED
    service.book.changed(order)
    return {}


FUNCTIONS: dict[str, Callable[[SmdpService, Mapping[str, Any]], dict[str, Any]]] = {
    "downloadOrder": download_order,
    "confirmOrder": confirm_order,
    "cancelOrder": cancel_order,
    "releaseProfile": release_profile,
}
"""The functions an operator calls, by the last part of their path."""


def _existing(service: SmdpService, body: Mapping[str, Any]) -> Order:
    number = _iccid(body)
    if number is None:
        raise field_missing("iccid")
    order = service.book.by_iccid(number)
    if order is None:
        raise Refusal("8.2.1", "3.9", "no such ICCID")
    return order


def _ordered(service: SmdpService, body: Mapping[str, Any], *states: State) -> Order:
    order = _existing(service, body)
    if order.state not in states or order.state in ENDED:
        raise Refusal("8.2.1", "1.2", f"the profile is {order.state}, not {' or '.join(states)}")
    return order


def _iccid(body: Mapping[str, Any]) -> bytes | None:
    text = json_binding.optional_text(body, "iccid")
    try:
        return None if text is None else iccids.to_octets(text)
    except ValueError as error:
        raise field_invalid("iccid", str(error)) from None


def _eid(body: Mapping[str, Any]) -> bytes | None:
    text = json_binding.optional_text(body, "eid")
    if text is None:
        return None
    if len(text) != _EID_DIGITS or not text.isascii() or not text.isdecimal():
        raise field_invalid("eid", "an EID has 32 digits")
    return bytes.fromhex(text)
