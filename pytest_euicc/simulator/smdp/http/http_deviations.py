"""What the HTTP face of ES9+ may do wrong, each by its name in the registry of defects (SGP.22 6.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from pytest_euicc.simulator.smdp.http.status import Rejected

_FIELDS: dict[str, frozenset[str]] = {
    "initiateAuthentication": frozenset({"euiccChallenge", "euiccInfo1", "smdpAddress"}),
    "authenticateClient": frozenset({"transactionId", "authenticateServerResponse"}),
    "getBoundProfilePackage": frozenset({"transactionId", "prepareDownloadResponse"}),
    "handleNotification": frozenset({"pendingNotification"}),
    "cancelSession": frozenset({"transactionId", "cancelSessionResponse"}),
}
_TEXT = ("smdpAddress", "transactionId")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/=]")
_BAD_REQUEST = 400
_WHILE_OTHERS_COME = 0.02


class Deviations:
    """Deviations that are switched on, looked up at each request; without any it changes nothing.

    Args:
        defects: gives their names.
    """

    def __init__(self, defects: Callable[[], Container[str]]) -> None:
        self._defects = defects
        self._latest = b""

    def _has(self, name: str) -> bool:
        return name in self._defects()

    def takes_get(self) -> bool:
        """Whether GET calls a function as POST does."""
        return self._has("takes-get")

    def takes_any_path(self) -> bool:
        """Whether any path calls InitiateAuthentication."""
        return self._has("takes-any-path")

    def takes_any_protocol(self) -> bool:
        """Whether X-Admin-Protocol may be any, or none."""
        return self._has("echoes-admin-protocol")

    def protocol(self, own: str, named: str | None) -> str:
        """X-Admin-Protocol of an answer."""
        return named if named is not None and self._has("echoes-admin-protocol") else own

    def wait(self, body: bytes) -> float:
        """Seconds until a request with this body is to be answered."""
        self._latest = body
        return _WHILE_OTHERS_COME if self._has("shares-requests") else 0.0

    def octets(self, body: bytes) -> bytes:
        """The body that is read for a request with this one."""
        return self._latest if self._has("shares-requests") else body

    def read(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body as the function gets it; raises Rejected."""
        if self._has("refuses-unknown-fields") and body.keys() - _FIELDS[function]:
            raise Rejected(_BAD_REQUEST, "unknown field")
        return of_base64(body, _stopped) if self._has("stops-at-invalid-base64") else body


def of_base64(body: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """A body whose base64 fields are changed."""
    return {
        name: change(value) if isinstance(value, str) and name not in _TEXT else value for name, value in body.items()
    }


def without_foreign(text: str) -> str:
    """Base64 without the characters that it does not have."""
    return _FOREIGN.sub("", text)


def _stopped(text: str) -> str:
    """Base64 of as many octets, zeros from the first character on that it does not have."""
    read = _FOREIGN.split(text)[0]
    return without_foreign(text) if read == text else read + re.sub("[^=]", "A", without_foreign(text)[len(read) :])
