"""Actions that send nothing: they compare what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.declared import contradictions
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, check
from pytest_euicc.conformance.files.observations import CONTRADICTION, UNKNOWN_ELEMENT, Observation
from pytest_euicc.conformance.values.comparing import equal
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import ANY, NUMBER, mapping
from pytest_euicc.conformance.values.text import describe

if TYPE_CHECKING:
    from pytest_euicc.conformance.engine.context import Context

_RESOURCES = mapping("extended card resources", applications=NUMBER, non_volatile=NUMBER, volatile=NUMBER)


@action("check.equal")
def check_equal(_context: Context, _message: Message, *, left: Any, right: Any) -> Outcome:
    """Two saved values are equal.

    Args:
        left: a value, usually ``$saved``.
        right: the value to compare it with.
    """
    if equal(right, left):
        return Outcome()
    return Outcome(mismatches=(Mismatch("", describe(right), describe(left)),))


@action("check.value", response=ANY)
def check_value(_context: Context, _message: Message, *, of: Any) -> Outcome:
    """A saved value is as expected.

    Args:
        of: a value, usually ``$saved``; ``expect`` matches it.
    """
    return Outcome(value=of)


@action("check.card_resource", response=_RESOURCES)
def check_card_resource(_context: Context, _message: Message, *, of: Hex) -> Outcome:
    """The parts of an extCardResource are as expected (ETSI TS 102 226 8.2.1.7.2).

    Args:
        of: the extCardResource, usually ``$saved``.

    Returns:
        Number of installed applications, and bytes of free non-volatile and volatile memory.
    """
    try:
        return Outcome(received=of, value=card_resources(of), shape=_RESOURCES)
    except TlvError as error:
        return Outcome(received=of, shape=_RESOURCES, fault=str(error))


@check("der")
def der(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The answer is canonical DER of its type and all its octets are used (SGP.22 2.4a.1, X.690 10).

    An entry of a list that cannot be read is a fault here, and an observation where nothing asks for it.
    """
    for odd in outcome.odd:
        yield Mismatch(odd.path, f"a {outcome.type_name}", str(odd))
    for fault in codec.check_der(outcome.received, outcome.type_name):
        yield Mismatch(f"octet {fault.offset}", "canonical DER", fault.reason)


@check("complete")
def complete(_context: Context, outcome: Outcome) -> Iterator[Observation]:
    """Elements that the ASN.1 type of the answer does not define are listed as observations.

    Later versions add elements, and an LPA ignores those it does not know; a declaration may make them failures.
    """
    for element in outcome.unknown:
        yield Observation(UNKNOWN_ELEMENT, f"{outcome.type_name}: {element}")


@check("eid_check_digits")
def eid_check_digits(_context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The EID has 32 digits and is 1 modulo 97 (SGP.29 3); SGP.29 assigns EIDs that do not start with 89."""
    eid = (outcome.value or {}).get("eidValue", b"").hex()
    if len(eid) != 32 or not eid.isdigit():
        yield Mismatch("eidValue", "32 decimal digits", eid)
    elif int(eid) % 97 != 1:
        yield Mismatch("eidValue", "a number that is 1 modulo 97", f"{eid} (modulo 97: {int(eid) % 97})")


@check("ci_lists_match")
def ci_lists_match(_context: Context, outcome: Outcome, *, with_: Any) -> Iterator[Mismatch]:
    """The CI lists and the svn are those of the other EUICCInfo (SGP.22 5.7.8).

    Args:
        with: the other one, saved before.
    """
    for name in ("euiccCiPKIdListForVerification", "euiccCiPKIdListForSigning", "svn"):
        received, expected = (outcome.value or {}).get(name), with_.get(name) if isinstance(with_, dict) else None
        if received != expected:
            yield Mismatch(name, describe(expected), describe(received))


@check("as_declared")
def as_declared(context: Context, outcome: Outcome) -> Iterator[Observation]:
    """Differences between EUICCInfo2 and the declaration are listed as observations (SGP.22 5.7.8).

    Either may be wrong; a declaration may make them failures.
    """
    for found in contradictions(context.declaration, outcome.value):
        yield Observation(CONTRADICTION, str(found), "SGP.22 5.7.8")


@check("same_euicc_info2")
def same_euicc_info2(_context: Context, outcome: Outcome, *, as_: Any) -> Iterator[Mismatch]:
    """EUICCInfo2 in euiccSigned1 equals an earlier one, except extCardResource, which changes (SGP.22 5.7.8, 5.7.13).

    Args:
        as: the earlier one, saved before.
    """
    answer = outcome.value[1] if isinstance(outcome.value, tuple) else {}
    signed = (answer.get("euiccSigned1") or {}).get("euiccInfo2") or {}
    for name in {**as_, **signed}:
        if name != "extCardResource" and not equal(as_.get(name), signed.get(name)):
            yield Mismatch(f"euiccInfo2.{name}", describe(as_.get(name)), describe(signed.get(name)))


@check("more_free_memory")
def more_free_memory(_context: Context, outcome: Outcome, *, than: bytes) -> Iterator[Mismatch]:
    """EUICCInfo2 reports more free non-volatile memory than an earlier extCardResource (ETSI TS 102 226 8.2.1.7.2).

    Args:
        than: the earlier extCardResource, saved before.
    """
    try:
        before, now = free_memory(than), free_memory((outcome.value or {}).get("extCardResource", b""))
    except (tlv.TlvError, LookupError) as error:
        yield Mismatch("extCardResource", "tags 81, 82 and 83", str(error))
        return
    if now <= before:
        yield Mismatch("extCardResource", f"more than {before} octets of free non-volatile memory", str(now))


def card_resources(octets: bytes) -> dict[str, int]:
    """The content of an extCardResource, by name (ETSI TS 102 226 8.2.1.7.2); raises TlvError."""
    names = {0x81: "applications", 0x82: "non_volatile", 0x83: "volatile"}
    parts = tlv.parse_all(octets)
    return {names[part.tag]: int.from_bytes(part.value, "big") for part in parts if part.tag in names}


def free_memory(resources: bytes) -> int:
    """Octets of free non-volatile memory of an extCardResource; raises TlvError or LookupError."""
    found = card_resources(resources)
    if "non_volatile" not in found:
        raise LookupError(f"no tag 82 in {resources.hex().upper() or 'nothing'}")
    return found["non_volatile"]
