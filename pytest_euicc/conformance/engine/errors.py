"""Errors that end a sequence without a verdict of the implementation under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_euicc.errors import PytestEuiccError

if TYPE_CHECKING:
    pass


class Unreachable(PytestEuiccError):
    """A state cannot be reached; the sequence is inconclusive. The text says what was missing."""


class NotPermitted(PytestEuiccError):
    """The card must not be changed; the sequence is not applicable. The text says how to permit it."""


class CannotOffer(Unreachable):
    """A server cannot be given what a sequence needs; the message says what has to be loaded into it."""
