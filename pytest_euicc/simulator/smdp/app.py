"""The HTTP face of the SM-DP+: ES9+ and ES2+ in the JSON binding (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pytest_euicc.simulator.smdp import es2plus
from pytest_euicc.simulator.smdp.service import FUNCTIONS, SmdpService

ES9_PATH = "/gsma/rsp2/es9plus/"
LARGEST_BODY = 256 << 10
"""Octets of a request; the largest of ES9+, an AuthenticateServerResponse with its certificates, has a few thousand."""

_PROTOCOL = re.compile(r"gsma/rsp/v2\.\d+\.\d+")
_OWN_PROTOCOL = "gsma/rsp/v2.6.0"
_FIELDS: dict[str, frozenset[str]] = {
    "initiateAuthentication": frozenset({"euiccChallenge", "euiccInfo1", "smdpAddress"}),
    "authenticateClient": frozenset({"transactionId", "authenticateServerResponse"}),
    "getBoundProfilePackage": frozenset({"transactionId", "prepareDownloadResponse"}),
    "handleNotification": frozenset({"pendingNotification"}),
    "cancelSession": frozenset({"transactionId", "cancelSessionResponse"}),
}

Function = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]


class _Rejected(Exception):
    """A request that is none of the binding; answered with an HTTP status alone."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def es9_app(service: SmdpService) -> Starlette:
    """The five ES9+ functions for LPAs."""

    def call(function: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        if "refuses-unknown-fields" in service.defects and body.keys() - _FIELDS[function]:
            raise _Rejected(400, "unknown field")
        return service.call(function, body)

    return _app(ES9_PATH, FUNCTIONS, call)


def es2_app(service: SmdpService) -> Starlette:
    """The ES2+ functions for operators."""
    return _app(es2plus.PATH, es2plus.FUNCTIONS, lambda function, body: es2plus.call(service, function, body))


def _app(path: str, functions: Mapping[str, object], call: Function) -> Starlette:
    def endpoint(function: str) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                found = call(function, await _body(request))
            except _Rejected as rejected:
                return _response(rejected.status, str(rejected).encode(), "text/plain")
            if found is None:
                return _response(204)
            return _response(200, json.dumps(found, separators=(",", ":")).encode(), "application/json")

        return answer

    app = Starlette(routes=[Route(path + name, endpoint(name), methods=["POST"]) for name in functions])
    # A path with a slash behind it is another path; SGP.22 6.5 knows no redirects.
    app.router.redirect_slashes = False
    return app


def _response(status: int, content: bytes = b"", media_type: str | None = None) -> Response:
    return Response(content, status, {"X-Admin-Protocol": _OWN_PROTOCOL}, media_type)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        _Rejected: 415 another content type, 400 another protocol or no JSON object, 413 too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Rejected(415, "Content-Type is not application/json")
    if not _PROTOCOL.fullmatch(request.headers.get("x-admin-protocol", "")):
        raise _Rejected(400, "X-Admin-Protocol is not gsma/rsp/v2.x.y")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST_BODY:
            raise _Rejected(413, f"more than {LARGEST_BODY} octets")
    try:
        value = json.loads(received)
    except (ValueError, RecursionError):
        raise _Rejected(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise _Rejected(400, "the body is no JSON object")
    return value
