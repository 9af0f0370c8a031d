"""The cards of the bench: what is on them, and which of the two is in the reader."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from pytest_euicc.conformance.engine.arguments import SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, state
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.conformance.values.shapes import BOOLEAN, mapping
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.bench import WhichCard
from pytest_euicc.rsp.iccid import check_digit, to_digits, to_octets
from pytest_euicc.rsp.icons import icon

_CLOSE = 0x80
_DIGITS = {"first": "8900101234567890", "second": "8900101234567891"}
"""ICCIDs of profiles that have none: all but a number of three digits and the check digit."""


@state("lpad.card")
def card(
    context: Context,
    *,
    profiles: list[dict[str, Any]] | None = None,
    settings: dict[str, Any] | None = None,
    defects: list[str] | None = None,
    variants: list[str] | None = None,
    pending: list[dict[str, Any]] | None = None,
    as_: SaveAs = "profiles",
) -> Generator[None, None, None]:
    """The card that the LPA finds; without this state it is an eUICC without profiles.

    Args:
        profiles: installed profiles, in the format of the settings of the simulated eUICC (``name``, ``enabled``,
            ``class``, ``ppr``, ``notify``, …); an ICCID is made where none is given, and a number for ``icon`` is its
            length in octets.
        settings: other settings of the simulated eUICC.
        defects: names of its defects.
        variants: names of its permitted variants.
        pending: notifications that wait on it: ``event`` (``result``, ``install``, ``enable``, ``disable``,
            ``delete``), ``address``, and where they matter ``number``, ``repeat`` (how many), ``iccid`` (empty for
            none) and ``more`` (further elements of its metadata, in hex).
        as: saves the profiles, a list of ``iccid`` (octets) and ``digits``.
    """
    made = _installed("first", profiles)
    bench_of(context).put_card({**(settings or {}), "profiles": made}, defects or (), variants or (), pending or ())
    context.save(as_, _named(made))
    yield


@state("lpad.second_card")
def second_card(
    context: Context,
    *,
    profiles: list[dict[str, Any]] | None = None,
    settings: dict[str, Any] | None = None,
    pending: list[dict[str, Any]] | None = None,
    as_: SaveAs = "second",
) -> Generator[None, None, None]:
    """There is a second card, an eUICC with another EID, which ``lpad.insert_card`` puts in instead of the first.

    Args:
        profiles: as for ``lpad.card``.
        settings: likewise.
        pending: likewise.
        as: saves ``eid`` (octets) and ``profiles`` as ``lpad.card`` does.
    """
    made = _installed("second", profiles)
    bench = bench_of(context)
    bench.put_card({**(settings or {}), "profiles": made}, waiting=pending or (), which="second")
    context.save(as_, {"eid": bench.eid_of("second"), "profiles": _named(made)})
    yield


def _installed(which: WhichCard, entries: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    made = []
    for number, entry in enumerate(entries or [], 1):
        digits = f"{_DIGITS[which]}{number:03d}"
        default = {"iccid": to_octets(digits + check_digit(digits)).hex(), "name": f"Profile {number}"}
        if isinstance(entry.get("icon"), int):
            entry = {**entry, "icon": _icon(number, entry.get("icon_type", "png"), entry["icon"])}
        made.append({**default, **entry})
    return made


def _icon(number: int, kind: str, octets: int) -> str:
    try:
        return icon(kind, octets).hex()
    except ValueError as error:
        raise ValueMistake(("profiles", number - 1, "icon"), str(error)) from error


def _named(profiles: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    octets = [bytes.fromhex(entry["iccid"]) for entry in profiles]
    return [{"iccid": each, "digits": to_digits(each)} for each in octets]


@state("lpad.occupied_channel")
def occupied_channel(context: Context) -> Generator[None, None, None]:
    """Another application of the device has a logical channel, which it opens after every reset of the card.

    ``lpad.other_channel`` reports what the LPA does to it.
    """
    bench_of(context).occupy_channel()
    yield


@action("lpad.other_channel", response=mapping("the other application's channel", used=BOOLEAN, closed=BOOLEAN))
def other_channel(context: Context, _message: Message) -> Outcome:
    """What the LPA did in this sequence to the channel of another application (``lpad.occupied_channel``).

    Returns:
        ``used``: something was selected or sent there though the card had not opened it for the LPA (SGP.22 5.7.1);
        ``closed``: MANAGE CHANNEL closed it.
    """
    taken: int | None = None
    used = closed = False
    for call in bench_of(context).record.calls:
        if call.name == "CHANNEL TAKEN":
            taken = int(call.value["channel"])
        elif call.name in ("RESET", "CARD RESET"):
            taken = None
        elif call.name == "MANAGE CHANNEL" and call.value["p1"] == _CLOSE and call.value["p2"] == taken:
            taken, closed = None, closed or call.status == "9000"
        elif taken is not None and call.value.get("channel") == taken:
            used = True
    return Outcome(value={"used": used, "closed": closed})


@action("lpad.insert_card")
def insert_card(context: Context, _message: Message, *, card: WhichCard) -> Outcome:
    """The card is removed and another one is inserted, while the LPA is idle.

    Args:
        card: ``second`` (state ``lpad.second_card``) or ``first``; it may be the one that was removed.
    """
    bench_of(context).insert_card(card)
    return Outcome()
