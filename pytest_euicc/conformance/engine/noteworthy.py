"""What is noted of any answer without being asked for, and never decides a verdict by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.asn1.errors import Asn1Error
from pytest_euicc.card.status_words import describe as describe_status
from pytest_euicc.conformance.engine.message import Outcome, Part
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.observations import (
    BASE64_LINES,
    CHOICE,
    LATER_VERSION,
    NOT_DER,
    SERVER_ERROR,
    UNKNOWN_ELEMENT,
    UNREADABLE_ENTRY,
    Observation,
)
from pytest_euicc.conformance.files.vector import Expectation, Step
from pytest_euicc.conformance.values.matchers import Match
from pytest_euicc.conformance.values.text import describe, parse_version

_SERVER_ERROR = 500
_JUDGES_ENCODING = "encoding"
"""The check of ES9+ that fails for what is not DER, but for a default that is written out."""
_INDEX = re.compile(r"\.?\b\d+\b")
_IOT = "O_E_IOT"

FIRST_VERSIONS: Mapping[str, tuple[int, int]] = {
    "serviceSpecificDataStoredInEuicc": (2, 4),
    "serviceSpecificDataNotStoredInEuicc": (2, 4),
    "lpaMode": (2, 7),
    "euiccCiPKIdListForSigningV3": (2, 7),
    "additionalEuiccInfo": (2, 7),
    "highestSvn": (2, 7),
    "iotSpecificInfo": (2, 7),
    "ecallIndication": (2, 7),
    "fallbackAttribute": (2, 7),
    "fallbackAllowed": (2, 7),
}
"""The first version of SGP.22 that has a field, for fields that came after v2.2; SGP.32 has those of v2.7 too."""


def noteworthy(declaration: Declaration, step: Step, outcome: Outcome) -> Iterator[Observation]:
    """Observations of one answer, whatever the step expects."""
    for element in outcome.unknown:
        yield Observation(UNKNOWN_ELEMENT, f"{outcome.type_name}: unknown element {element}")
    for fault in outcome.odd:
        yield Observation(UNREADABLE_ENTRY, f"{outcome.type_name}: {fault}")
    if outcome.reply is not None:
        if outcome.reply.status >= _SERVER_ERROR:
            yield Observation(SERVER_ERROR, f"{outcome.reply.function} was answered with HTTP {outcome.reply.status}")
        for name in outcome.reply.in_lines:
            yield Observation(BASE64_LINES, f"{outcome.reply.function}: {name} has line breaks", "RFC 2045 6.8")
        for part in outcome.parts:
            yield from _within(step, part)
        return
    if outcome.type_name and outcome.received:
        if all(call.name != "der" for call in step.verify):
            for broken in islice(codec.check_der(outcome.received, outcome.type_name), 1):
                yield Observation(NOT_DER, f"{outcome.type_name}: {broken.reason}", "X.690 8 to 11")
        yield from _later(declaration, outcome)


def _within(step: Step, part: Part) -> Iterator[Observation]:
    """Observations of a value of ASN.1 within an answer; one that cannot be read is a mismatch already."""
    if part.type_name is not None:
        with suppress(Asn1Error):
            for element in codec.receive(part.type_name, part.octets).unknown:
                yield Observation(UNKNOWN_ELEMENT, f"{part.type_name}: unknown element {element}")
    judged = any(call.name == _JUDGES_ENCODING for call in step.verify)
    faults = (fault for fault in codec.check_der(part.octets, part.type_name) if fault.default or not judged)
    for broken in islice(faults, 1):
        yield Observation(NOT_DER, f"{part.name}: {broken.reason}", "X.690 8 to 11")


def _later(declaration: Declaration, outcome: Outcome) -> Iterator[Observation]:
    if declaration.options.get(_IOT):
        return
    followed = tuple(parse_version(declaration.version)[:2])
    later = {name: first for name, first in FIRST_VERSIONS.items() if first > followed}
    names = _names(outcome.value) if later else ()
    for name, first in later.items():
        if name in names:
            text = f"{outcome.type_name}: {name} is a field of v{first[0]}.{first[1]}, later than the declared version"
            yield Observation(LATER_VERSION, text, "SGP.22 2.11")


def _names(value: Any) -> set[str]:
    """Names of all fields of a decoded value."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.update(value)
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return found


def chosen(step: Step, choice: Expectation, outcome: Outcome, result: Match) -> Iterator[Observation]:
    """Which of the permitted alternatives an implementation chose, where a step permits several."""
    what = step.title or step.action
    if len(step.expectations) > 1:
        number = step.expectations.index(choice) + 1
        reported = choice.because or describe(
            choice.expect if choice.expect is not None else choice.sw or choice.status, 200
        )
        yield Observation(CHOICE, f"{what}: permitted alternative {number} of {len(step.expectations)}: {reported}")
    if len(choice.status or ()) > 1:
        yield Observation(
            CHOICE, f"{what}: status {outcome.status} of the permitted {' or '.join(choice.status or ())}"
        )
    if len(choice.sw or ()) > 1 and outcome.sw is not None:
        permitted = " or ".join(choice.sw or ())
        reported = f"{outcome.sw:04X} ({describe_status(outcome.sw)})"
        yield Observation(CHOICE, f"{what}: status word {reported} of the permitted {permitted}")
    for path, alternative in result.chosen:
        yield Observation(CHOICE, f"{what}: {_INDEX.sub('', path) or 'value'}: {alternative}")
