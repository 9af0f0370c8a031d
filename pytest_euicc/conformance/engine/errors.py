"""Errors that end a sequence without a verdict on the implementation under test, by who has to act."""

from __future__ import annotations

import enum
from typing import ClassVar

from pytest_euicc.asn1.errors import Asn1Error
from pytest_euicc.card.apdu import ApduError
from pytest_euicc.card.errors import ByTheDevice, CardError, ReplayEnded, ReplayMismatch, TraceError
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.conformance.values.tamper import TamperError
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.extras import MissingExtra


class Cause(enum.Enum):
    """Why a sequence is inconclusive; the text begins the reason in reports."""

    REFUSED = "refused by the implementation under test"
    NOT_REACHABLE = "implementation under test not reachable"
    SETUP = "test setup incomplete"
    VECTOR = "mistake in the vector"
    HARNESS = "fault of the harness"

    def __str__(self) -> str:
        return self.value


class InconclusiveError(PytestEuiccError):
    """A sequence cannot be judged; raised as one of its subclasses. The message says what is missing."""

    cause: ClassVar[Cause] = Cause.HARNESS


class Refused(InconclusiveError):
    """The implementation under test refuses what a sequence needs as a precondition."""

    cause = Cause.REFUSED


class NotReachable(InconclusiveError):
    """The implementation under test does not answer: connection, reader or card failed."""

    cause = Cause.NOT_REACHABLE


class SetupIncomplete(InconclusiveError):
    """The tester lacks something: a key or certificate, a server, a profile, a package."""

    cause = Cause.SETUP


class VectorMistake(InconclusiveError):
    """The vector asks for something impossible, such as the answer of a function that it did not call."""

    cause = Cause.VECTOR


class HarnessFault(InconclusiveError):
    """The harness itself is wrong."""

    cause = Cause.HARNESS


NOT_TRIED_AGAIN = "not tried again in this run"
"""In the message about a server that was lost before: the sequence that lost it says why."""


class CannotOffer(SetupIncomplete):
    """The server does not hold the profile that a sequence needs; the message says what to load into it."""


class NotPermitted(PytestEuiccError):
    """The card must not be changed; the sequence is not applicable. The text says how to permit it."""


_CAUSES: tuple[tuple[type[Exception], Cause], ...] = (
    (MissingExtra, Cause.SETUP),
    # The card answered, but with a status word that a command of the harness does not expect.
    (UnexpectedStatus, Cause.REFUSED),
    (TraceError, Cause.SETUP),
    (ReplayMismatch, Cause.SETUP),
    (ReplayEnded, Cause.SETUP),
    (Es10Error, Cause.REFUSED),
    (ByTheDevice, Cause.SETUP),
    (CardError, Cause.NOT_REACHABLE),
    # What steps write goes into requests: values, operations of tamper, commands.
    (ValueMistake, Cause.VECTOR),
    (TamperError, Cause.VECTOR),
    (ApduError, Cause.VECTOR),
    (Asn1Error, Cause.VECTOR),
)


def cause_of(error: Exception) -> Cause:
    """Who has to act on an error that ended a sequence."""
    if isinstance(error, InconclusiveError):
        return error.cause
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.HARNESS)


def reason_of(error: Exception) -> str:
    """The cause and the message of an error that ended a sequence, in one line of text or more."""
    cause = cause_of(error)
    foreign = cause is Cause.HARNESS and not isinstance(error, PytestEuiccError)
    return f"{cause}: {type(error).__name__}: {error}" if foreign else f"{cause}: {error}"
