"""How servers show themselves in TLS to an LPA: rules that a vector writes (SGP.22 2.6.6, 4.5.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Shown = Literal[
    "valid", "expired", "not-yet-valid", "bad-signature", "unknown-ci", "self-signed", "wrong-name", "no-name",
    "name-is-last", "wildcard", "wildcard-above", "wildcard-below", "wrong-extended-key-usage", "wrong-key-usage",
    "wrong-policy", "dpauth", "through-end-entity", "brainpool", "p384", "rsa", "public-ca", "revoked",
]  # fmt: skip
"""The certificate of a handshake: CERT.DP.TLS for the host, or what is shown in its place.

For a.b.c a ``wildcard`` is for *.b.c, one ``above`` for *.c, one ``below`` for *.a.b.c. ``p384`` and ``rsa`` have such
a key under the CI of the bench, ``public-ca`` is under a CA that is no CI of GSMA, and ``revoked`` is on the revocation
list that its distribution point names.
"""

Ending = Literal["closes", "alert", "unreachable"]
"""How a server ends a handshake by itself; ``unreachable``: nothing listens at port 443, port 80 is open."""


class TlsRule(BaseModel):
    """How one server, or every one, speaks TLS.

    Attributes:
        host: None for every server.
        certificate: what is shown.
        minimum, maximum: versions of TLS.
        suites: up to TLS 1.2, in OpenSSL's notation; those of SGP.22 2.6.6 if None.
        ends: the server ends the handshake by itself.
        connection: from which connection to the host on, counted from 1.
        http2: HTTP/2 is offered beside HTTP/1.1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str | None = None
    certificate: Shown = "valid"
    minimum: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    maximum: Literal["1.1", "1.2", "1.3"] = "1.3"
    suites: str | None = None
    ends: Ending | None = None
    connection: int = Field(default=1, ge=1)
    http2: bool = False


def rule_for(rules: Sequence[TlsRule], host: str, connection: int) -> TlsRule:
    """The rule for a connection to a host: the last one that has begun."""
    found = TlsRule()
    for rule in rules:
        if rule.host in (None, host) and connection >= rule.connection:
            found = rule
    return found
