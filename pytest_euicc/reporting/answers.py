"""What an implementation under test answers otherwise than in an earlier run, under the same verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_euicc.reporting.run_file import Entry

_OF_THE_MOMENT = frozenset(
    {
        *("euiccChallenge", "serverChallenge", "transactionId", "euiccSigned1", "euiccSignature1", "euiccSignature2"),
        *("euiccCancelSessionSignature", "euiccSignPIR", "euiccNotificationSignature", "euiccOtpk", "smdpOtpk"),
        *("bppEuiccOtpk", "serverSignature1", "smdpSignature2", "boundProfilePackage", "seqNumber", "extCardResource"),
        *("iccid", "isdpAid", "aid", "simaResponse", "message", "hashCc", "matchingId", "http", "profileName"),
    }
)
"""Fields that a conforming implementation gives another value each time, or that depend on the tester's."""
_ABSENT = "absent"
"""In place of a field that an answer does not have."""
_TESTERS_ICCID = re.compile(r"9899[0-9]{14}[0-9Ff]{2}")
"""ICCIDs of profiles that the tester installs are made from the seed."""
_NOTIFICATIONS = re.compile(r"(?:the notification|notifications (?:added|removed):) \d+(?:, \d+)*")
"""What observations say of notifications; a card counts these on, so that the next run has other numbers."""


def changed_answers(earlier: Sequence[Entry], after: Entry) -> Iterator[str]:
    """Fields of answers that differ from the first run, and did not differ between the runs before."""
    base, now = _answers(earlier[0]), _answers(after)
    changed = [place for place in {**base, **now} if base.get(place, _ABSENT) != now.get(place, _ABSENT)]
    # The runs between are looked into only where there is something to see.
    between = [_answers(entry) for entry in earlier[1:]] if changed else []
    for place in changed:
        was = base.get(place, _ABSENT)
        if all(answers.get(place, _ABSENT) == was for answers in between):
            yield f"{place}: {words(was)} -> {words(now.get(place, _ABSENT))}"
    always = set.intersection(*(_observed(entry) for entry in earlier))
    ever = set.union(*(_observed(entry) for entry in earlier))
    yield from (f"new observation: {text}" for text in sorted(_observed(after) - ever))
    yield from (f"no longer observed: {text}" for text in sorted(always - _observed(after)))


def _observed(entry: Entry) -> set[str]:
    """What was observed, without sequence numbers of notifications and without ICCIDs of the tester."""
    texts = (_TESTERS_ICCID.sub("of the tester", str(each.get("text", each))) for each in entry.observations)
    return {_NOTIFICATIONS.sub(lambda found: re.sub(r"\d+", "N", found[0]), text) for text in texts}


def _answers(entry: Entry) -> dict[str, Any]:
    """Everything that the implementation answered in a sequence, by step and field."""
    found: dict[str, Any] = {}
    for step in entry.steps:
        if step.phase == "step":
            place = f"step {step.number}, {step.action}"
            found |= {f"{place}, status": step.sw or step.status} if step.sw or step.status else {}
            found |= {f"{place}, {path}": leaf for path, leaf in _leaves(step.received, "")}
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in _OF_THE_MOMENT:
                yield from _leaves(part, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        yield path, [entry for _, entry in _flat(value)]
    else:
        yield path, _TESTERS_ICCID.sub("ICCID of a tester's profile", value) if isinstance(value, str) else value


def _flat(value: list[Any]) -> Iterator[tuple[str, Any]]:
    for entry in value:
        yield from _leaves(entry, "")


def words(value: Any) -> str:
    """A value in one line of at most 120 characters."""
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
