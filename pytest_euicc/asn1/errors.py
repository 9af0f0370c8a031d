"""The error of the codec, and the paths it names places with."""

from __future__ import annotations

from pytest_euicc.errors import PytestEuiccError


class Asn1Error(PytestEuiccError, ValueError):
    """A value that cannot be encoded, or octets that are not of the type.

    Attributes:
        type_name: the type that was asked for.
        path: field names from the top, joined by dots.
        offset: of the element at fault in the received octets; None when encoding.
        reason: what is wrong.
    """

    def __init__(self, type_name: str, path: str, offset: int | None, reason: str) -> None:
        place = f"{type_name}{'.' if path else ''}{path}"
        super().__init__(f"{place}: {reason}" + ("" if offset is None else f" (octet {offset})"))
        self.type_name = type_name
        self.path = path
        self.offset = offset
        self.reason = reason


def join(path: str, name: str) -> str:
    """The path of a component."""
    return f"{path}.{name}" if path else name
