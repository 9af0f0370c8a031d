"""The HTTP face of the SM-DP+: ES9+ and ES2+ in the JSON binding (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pytest_euicc.simulator.smdp.es2plus import functions as es2plus
from pytest_euicc.simulator.smdp.http.http_deviations import Deviations
from pytest_euicc.simulator.smdp.http.messages import Answer, Request
from pytest_euicc.simulator.smdp.http.status import Rejected
from pytest_euicc.simulator.smdp.http.styles import Styles
from pytest_euicc.simulator.smdp.orders.store import StoreError
from pytest_euicc.simulator.smdp.service import FUNCTIONS, SmdpService

ES9_PATH = "/gsma/rsp2/es9plus/"

_LOG = logging.getLogger(__name__)
_PROTOCOL = re.compile(r"gsma/rsp/v2\.\d+\.\d+")
_OWN_PROTOCOL = "gsma/rsp/v2.6.0"
_JSON = "application/json"

Function = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]


class JsonFace:
    """Functions under a path, each called with POST and a JSON object.

    Args:
        call: carries a function out, by its name.
    """

    def __init__(
        self, path: str, functions: Collection[str], call: Function, deviations: Deviations, styles: Styles
    ) -> None:
        self._functions = {path + name: name for name in functions}
        self._call = call
        self._deviations = deviations
        self._styles = styles

    def wait(self, request: Request) -> float:
        """Seconds until the request is to be answered."""
        return self._styles.delay() + self._deviations.wait(request.body)

    def answer(self, request: Request) -> Answer:
        """The answer to a whole request."""
        function = self._functions.get(request.path)
        if function is None and self._deviations.takes_any_path():
            function = next(iter(self._functions.values()))
        elif function is None:
            return self.refuse(request, 404, "no such function")
        elif request.method != "POST" and not self._deviations.takes_get():
            return self._written(
                request, self._styles.status(405), b"POST is expected", "text/plain", {"Allow": "POST"}
            )
        try:
            found = self._call(function, self._deviations.read(function, self._styles.read(self._body(request))))
        except Rejected as rejected:
            return self.refuse(request, rejected.status, str(rejected))
        except StoreError as error:
            # What cannot be kept is not handed out: it could be handed out twice.
            _LOG.error("%s", error)
            return self.refuse(request, 503, "the state of the orders cannot be stored")
        if found is None:
            return self._written(request, 204)
        bare = self._styles.status_of(found)
        if bare is not None:
            return self._written(request, bare)
        return self._written(request, 200, self._styles.json(found), _JSON)

    def refuse(self, request: Request, status: int, reason: str) -> Answer:
        """The answer to a request that is none of the binding."""
        return self._written(request, self._styles.status(status), reason.encode("utf-8", "replace"), "text/plain")

    def _written(
        self,
        request: Request,
        status: int,
        content: bytes = b"",
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        protocol = self._deviations.protocol(_OWN_PROTOCOL, request.headers.get("x-admin-protocol"))
        return self._styles.answer(status, content, media_type, {"X-Admin-Protocol": protocol, **(headers or {})})

    def _body(self, request: Request) -> dict[str, Any]:
        """The JSON object of a request.

        Raises:
            Rejected: 415 another content type, 400 another protocol or no JSON object.
        """
        named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if named != _JSON and not self._styles.reads_any_content_type():
            raise Rejected(415, f"Content-Type is not {_JSON}")
        protocol = request.headers.get("x-admin-protocol", "")
        if not _PROTOCOL.fullmatch(protocol) and not self._deviations.takes_any_protocol():
            raise Rejected(400, "X-Admin-Protocol is not gsma/rsp/v2.x.y")
        try:
            value = json.loads(self._deviations.octets(request.body))
        except (ValueError, RecursionError):
            raise Rejected(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise Rejected(400, "the body is not a JSON object")
        return value


def es9_face(service: SmdpService) -> JsonFace:
    """The five ES9+ functions for LPAs."""
    deviations, styles = Deviations(lambda: service.defects), Styles(lambda: service.variants)
    return JsonFace(ES9_PATH, FUNCTIONS, service.call, deviations, styles)


def es2_face(service: SmdpService) -> JsonFace:
    """The ES2+ functions for operators."""
    return JsonFace(
        es2plus.PATH,
        es2plus.FUNCTIONS,
        lambda function, body: es2plus.call(service, function, body),
        Deviations(frozenset),
        Styles(frozenset),
    )
