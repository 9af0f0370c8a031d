"""How an LPA under test is driven: what it can do, and how it reaches card and servers of the bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytest_euicc.card.transport import Transport
from pytest_euicc.iut.lpa.reader import Reader
from pytest_euicc.peers.lpa.bench import Answer, Operation
from pytest_euicc.peers.lpa.script import Meanwhile
from pytest_euicc.peers.lpa.user import User
from pytest_euicc.peers.lpa.web import Web
from pytest_euicc.rsp.certificates import Certificate


@dataclass(frozen=True)
class Https:
    """Where the servers of the bench listen.

    Attributes:
        host: address of the listener, on loopback.
        port: all names of servers are served there; it is an HTTP proxy as well (``CONNECT``), so that an LPA that
            takes a proxy needs no other way to find them.
        names: names of servers that have an address; the driver lets the LPA find them at ``host``.
        ca_file: CI certificates, in PEM, that the certificates of the listeners lead to.
        trust: the same certificates.
        public: CA certificates that an LPA may trust which takes public CAs; they are no CIs of GSMA.
    """

    host: str
    port: int
    names: tuple[str, ...]
    ca_file: Path
    trust: tuple[Certificate, ...] = ()
    public: tuple[Certificate, ...] = ()

    @property
    def public_ca_file(self) -> Path:
        """``public`` in PEM."""
        return self.ca_file.with_name("public-ca.pem")

    @property
    def all_ca_file(self) -> Path:
        """``trust`` and ``public`` in PEM, for an LPA with one store."""
        return self.ca_file.with_name("all.pem")

    @property
    def proxy(self) -> str:
        """URL of the proxy."""
        return f"http://{self.host}:{self.port}"


class Reach(Protocol):
    """The bench from the side of an LPA; a driver uses what its LPA can."""

    @property
    def user(self) -> User:
        """Who answers when the LPA asks: `agrees` and `enters_code`, or their answers beforehand."""

    @property
    def isdr_aid(self) -> bytes | None:
        """AID of the ISD-R to configure in the LPA; None where it is that of SGP.22."""

    @property
    def timeout(self) -> float:
        """Seconds that an operation may take without anything that crosses."""

    def transport(self) -> Transport:
        """The card in this process, or for a driver that passes APDUs on (stdio)."""

    def reader(self) -> Reader:
        """A PC/SC reader with the card in it, behind a pcscd of the bench's own.

        Raises:
            SetupIncomplete: there is no pcscd with vpcd.
        """

    def web(self) -> Web:
        """The servers without a socket, for an LPA in this process and for a driver that passes requests on (stdio).

        Ask `Web.knows` first, and tell `Web.refused` of a name without address.
        """

    @property
    def over_tls(self) -> bool:
        """Whether the sequence is about TLS: a driver that can do either uses `https` then."""

    def https(self) -> Https:
        """The servers over HTTPS on loopback, started when this is first asked for."""


class LpaDriver(Protocol):
    """Drives one LPA; created once for a run, and notified of every sequence."""

    @property
    def name(self) -> str:
        """For reports: product and version."""

    @property
    def speaks_tls(self) -> bool:
        """Whether its LPA reaches servers over TLS where `Reach.over_tls` is true; else TLS is not applicable to it."""

    @property
    def proxied(self) -> bool:
        """Whether its LPA reaches the servers through a configured proxy."""

    @property
    def takes_isdr_aid(self) -> bool:
        """Whether another AID of the ISD-R can be configured (`Reach.isdr_aid`); else such a card is not for it."""

    def cannot(self, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
        """Why an operation cannot be done; None where it can. Such a sequence is not applicable."""

    def cannot_meanwhile(self, what: Meanwhile) -> str | None:
        """Why that cannot happen while this LPA is at work; None where it can. Such a sequence is not applicable."""

    def meanwhile(self, what: Meanwhile, code: str) -> None:
        """Do it now: card or server has carried out a function, whose answer the LPA waits for.

        Args:
            what: ``abort`` what runs, as the user would; ``kill`` the LPA, so that `perform` answers ``killed``; begin
                another ``download``. All else is the bench's.
            code: activation code of that download.
        """

    def begin(self, reach: Reach) -> None:
        """A sequence begins, with a fresh card that has no power yet.

        Raises:
            NotReachable: the LPA cannot be started.
        """

    def perform(self, operation: Operation, arguments: Mapping[str, Any], timeout: float) -> Answer:
        """Let the LPA do something and wait for what it reports.

        Args:
            arguments: those of the action ``lpad.<operation>`` that were given; ICCIDs and AIDs are octets.
            timeout: seconds without anything that crosses (see `Patience`); after them the answer has the ending
                ``timeout``, and nothing of it goes on.

        Raises:
            NotReachable: the LPA cannot be started or told.
        """

    def log(self) -> str | None:
        """What the LPA wrote for its makers in this sequence, at its normal level; None where that cannot be read."""

    def left_files(self) -> Mapping[str, bytes] | None:
        """Files of the LPA after `end`, by their names; None where they cannot be read."""

    def end(self) -> None:
        """The sequence is over: whatever of the LPA still runs is ended."""

    def close(self) -> None:
        """The run is over."""
