"""The registry of named checks of ``verify:``, and those that need nothing but the octets.

A check is a Python function ``(context, outcome, *, arguments…) -> Iterable[Mismatch]``: nothing when all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.actions import Outcome
from pytest_euicc.conformance.matchers import Mismatch
from pytest_euicc.conformance.registry import Parameters, Registry
from pytest_euicc.conformance.text import describe

if TYPE_CHECKING:
    from pytest_euicc.conformance.context import Context

CheckFunction = Callable[..., Iterable[Mismatch]]


@dataclass(frozen=True)
class Check:
    """A registered check."""

    name: str
    title: str
    function: CheckFunction
    parameters: Parameters

    def __call__(self, context: Context, outcome: Outcome, arguments: dict[str, Any]) -> list[Mismatch]:
        """Run the check with arguments as written (references resolved)."""
        return list(self.function(context, outcome, **self.parameters.bind(arguments)))


CHECKS: Registry[Check] = Registry("check")


def check(name: str) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check; the first line of its docstring is its title."""

    def register(function: CheckFunction) -> CheckFunction:
        title = (function.__doc__ or name).strip().splitlines()[0].rstrip(".")
        CHECKS.add(name, Check(name, title, function, Parameters(function)))
        return function

    return register


@check("der")
def der(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The answer is canonical DER and all its octets are used (SGP.22 2.4a.1, X.690 10)."""
    for fault in codec.check_der(outcome.octets, outcome.type_name):
        yield Mismatch(f"octet {fault.offset}", "canonical DER", fault.reason)


@check("complete")
def complete(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The answer has no element that its type does not have."""
    for element in outcome.unknown:
        yield Mismatch("", f"only elements of {outcome.type_name}", str(element))


@check("eid_check_digits")
def eid_check_digits(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The EID has 32 digits, starts with 89 and is 1 modulo 97 (SGP.02 2.2.2)."""
    eid = (outcome.value or {}).get("eidValue", b"").hex()
    if len(eid) != 32 or not eid.isdigit():
        yield Mismatch("eidValue", "32 decimal digits", eid)
    elif not eid.startswith("89"):
        yield Mismatch("eidValue", "digits that start with 89", eid)
    elif int(eid) % 97 != 1:
        yield Mismatch("eidValue", "a number that is 1 modulo 97", f"{eid} (modulo 97: {int(eid) % 97})")


@check("ci_lists_match")
def ci_lists_match(_context: Context, outcome: Outcome, *, with_: Any) -> Iterator[Mismatch]:
    """The CI lists and the svn are those of the other EUICCInfo (SGP.22 5.7.8)."""
    for name in ("euiccCiPKIdListForVerification", "euiccCiPKIdListForSigning", "svn"):
        ours, theirs = (outcome.value or {}).get(name), with_.get(name) if isinstance(with_, dict) else None
        if ours != theirs:
            yield Mismatch(name, describe(theirs), describe(ours))


@check("more_free_memory")
def more_free_memory(_context: Context, outcome: Outcome, *, than: bytes) -> Iterator[Mismatch]:
    """EUICCInfo2 names more free non-volatile memory than an earlier extCardResource (ETSI TS 102 226 8.2.1.7.2)."""
    try:
        before, now = free_memory(than), free_memory((outcome.value or {}).get("extCardResource", b""))
    except (tlv.TlvError, LookupError) as error:
        yield Mismatch("extCardResource", "tags 81, 82 and 83", str(error))
        return
    if now <= before:
        yield Mismatch("extCardResource", f"more than {before} octets of free non-volatile memory", str(now))


def card_resources(octets: bytes) -> dict[str, int]:
    """What an extCardResource tells, by name (ETSI TS 102 226 8.2.1.7.2); raises TlvError."""
    names = {0x81: "applications", 0x82: "non_volatile", 0x83: "volatile"}
    parts = tlv.parse_all(octets)
    return {names[part.tag]: int.from_bytes(part.value, "big") for part in parts if part.tag in names}


def free_memory(resources: bytes) -> int:
    """Octets of free non-volatile memory of an extCardResource; raises TlvError or LookupError."""
    found = card_resources(resources)
    if "non_volatile" not in found:
        raise LookupError(f"no tag 82 in {resources.hex().upper() or 'nothing'}")
    return found["non_volatile"]
