"""Actions that send nothing: they compare what was saved."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.conformance.actions import Message, Outcome, action
from pytest_euicc.conformance.checks import card_resources
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.matchers import Mismatch, equal
from pytest_euicc.conformance.registry import Hex
from pytest_euicc.conformance.shapes import ANY, NUMBER, mapping
from pytest_euicc.conformance.text import describe

_RESOURCES = mapping("extended card resources", applications=NUMBER, non_volatile=NUMBER, volatile=NUMBER)


@action("check.equal")
def check_equal(_context: Context, _message: Message, *, left: Any, right: Any) -> Outcome:
    """Two saved values are equal."""
    if equal(right, left):
        return Outcome()
    return Outcome(mismatches=(Mismatch("", describe(right), describe(left)),))


@action("check.value", response=ANY)
def check_value(_context: Context, _message: Message, *, of: Any) -> Outcome:
    """A saved value is as expected."""
    return Outcome(value=of)


@action("check.card_resource", response=_RESOURCES)
def check_card_resource(_context: Context, _message: Message, *, of: Hex) -> Outcome:
    """Extended card resources taken apart (ETSI TS 102 226 8.2.1.7.2)."""
    outcome = Outcome(octets=of, shape=_RESOURCES)
    try:
        outcome.value = card_resources(of)
    except TlvError as error:
        outcome.fault = str(error)
    return outcome
