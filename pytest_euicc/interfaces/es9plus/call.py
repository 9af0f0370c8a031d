"""A function of ES9+ called over HTTPS, with what a vector wants to be different in the request (SGP.22 6.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotReachable, VectorMistake
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.es9.binding import Es9Reply, fault_of
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import AnswerTooLarge, ConnectionBroken, Es9Error
from pytest_euicc.interfaces.es9plus.answers import answer_shape, missing, parts_of, status_of, value_of
from pytest_euicc.peers.euicc import EuiccPeer


class HttpChange(BaseModel):
    """Differences in the HTTP request.

    Attributes:
        method: the HTTP method.
        path: in place of that of the function.
        headers: added to or in place of the usual ones; null leaves one out.
        fields: JSON fields in place of those of the function; ``{absent: true}`` leaves one out.
        body: text in place of the JSON object.
        octets: this number of spaces in place of the JSON object.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = "POST"
    path: str | None = None
    headers: dict[str, str | None] = {}
    fields: dict[str, Any] = {}
    body: str | None = None
    octets: int | None = None

    def head(self, function: str) -> bytes:
        """What is different beside the body, for people."""
        changed = [f"{name}: {'left out' if text is None else text}" for name, text in self.headers.items()]
        return f"{self.method} {self.path or function}, {', '.join(changed) or 'usual headers'}; ".encode()

    def content(self, body: Mapping[str, Any]) -> bytes:
        """The body to send."""
        if self.body is not None:
            return self.body.encode()
        if self.octets is not None:
            return b" " * self.octets
        merged = {**body, **self.fields}
        return json.dumps({name: value for name, value in merged.items() if value != {"absent": True}}).encode()


def call(
    context: Context,
    peer: EuiccPeer,
    function: str,
    body: Mapping[str, Any],
    http: HttpChange | None,
    value: Any,
) -> Outcome:
    """Call a function; the answer is judged by nobody but the step, also one that breaks off or has no end.

    Args:
        value: what the eUICC says in it, decoded.

    Raises:
        InconclusiveError: the server cannot be called, or does not answer in time.
    """
    change = http or HttpChange()
    client = client_of(context, peer)
    octets = change.content(body)
    sent = change.head(function) + octets if http else octets
    shape = answer_shape(function)
    try:
        reply = client.send(function, octets, headers=change.headers, path=change.path, method=change.method)
    except (ConnectionBroken, AnswerTooLarge) as error:
        status = "closed" if isinstance(error, ConnectionBroken) else "endless"
        nothing = Es9Reply(function, 0, {}, b"")
        return Outcome(sent, value, status=status, value={"message": str(error)}, shape=shape, reply=nothing)
    except Es9Error as error:
        raise NotReachable(str(error)) from error
    received, faults = value_of(reply)
    fault = fault_of(reply, client.url_of(function, change.path))
    if fault is not None and not reply.message:
        received["message"] = str(fault)
    status = status_of(reply)
    if status == "success":
        faults = (*faults, *missing(reply, received))
    parts = parts_of(reply)
    return Outcome(
        sent, value, None, status, reply.octets, received, shape, mismatches=faults, reply=reply, parts=parts
    )


def reply_of(outcome: Outcome) -> Es9Reply:
    """The answer of the ES9+ function that a step called; raises InconclusiveError where it called none."""
    if outcome.reply is None:
        raise VectorMistake("this check is for steps that call a function of ES9+")
    return outcome.reply


def client_of(context: Context, peer: EuiccPeer) -> Es9Client:
    """The client of a session: with a connection of its own, or that of the run; raises InconclusiveError."""
    if peer.own_client is None:
        return context.smdp_client(peer.curve)
    peer.own_client.listener = context.on_http
    return peer.own_client
