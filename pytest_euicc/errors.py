"""The base of every error that this package raises on purpose."""

from __future__ import annotations


class PytestEuiccError(Exception):
    """Something from outside is wrong; the message names it, and says how to fix it where the reader can.

    Errors that callers take for a `ValueError` or an `OSError` are that as well.
    """
