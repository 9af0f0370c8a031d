"""What has to be loaded into an SM-DP+ before a run: as a table, and as a file in the form of an inventory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_euicc.conformance.declaration import Declaration
from pytest_euicc.conformance.smdp_access import OrderWish
from pytest_euicc.conformance.smdp_needs import Need
from pytest_euicc.smdp_access.claims import Claims
from pytest_euicc.smdp_access.es2 import suitable

_PAST = "2021-01-01T00:00:00Z"
_EVENTS = ["install", "enable", "disable", "delete"]
_ICON = bytes.fromhex("89504E470D0A1A0A")
_WIDTH = 1000


@dataclass(frozen=True)
class Planned:
    """A need with where it comes from: ``ES2+ …``, ``inventory …``, or empty where it has to be loaded."""

    need: Need
    source: str


def plan(needs: Iterable[Need], declaration: Declaration) -> list[Planned]:
    """What a declaration has for each need already; a vendor's hook is asked in the run alone."""
    claims = Claims()
    return [Planned(need, _source(need.wish, declaration, claims)) for need in needs]


def _source(wish: OrderWish, declaration: Declaration, claims: Claims) -> str:
    by_hand = wish.by_eid and not all(profile.matching_id for profile in declaration.inventory)
    chosen = suitable(declaration.es2plus, wish) if declaration.es2plus is not None and not by_hand else None
    if chosen is not None:
        return f"ES2+ profileType {chosen.type}"
    held = claims.pick(declaration.inventory, wish)
    return f"inventory {held.matching_id or held.eid}" if held is not None else ""


def table(planned: Sequence[Planned]) -> list[str]:
    """Lines for a terminal."""
    width = max((len(each.need.sequence) for each in planned), default=0)
    return [f"{each.need.sequence:<{width}}  {each.source or 'load'}: {each.need.wish.words()}" for each in planned]


def write(path: Path, planned: Sequence[Planned], address: str, name: str) -> int:
    """Write what has to be loaded, in the form of an inventory; returns how many profiles.

    Args:
        address: smdpAddress, to which notifications go.
        name: of the SM-DP+, for the head of the file.
    """
    wanted = [(number, each.need) for number, each in enumerate(planned, 1) if not each.source]
    by_eid = [(number, need) for number, need in wanted if need.wish.by_eid]
    together = [pair for pair in wanted if pair not in by_eid or len(by_eid) == 1]
    lines = [
        f"# Profiles that the SM-DP+ has to hold ({name}), each for one sequence.",
        "# Load them, put in what your server chose otherwise (matching_id, iccid, confirmation_code), and name this",
        "# file under inventory: of the declaration. What you do not know may be left out; what is said is compared.",
        "profiles:" if together else "profiles: []",
    ]
    for number, need in together:
        lines += _lines(number, need, address, "  ")
    if len(by_eid) > 1:
        lines.append("# The following are found by the EID alone, so that the server may choose any of several that it")
        lines.append("# holds. Let it hold one of them at a time, and run its sequence with -k.")
        for number, need in by_eid:
            lines += _lines(number, need, address, "#  ")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(together)


def _lines(number: int, need: Need, address: str, indent: str) -> list[str]:
    text = yaml.safe_dump([entry(number, need.wish, address)], sort_keys=False, default_flow_style=None, width=_WIDTH)
    return [
        f"{indent.rstrip(' ') or ' '} # {need.sequence}: {need.title}",
        *(indent + line for line in text.splitlines()),
    ]


def entry(number: int, wish: OrderWish, address: str) -> dict[str, Any]:
    """A profile as an inventory has it; what a server would choose is proposed.

    Args:
        number: makes matchingId and ICCID those of no other.
    """
    made: dict[str, Any] = {}
    if not wish.by_eid:
        made["matching_id"] = wish.matching_id or f"PYTEST-{number:04d}"
    made |= {"eid": wish.eid.hex()} if wish.eid else {}
    made |= {"event": True} if wish.event else {}
    made |= {"state": wish.state, "iccid": _iccid(number), "keys": wish.keys or "session"}
    optional = {
        "confirmation_code": wish.confirmation_code,
        "confirmation_tries": wish.confirmation_tries,
        "tries": wish.tries,
        "expires": _PAST if wish.expired else None,
        "rebinding": None if wish.rebinding else False,
        "needs": {"memory": wish.memory} if wish.memory else None,
    }
    made |= {name: value for name, value in optional.items() if value is not None}
    return made | {"metadata": _metadata(wish, address)}


def _metadata(wish: OrderWish, address: str) -> dict[str, Any]:
    metadata = dict(wish.metadata)
    notify = metadata.get("notify", [{"events": list(_EVENTS)}])
    metadata["notify"] = [{**each, "address": each.get("address", address)} for each in notify]
    if wish.icon:
        metadata["icon"] = _ICON.ljust(wish.icon, b"\0")[: wish.icon].hex()
    return metadata


def _iccid(number: int) -> str:
    """Digits of the range for tests, the last one the check digit (ITU-T E.118, ISO/IEC 7812-1)."""
    digits = f"8999{number:014d}"
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    total = sum(value // 10 + value % 10 for value in doubled)
    return f"{digits}{-total % 10}"
