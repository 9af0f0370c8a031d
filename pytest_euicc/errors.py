"""The base of every error that this package raises on purpose."""

from __future__ import annotations

from pytest_euicc.text import printable


class PytestEuiccError(Exception):
    """Something outside this package is wrong; the message names it and, if possible, how to fix it.

    Errors that callers take for a `ValueError` or an `OSError` are that as well. What the message quotes of cards,
    servers and files is made printable.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class OptionError(PytestEuiccError):
    """An option cannot be used; the message names it and how to fix it."""
