"""Observations: what is noteworthy about an implementation under test and proves no fault."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_ELEMENT, UNREADABLE_ENTRY = "unknown-element", "unreadable-entry"
CARD_START, SERVER_ERROR = "card-start", "server-error"
NOT_COMPARED, NOT_RESTORED = "not-compared", "not-restored"
LEFT_OUT = "left-out"
LATER_VERSION, NOT_DER, CHOICE = "later-version", "not-der", "choice"
CONTRADICTION, BASE64_LINES = "contradiction", "base64-lines"

KINDS: dict[str, str] = {
    UNKNOWN_ELEMENT: "An answer has an element that the tester's version of the type does not have",
    UNREADABLE_ENTRY: "An entry of a list of the card cannot be read; states do not touch it",
    CARD_START: "The card refuses a command of its start-up",
    SERVER_ERROR: "HTTP 5xx in an answer whose status no clause prescribes",
    LEFT_OUT: "An optional element that a sequence checks is absent, so it was not judged",
    LATER_VERSION: "An answer has a field that came with a later version than the declared one",
    NOT_DER: "An answer is not canonical DER, and the sequence does not judge that",
    BASE64_LINES: "Base64 in JSON has line breaks, of which SGP.22 says nothing",
    CHOICE: "Where a clause leaves a choice: the permitted alternative that the implementation chose",
    CONTRADICTION: "The declaration contradicts what the card reports about itself; one of the two is wrong",
    NOT_COMPARED: "The content of the card could not be read before or after the sequence, so it was not compared",
    NOT_RESTORED: "Profiles or notifications of the card's own were removed by the sequence, or appeared during it",
}
"""Kinds by name, with what they mean. A declaration may turn them into failures: ``observations: {kind: fail}``."""


@dataclass(frozen=True)
class Observation:
    """Something noteworthy that is not a fault by itself; ``kind`` is one of `KINDS` or of another package."""

    kind: str
    text: str
    clause: str | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.clause})" if self.clause else self.text
