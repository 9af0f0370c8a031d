"""The HTTP face of the SM-DP+: ES9+ and ES2+ in the JSON binding (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from pytest_euicc.simulator.smdp.es2plus import functions as es2plus
from pytest_euicc.simulator.smdp.http.http_deviations import Deviations
from pytest_euicc.simulator.smdp.http.status import Rejected
from pytest_euicc.simulator.smdp.http.styles import Styles
from pytest_euicc.simulator.smdp.orders.store import StoreError
from pytest_euicc.simulator.smdp.service import FUNCTIONS, SmdpService

ES9_PATH = "/gsma/rsp2/es9plus/"
LARGEST_BODY = 256 << 10
"""Octets of a request; the largest of ES9+, an AuthenticateServerResponse with its certificates, has a few thousand."""
_LARGEST_DISCARDED = 8 << 20
"""Octets that are read past to answer in order: a client that is still sending does not hear an answer."""
BODY_SECONDS = 30.0
"""How long a body may take to come."""

_LOG = logging.getLogger(__name__)
_PROTOCOL = re.compile(r"gsma/rsp/v2\.\d+\.\d+")
_OWN_PROTOCOL = "gsma/rsp/v2.6.0"
_JSON = "application/json"

Function = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]


def es9_app(service: SmdpService) -> Router:
    """The five ES9+ functions for LPAs."""
    deviations, styles = Deviations(lambda: service.defects), Styles(lambda: service.variants)
    return _Face(ES9_PATH, FUNCTIONS, service.call, deviations, styles).app()


def es2_app(service: SmdpService) -> Router:
    """The ES2+ functions for operators."""
    face = _Face(
        es2plus.PATH,
        es2plus.FUNCTIONS,
        lambda function, body: es2plus.call(service, function, body),
        Deviations(frozenset),
        Styles(frozenset),
    )
    return face.app()


class _Endpoint:
    """What answers under one path: ASGI itself, as a function would be wrapped in handlers of exceptions."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)


class _Face:
    """Functions under a path."""

    def __init__(
        self, path: str, functions: Mapping[str, object], call: Function, deviations: Deviations, styles: Styles
    ) -> None:
        self._path = path
        self._functions = functions
        self._call = call
        self._deviations = deviations
        self._styles = styles

    def app(self) -> Router:
        routes = [
            Route(self._path + name, _Endpoint(partial(self._function, name)), methods=["GET", "POST"])
            for name in self._functions
        ]
        routes.append(Route("/{rest:path}", _Endpoint(self._elsewhere), methods=["GET", "POST"]))
        # A path with a slash behind it is another path; SGP.22 6.5 knows no redirects.
        return Router(routes, redirect_slashes=False)

    async def _function(self, function: str, request: Request) -> Response:
        if request.method != "POST" and not self._deviations.takes_get():
            status = self._styles.status(405)
            return self._response(request, status, b"POST is expected", "text/plain", {"Allow": "POST"})
        return await self._answer(request, function)

    async def _elsewhere(self, request: Request) -> Response:
        if self._deviations.takes_any_path():
            return await self._answer(request, next(iter(self._functions)))
        return self._response(request, self._styles.status(404), b"no such function", "text/plain")

    async def _answer(self, request: Request, function: str) -> Response:
        if delay := self._styles.delay():
            await asyncio.sleep(delay)
        try:
            body = await self._deviations.read(function, await self._body(request))
            found = self._call(function, body)
        except Rejected as rejected:
            status = self._styles.status(rejected.status)
            # What is left of the request is not waited for.
            headers = {"Connection": "close"} if rejected.status in (408, 413) else {}
            return self._response(request, status, str(rejected).encode("utf-8", "replace"), "text/plain", headers)
        except StoreError as error:
            # What cannot be kept is not handed out: it could be handed out twice.
            _LOG.error("%s", error)
            return self._response(request, 503, b"the state of the orders cannot be stored", "text/plain")
        except ClientDisconnect:
            return Response(status_code=400)
        if found is None:
            return self._response(request, 204)
        bare = self._styles.status_of(found)
        if bare is not None:
            return self._response(request, bare)
        return self._response(request, 200, self._styles.json(found), _JSON)

    def _response(
        self,
        request: Request,
        status: int,
        content: bytes = b"",
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        protocol = self._deviations.protocol(_OWN_PROTOCOL, request.headers.get("x-admin-protocol"))
        return self._styles.response(status, content, media_type, {"X-Admin-Protocol": protocol, **(headers or {})})

    async def _body(self, request: Request) -> dict[str, Any]:
        """The JSON object of a request.

        Raises:
            Rejected: 415 another content type, 400 another protocol or no JSON object, 413 too large.
        """
        named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if named != _JSON and not self._styles.reads_any_content_type():
            raise Rejected(415, f"Content-Type is not {_JSON}")
        protocol = request.headers.get("x-admin-protocol", "")
        if not _PROTOCOL.fullmatch(protocol) and not self._deviations.takes_any_protocol():
            raise Rejected(400, "X-Admin-Protocol is not gsma/rsp/v2.x.y")
        received, length = bytearray(), 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    length += len(chunk)
                    if length <= LARGEST_BODY:
                        received += chunk
                    elif length > _LARGEST_DISCARDED:
                        break
        except TimeoutError:
            raise Rejected(408, f"the body is not complete after {BODY_SECONDS:g} s") from None
        if length > LARGEST_BODY:
            raise Rejected(413, f"more than {LARGEST_BODY} octets")
        try:
            value = json.loads(received)
        except (ValueError, RecursionError):
            raise Rejected(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise Rejected(400, "the body is not a JSON object")
        return value
