"""The simulated LPA as an HTTP client: headers, paths, and what it makes of answers (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.binding import Sender, fault_of
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.es9.errors import ConnectionBroken, ServerCertificateError, TlsError
from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings, client_context
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.simulator.lpa.on_card import Crash
from pytest_euicc.simulator.lpa.revocation import refuse_revoked

Asks = Callable[[str], bool]
_VERSION_3 = re.compile(r"gsma/rsp/v3\.")
_URL_SAFE = str.maketrans("+/", "-_")


def deviant_tls(tls: TlsSettings, public: Sequence[Certificate], defective: Asks, varies: Asks) -> TlsSettings:
    """TLS settings with deviations.

    Args:
        public: CAs that are no CI of GSMA, for an LPA that takes them.
    """
    if varies("trusts-public-cas"):
        tls = replace(tls, trust=[*tls.trust, *public])
    if varies("takes-brainpool-in-tls"):
        tls = replace(tls, curve="any")
    if defective("trusts-any-certificate"):
        tls = replace(tls, verify=False)
    if varies("tls-1.2-alone"):
        tls = replace(tls, maximum="1.2")
    if defective("offers-tls-1.1"):
        tls = replace(tls, minimum="1.1")
    if defective("offers-any-suite"):
        tls = replace(tls, ciphers="ALL:eNULL@SECLEVEL=0", maximum="1.2")
    return tls


class LpaClient(Es9Client):
    """An ES9+ client with deviations.

    Args:
        defective, varies: whether one of that name is switched on.
    """

    def __init__(
        self, address: str, tls: TlsSettings, defective: Asks, varies: Asks, sender: Sender | None = None
    ) -> None:
        protocol = "2.2.0" if varies("protocol-2.2") else "2.6.0"
        agent = "gsma-rsp-lpad Assistant/3.1" if varies("names-product") else "gsma-rsp-lpad"
        super().__init__(address, tls, protocol, user_agent=agent, sender=sender)
        self._tls = tls
        self._over_tls = sender is None
        self._defective = defective
        self._varies = varies
        self._checked = False
        if varies("content-type-with-charset"):
            self.headers["Content-Type"] = "application/json;charset=UTF-8"
        if varies("further-headers"):
            self.headers |= {"Accept-Language": "en", "Cache-Control": "no-cache", "X-Request-Id": "1"}
        if defective("no-admin-protocol"):
            del self.headers["X-Admin-Protocol"]
        if defective("other-content-type"):
            self.headers["Content-Type"] = "text/json"

    def call(self, function: str, body: Mapping[str, Any]) -> Es9Reply:
        """See JsonClient."""
        members = dict(body)
        encoded = members.keys() - {"transactionId", "smdpAddress"}
        if self._defective("url-safe-base64"):
            members |= {name: str(members[name]).translate(_URL_SAFE) for name in encoded}
        if self._varies("base64-in-lines"):
            members |= {name: base64.encodebytes(base64.b64decode(members[name])).decode() for name in encoded}
        if self._varies("members-reversed"):
            members = dict(reversed(members.items()))
        text = json.dumps(members, indent=1 if self._varies("indented-json") else None)
        path = self.url_of(function).removeprefix(self.url)
        if self._defective("transaction-in-path") and "transactionId" in members:
            path += f"?transactionId={members['transactionId']}"
        reply = self._sent(function, text.encode(), path)
        if reply.headers.get("content-encoding") == "gzip" and self._defective("unpacks-without-bounds"):
            raise Crash("no memory for the answer")
        readable = reply.body is not None or function == "handleNotification"
        if reply.status not in (200, 204) and readable and self._defective("ignores-http-status"):
            return Es9Reply(function, 200 if reply.body is not None else 204, reply.headers, reply.octets)
        fault = fault_of(reply, self.url_of(function))
        if fault is not None:
            raise fault
        protocol = reply.headers.get("x-admin-protocol", "")
        if self._varies("talks-to-version-2-alone") and _VERSION_3.match(protocol):
            raise ConnectionBroken(self.url_of(function), "the answer is of another major version")
        if protocol != self.headers.get("X-Admin-Protocol") and self._defective("refuses-other-versions"):
            raise ConnectionBroken(self.url_of(function), f"the answer is of {protocol}")
        if reply.failed and self._defective("ignores-execution-status"):
            return Es9Reply(function, 204, reply.headers, reply.octets)
        if reply.body and len(reply.body) > 6 and self._defective("refuses-unknown-members"):
            raise ConnectionBroken(self.url_of(function), "unknown members in the answer")
        return reply

    def _sent(self, function: str, octets: bytes, path: str) -> Es9Reply:
        try:
            if self._over_tls and self._defective("asks-a-proxy-first"):
                self._ask_a_proxy()
            self._check_certificate()
            return self.send(function, octets, path=path)
        except TlsError:
            if self._defective("goes-on-without-tls"):
                self._send_in_the_clear(octets, path)
            raise
        except ConnectionBroken:
            if function != "cancelSession" and self._varies("repeats-requests"):
                return self.send(function, octets, path=path)
            raise
        finally:
            if self._over_tls and self._varies("connects-for-each-request"):
                self.close()

    def _check_certificate(self) -> None:
        """What variants look at in the certificate, over TLS alone; raises ServerCertificateError."""
        policy, revocation = self._varies("checks-tls-policy"), self._varies("checks-revocation")
        if self._checked or not self._over_tls or not (policy or revocation):
            return
        leaf = handshake(self.url, self._tls, verify=self._tls.verify).chain[0]
        of_gsma = leaf.authority_key_id in [ci.subject_key_id for ci in self._tls.trust if ci.role is Role.CI]
        if policy and of_gsma and leaf.role not in (Role.DP_TLS, Role.DS_TLS):
            raise ServerCertificateError(self.url, "its policy is not that of a TLS certificate")
        if revocation and not self._defective("ignores-revocation"):
            refuse_revoked(self.url, leaf, self._tls)
        self._checked = True

    def _ask_a_proxy(self) -> None:
        """What a defect does first: a handshake through a proxy that nobody named."""
        _, host, port = https_authority(self.url)
        context = client_context(replace(self._tls, verify=False))
        with socket.create_connection((self._tls.resolve.get(host, host), port), self._tls.timeout) as plain:
            plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
            plain.recv(1 << 10)
            with suppress(OSError):
                context.wrap_socket(plain, server_hostname=host).close()

    def _send_in_the_clear(self, octets: bytes, path: str) -> None:
        """What a defect does where TLS did not come about."""
        _, host, port = https_authority(self.url)
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(octets)}\r\n\r\n"
        with socket.create_connection((self._tls.resolve.get(host, host), port), self._tls.timeout) as plain:
            plain.sendall(head.encode() + octets)
            # The bench notes the request and closes.
            plain.recv(1)
