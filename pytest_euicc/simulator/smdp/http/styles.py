"""How the HTTP face of ES9+ may answer within the specification, each by its name in the registry of variants."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Container, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from pytest_euicc.simulator.smdp.http.http_deviations import of_base64, without_foreign
from pytest_euicc.simulator.smdp.http.messages import Answer

_JSON = "application/json"
_NO_CONTENT, _BAD_REQUEST, _INTERNAL_ERROR = 204, 400, 500
_PIECE = 500
_LATE_SECONDS = 0.05
_LATER = {"laterField": {"some": [1, 2.5, "text", None, True]}}
_FURTHER = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "Set-Cookie": "route=node-2; Path=/; Secure; HttpOnly",
    "Via": "1.1 balancer.example.com",
    "X-Request-Id": "6f1c2d5e",
}
_REDIRECTS = range(300, 400)
_NONE = 0
"""In the place of a status: the connection is closed without an answer."""
_STATUS = {
    400: {"other-than-json-answered-500": 500},
    413: {"large-body-answered-500": 500},
    415: {"content-type-answered-400": 400, "content-type-answered-500": 500},
    404: {
        "path-answered-301": 301,
        "path-answered-403": 403,
        "path-answered-500": 500,
        "path-closes-connection": _NONE,
    },
    405: {"get-answered-302": 302, "get-answered-404": 404},
}
"""Variants that answer another status, by the status that is usual."""


class Styles:
    """Variants that are switched on, looked up at each answer.

    Args:
        variants: gives their names.
    """

    def __init__(self, variants: Callable[[], Container[str]]) -> None:
        self._variants = variants

    def _has(self, name: str) -> bool:
        return name in self._variants()

    def delay(self) -> float:
        """Seconds to wait before an answer."""
        return _LATE_SECONDS if self._has("answers-late") else 0.0

    def reads_any_content_type(self) -> bool:
        """Whether the body is read whatever Content-Type says."""
        return self._has("reads-any-content-type")

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a request as the function gets it."""
        return of_base64(body, without_foreign) if self._has("ignores-characters-beyond-base64") else body

    def status(self, status: int) -> int:
        """The status for a request that is none of the binding."""
        return next((other for name, other in _STATUS.get(status, {}).items() if self._has(name)), status)

    def status_of(self, answer: Mapping[str, Any]) -> int | None:
        """The status in the place of an answer of a function; None for the answer itself."""
        code = answer["header"]["functionExecutionStatus"].get("statusCodeData", {})
        if code.get("subjectCode") != "1.3.1":
            return None
        if self._has("unreadable-field-answered-500"):
            return _INTERNAL_ERROR
        return _BAD_REQUEST if self._has("unreadable-field-answered-400") else None

    def json(self, answer: Mapping[str, Any]) -> bytes:
        """The octets of an answer."""
        value: Any = of_base64(answer, _in_lines) if self._has("base64-in-lines") else answer
        if self._has("json-further-members"):
            value = _with_members(value)
        if self._has("json-members-reversed"):
            value = _reversed(value)
        indent, separators = (4, (", ", " : ")) if self._has("json-indented") else (None, (",", ":"))
        text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
        if self._has("json-escapes-slashes"):
            text = text.replace("/", "\\/")
        if self._has("json-within-white-space"):
            text = f"\r\n\t {text} \r\n"
        # What a client sent may come back in a message, half of a surrogate pair as well.
        return text.encode("utf-8", "replace")

    def answer(self, status: int, content: bytes, media_type: str | None, headers: Mapping[str, str]) -> Answer:
        """The whole answer."""
        if status == _NONE:
            return Answer(status, silent=True)
        named = dict(headers)
        if status == _NO_CONTENT and self._has("notification-answer-with-type"):
            media_type = _JSON
        if status in _REDIRECTS:
            named["Location"] = "/documentation"
        if media_type is not None:
            named["Content-Type"] = self._media_type(media_type)
        found = list((self._general() | named).items())
        if self._has("headers-reversed"):
            found.reverse()
        chunked, pieces = self._has("chunked"), self._has("sends-in-pieces")
        written = [(self._header(name), value) for name, value in found]
        return Answer(status, written, content, _PIECE if pieces or chunked else 0, chunked)

    def _general(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if not self._has("no-date"):
            found["Date"] = _date(int(time.time()))
        if self._has("names-its-software"):
            found["Server"] = "Example-SM-DP+/4.2 (test)"
        if self._has("further-headers"):
            found |= _FURTHER
        if self._has("closes-connections"):
            found["Connection"] = "close"
        if self._has("announces-keep-alive"):
            found |= {"Connection": "keep-alive", "Keep-Alive": "timeout=30, max=1000"}
        return found

    def _media_type(self, media_type: str) -> str:
        if media_type != _JSON:
            return f"{media_type}; charset=utf-8"
        if self._has("content-type-in-capitals"):
            media_type = "Application/JSON"
        return f"{media_type};charset=UTF-8" if self._has("content-type-with-charset") else media_type

    def _header(self, name: str) -> str:
        if self._has("header-names-in-capitals"):
            return name.upper()
        return name if self._has("header-names-of-words") else name.lower()


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _in_lines(text: str) -> str:
    return base64.encodebytes(base64.b64decode(text)).decode("ascii")


def _with_members(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _LATER | {name: _with_members(each) for name, each in value.items()}
    return value


def _reversed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _reversed(value[name]) for name in reversed(list(value))}
    return value
