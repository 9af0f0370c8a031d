"""An OrderWish as an entry of an inventory, for the simulated server or to be loaded into another."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.rsp.icons import icon

_PAST = "2021-01-01T00:00:00Z"
_EVENTS = ("install", "enable", "disable", "delete")


def entry(wish: OrderWish, matching_id: str, address: str, iccid: str | None = None) -> dict[str, Any]:
    """The entry with what is needed and nothing else, without a profile package.

    Args:
        matching_id: empty for one found by EID alone.
        address: smdpAddress, to which notifications go.
        iccid: digits; None: that of the profile package.
    """
    optional = {
        "matching_id": matching_id or None,
        "eid": wish.eid.hex() if wish.eid else None,
        "event": wish.event or None,
        "state": wish.state,
        "iccid": iccid,
        "keys": wish.keys,
        "confirmation_code": wish.confirmation_code,
        "confirmation_tries": wish.confirmation_tries,
        "tries": wish.tries,
        "expires": _PAST if wish.expired else None,
        "rebinding": None if wish.rebinding else False,
        "needs": {"memory": wish.memory} if wish.memory else None,
        "metadata": _metadata(wish, address),
    }
    return {name: value for name, value in optional.items() if value is not None}


def _metadata(wish: OrderWish, address: str) -> dict[str, Any]:
    metadata = dict(wish.metadata)
    notify = metadata.get("notify", [{"events": list(_EVENTS)}])
    metadata["notify"] = [{**each, "address": each.get("address", address)} for each in notify]
    if wish.icon:
        metadata["icon"] = icon(metadata.get("icon_type", "png"), wish.icon).hex()
    return metadata
