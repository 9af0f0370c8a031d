"""Procedures that repeat downloads: the power cut at every segment, the memory filled (SGP.22 3.1.3, 5.7.6, 5.7.8)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.conformance.actions import Message, Outcome, action
from pytest_euicc.conformance.actions_lpa import RESULT, Octets, attempt, last_session, offer
from pytest_euicc.conformance.checks import free_memory
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.profiles import profiles_on
from pytest_euicc.conformance.shapes import NUMBER, OCTETS, Shape, listing, mapping
from pytest_euicc.conformance.smdp_access import Curve, Keys
from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.es10.isdr import Es10Error

_MOST_CUTS = 1000


def _with(name: str, **fields: Shape) -> Shape:
    """The result of a download with fields of its own."""
    return mapping(name, **RESULT.fields, **fields)


@action("lpa.power_cuts", response=_with("power cuts", cuts=NUMBER, changed_after=listing(NUMBER)), changes=True)
def power_cuts(
    context: Context, message: Message, *, keys: Keys | None = None, curve: Curve = "nist", octets: Octets = 0
) -> Outcome:
    """A download whose card loses its power after the first segment, again after the second and so on, up to the last.

    After every cut the card is looked at: ``changed_after`` names the segments after which the profiles were not what
    they had been before, or a whole package's worth of free memory was gone. (Less may go for a pending result, or come
    back only in a while.) The result is that of the last download, which is let through.
    """
    code = offer(context, octets=octets, keys=keys, tries=_MOST_CUTS)
    profiles, free = _shown(context, message)
    changed: list[int] = []
    for cuts in range(_MOST_CUTS):
        value = attempt(context, message, curve, lambda lpa: lpa.download(code), cut_after=cuts + 1)
        if value["result"] != "interrupted":
            return Outcome(value=value | {"cuts": cuts, "changed_after": changed})
        profiles_now, free_now = _shown(context, message)
        if profiles_now != profiles or free - free_now >= len(last_session(context).bound_profile_package):
            changed.append(cuts + 1)
    raise Unreachable(f"after {_MOST_CUTS} segments the load has not come to an end")


def _shown(context: Context, message: Message) -> tuple[list[dict[str, Any]], int]:
    """Profiles and octets of free non-volatile memory as the card shows them."""
    isdr = context.isdr(message.channel)
    try:
        free = free_memory(isdr.get_euicc_info2()["extCardResource"])
    except (Es10Error, TlvError, LookupError) as error:
        raise Unreachable(f"the free memory cannot be read: {error}") from error
    return [profile.info for profile in profiles_on(isdr)], free


@action("lpa.fill_memory", response=_with("downloads", installed=NUMBER, last=OCTETS), changes=True)
def fill_memory(
    context: Context, message: Message, *, octets: Octets = 40_000, at_most: int = 60, curve: Curve = "nist"
) -> Outcome:
    """Download profiles, one after the other, until one is not installed.

    ``octets``: how long the package of each is at least; ``last``: ICCID of the last one that was installed. The result
    is that of the download that failed; a card that takes ``at_most`` cannot be judged.
    """
    last: dict[str, bytes] = {}
    for installed in range(at_most):
        code = offer(context, octets=octets)
        value = attempt(context, message, curve, lambda lpa, code=code: lpa.download(code))  # type: ignore[misc]
        if value["result"] != "installed":
            return Outcome(value=value | last | {"installed": installed})
        last = {"last": value["iccid"]}
    raise Unreachable(f"{at_most} profiles of {octets} octets and more do not fill the memory; raise octets or at_most")
