"""APDUs and HTTP requests that a program passes on over its standard streams, one JSON object a line, as lpac does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from pytest_euicc.card.errors import CardError
from pytest_euicc.card.transport import Transport
from pytest_euicc.iut.lpa.driver import Reach
from pytest_euicc.peers.lpa.web import Request

_SUCCESS = (0x90, 0x91, 0x61)
_WITHOUT_CLASS = 4
"""Channels from this number on have a class byte of another form (ISO 7816-4 5.4.1)."""


class Streams:
    """Answers what a program passes on.

    Args:
        http_timeout: seconds that the program would wait for an HTTP answer.
    """

    def __init__(self, reach: Reach, http_timeout: float) -> None:
        self._reach = reach
        self._http_timeout = http_timeout
        self._transport: Transport = reach.transport()

    def answer(self, message: Mapping[str, Any]) -> str | None:
        """The line that answers a message; None for one that wants no answer."""
        payload = message.get("payload")
        if not isinstance(payload, dict):
            return None
        if message.get("type") == "apdu":
            return json.dumps({"type": "apdu", "payload": self._apdu(str(payload.get("func")), payload.get("param"))})
        if message.get("type") == "http":
            return json.dumps({"type": "http", "payload": self._http(payload)})
        return None

    # ------------------------------------------------------------------ the card

    def _apdu(self, function: str, parameter: Any) -> dict[str, Any]:
        octets = bytes.fromhex(parameter) if isinstance(parameter, str) else b""
        try:
            match function:
                case "connect":
                    self._transport.connect()
                case "logic_channel_open":
                    return {"ecode": self._open(octets)}
                case "logic_channel_close":
                    self._transport.transmit(bytes([0x00, 0x70, 0x80, octets[0]]))
                case "transmit":
                    return {"ecode": 0, "data": self._transport.transmit(octets).hex()}
        except CardError:
            return {"ecode": -1}
        return {"ecode": 0}

    def _open(self, aid: bytes) -> int:
        """Open a channel and select an application on it, which such a program leaves to whoever has the card."""
        opened = self._transport.transmit(bytes.fromhex("0070000001"))
        if len(opened) != 3:
            return -1
        number = opened[0]
        first = number if number < _WITHOUT_CLASS else 0x40 | number - _WITHOUT_CLASS
        select = bytes([first, 0xA4, 0x04, 0x00, len(aid)]) + aid
        answer = self._transport.transmit(select)
        if answer[-2] not in _SUCCESS:
            self._transport.transmit(bytes([0x00, 0x70, 0x80, number]))
            return -1
        if answer[-2] == 0x61:
            with suppress(CardError):
                self._transport.transmit(bytes([first, 0xC0, 0x00, 0x00, answer[-1]]))
        return number

    # ------------------------------------------------------------------ the servers

    def _http(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Status and body; an object without them is what such a program takes for a failure of the way."""
        url = urlsplit(str(payload.get("url")))
        web = self._reach.web()
        host = url.netloc
        if url.scheme != "https" or not web.knows(host):
            web.refused(host, "no address")
            return {}
        headers = dict(str(line).split(":", 1) for line in payload.get("headers", []) if ":" in str(line))
        sent = {name.strip().lower(): value.strip() for name, value in headers.items()} | {"host": host}
        body = bytes.fromhex(str(payload.get("tx", "")))
        target = url.path + (f"?{url.query}" if url.query else "")
        response = web.answer(Request(host, "POST", target, sent, body))
        if response.delay >= self._http_timeout or response.cut:
            return {}
        time.sleep(response.delay)
        return {"rcode": response.status, "rx": response.body.hex()}
