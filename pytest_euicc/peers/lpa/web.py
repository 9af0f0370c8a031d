"""All servers that an LPA can reach: HTTP requests go to the functions of a host, by the script and on record."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.values.resolve import merge
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.peers.lpa.functions import BY_PATH, SERVER, ServerFunction
from pytest_euicc.peers.lpa.layout import written
from pytest_euicc.peers.lpa.mutating import mutated
from pytest_euicc.peers.lpa.record import Call, Http, Record
from pytest_euicc.peers.lpa.script import Rule, Script
from pytest_euicc.peers.lpa.transport import NOT_WHOLE, Transport

Functions = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]
"""The functions of a server: name and body to the answer with its header, or None for one without a body."""

_PROTOCOL = "gsma/rsp/v2.6.0"


@dataclass(frozen=True)
class Request:
    """A whole request; names of headers in lower case."""

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    secure: bool = True


@dataclass(frozen=True)
class Response:
    """An answer, and what becomes of it on its way.

    Attributes:
        cut: the connection ends instead of an answer, or inside of it.
        delay: seconds that pass before it.
        transport: how it goes over HTTPS, where not as usual.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: Literal["", "before", "after", "inside"] = ""
    delay: float = 0.0
    transport: Transport | None = None


class Web:
    """Hosts by their names in lower case, each with its functions.

    Attributes:
        hosts: what can be reached; any other name has no address.
        discovery: those of them that are an SM-DS.
    """

    def __init__(self, record: Record, script: Script) -> None:
        self.hosts: dict[str, Functions] = {}
        self.discovery: set[str] = set()
        self._record = record
        self._script = script
        self._faults = 0

    def knows(self, host: str) -> bool:
        """Whether a name has an address."""
        return self.name_of(host) in self.hosts

    @staticmethod
    def name_of(host: str) -> str:
        """The name without port, in lower case."""
        return host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host.lower()

    def refused(self, host: str, why: str) -> None:
        """A connection came to nothing: a name without address, a handshake that failed."""
        now = self._record.clock.now()
        self._record.add(Call("CONNECT", "server", now, now, status=why, value={"host": host.lower()}))

    def answer(self, request: Request) -> Response:
        """Answer a request and record it."""
        began = self._record.clock.now()
        function = self._function(request)
        name = function.name if function is not None and request.method == "POST" else "HTTP"
        rule = self._script.of(name, self.name_of(request.host))
        response = self._scripted(request, function, rule)
        status = self._status(function, response)
        whole = response.cut == ""
        http = Http(
            request.host.lower(),
            request.method,
            request.target,
            request.headers,
            request.body,
            response.status if whole else 0,
            response.headers,
            response.body,
            request.secure,
        )
        ended = max(self._record.clock.now(), began)
        self._record.add(Call(name, "server", began, ended, request.body, response.body, status, http=http))
        self._script.after(rule)
        return response

    def _function(self, request: Request) -> ServerFunction | None:
        """The function that a request calls.

        An SM-DS is asked under the path of ES11 or under that of ES9+: LPAs and servers in use have either.
        """
        function = BY_PATH.get(request.target)
        discovers = self.name_of(request.host) in self.discovery
        if function is not None and discovers:
            return SERVER.get(f"ES11.{function.name.partition('.')[2]}")
        return None if function is not None and function.name.startswith("ES11.") else function

    def _scripted(self, request: Request, function: ServerFunction | None, rule: Rule | None) -> Response:
        if rule is None:
            return self._plain(request, function)
        if rule.cut == "before":
            return Response(0, cut="before", delay=rule.delay)
        if rule.http is not None:
            body = (rule.body or "").encode()
            headers = {"Content-Type": "text/plain", **rule.headers}
            return Response(rule.http, headers, body, rule.cut or "", rule.delay)
        if rule.status is not None:
            found: dict[str, Any] | None = _failed(rule)
            response = self._json(self._edited(found, function, rule))
        else:
            response = self._plain(request, function, rule)
        if rule.mutate is not None and response.status == 200 and function is not None:
            self._faults += 1
            chance = random.Random(f"{rule.mutate} {self._faults}")  # noqa: S311  (faults that can be repeated)
            response = replace(response, body=mutated(response.body, chance))
        if rule.layout is not None and response.status == 200 and function is not None:
            encoded = [name for name, field in function.answer.items() if field.type_name not in ("", "hex")]
            response = replace(response, body=written(json.loads(response.body), rule.layout, encoded))
        if rule.body is not None:
            # An answer without a body has a status of its own.
            response = replace(response, status=200, body=rule.body.encode())
        headers = {**response.headers, **rule.headers}
        cut = rule.cut or ("inside" if rule.transport in NOT_WHOLE else "")
        return replace(response, headers=headers, delay=rule.delay, cut=cut, transport=rule.transport)

    def _plain(self, request: Request, function: ServerFunction | None, rule: Rule | None = None) -> Response:
        """What the server answers by itself, edited by a rule."""
        if function is None:
            return Response(404, {"Content-Type": "text/plain"}, b"no such function")
        if request.method != "POST":
            return Response(405, {"Content-Type": "text/plain", "Allow": "POST"}, b"POST is expected")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Response(415, {"Content-Type": "text/plain"}, b"Content-Type is not application/json")
        try:
            body = json.loads(request.body.decode("utf-8"))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return Response(400, {"Content-Type": "text/plain"}, b"the body is not a JSON object")
        functions = self.hosts[self.name_of(request.host)]
        found = functions(function.name, body)
        return self._json(found if rule is None else self._edited(found, function, rule))

    @staticmethod
    def _json(found: dict[str, Any] | None) -> Response:
        if found is None:
            return Response(204, {"X-Admin-Protocol": _PROTOCOL})
        headers = {"Content-Type": "application/json", "X-Admin-Protocol": _PROTOCOL}
        return Response(200, headers, json.dumps(found).encode())

    @staticmethod
    def _edited(found: dict[str, Any] | None, function: ServerFunction | None, rule: Rule) -> dict[str, Any] | None:
        if found is None and not rule.json_:
            return None
        edited = dict(found or {})
        fields = function.answer if function is not None else {}
        # A server that refuses gives none of the members that a rule is about.
        overlays = {name: overlay for name, overlay in (rule.with_ or {}).items() if name in edited}
        operations_on = rule.tamper if isinstance(rule.tamper, dict) else {}
        for name, overlay in overlays.items():
            type_name = fields[name].type_name
            value = codec.decode(type_name, base64.b64decode(edited[name]))
            octets = codec.encode(type_name, merge(value, overlay, asn1_shape(type_name)))
            edited[name] = base64.b64encode(octets).decode()
        for name, operations in ((name, each) for name, each in operations_on.items() if name in edited):
            octets = tamper(base64.b64decode(edited[name]), operations, fields[name].path_type)
            edited[name] = base64.b64encode(octets).decode()
        edited |= rule.json_
        return {name: value for name, value in edited.items() if name not in rule.without}

    @staticmethod
    def _status(function: ServerFunction | None, response: Response) -> str:
        if response.cut:
            return "cut"
        if response.status == 204 and function is not None and function is SERVER["ES9+.HandleNotification"]:
            return "success"
        if response.status != 200:
            return f"HTTP {response.status}"
        try:
            status = json.loads(response.body)["header"]["functionExecutionStatus"]
            if str(status["status"]).startswith("Executed"):
                return "success"
            data = status.get("statusCodeData") or {}
            return f"{data['subjectCode']}/{data['reasonCode']}"
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return "failed"


def _failed(rule: Rule) -> dict[str, Any]:
    subject, _, reason = (rule.status or "").partition("/")
    reported: dict[str, Any] = {"status": "Failed"}
    if reason:
        reported["statusCodeData"] = {"subjectCode": subject, "reasonCode": reason, "message": rule.message}
    return {"header": {"functionExecutionStatus": reported}}
