"""The bench of an LPA under test: a simulated eUICC and simulated servers, new for every sequence."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from pytest_euicc.card.transport import Transport
from pytest_euicc.conformance.engine.errors import NotPermitted, VectorMistake
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.extras import command
from pytest_euicc.iut.lpa import http2, meanwhile
from pytest_euicc.iut.lpa.cards import Cards
from pytest_euicc.iut.lpa.certificates import Contexts, public_ca
from pytest_euicc.iut.lpa.direct import DirectTransport
from pytest_euicc.iut.lpa.driver import Https, LpaDriver
from pytest_euicc.iut.lpa.evidence import Evidence
from pytest_euicc.iut.lpa.listener import HttpsListener
from pytest_euicc.iut.lpa.reader import BenchReader, Reader
from pytest_euicc.iut.lpa.servers import BenchServer
from pytest_euicc.peers.lpa.bench import Answer, LpaBench, Operation, WhichCard
from pytest_euicc.peers.lpa.record import Record
from pytest_euicc.peers.lpa.script import Rule, Script
from pytest_euicc.peers.lpa.tls import TlsRule, rule_for
from pytest_euicc.peers.lpa.user import User
from pytest_euicc.peers.lpa.web import Web
from pytest_euicc.rsp.crl import issue_crl
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.defect import UnknownDefect, known_defects
from pytest_euicc.simulator.smdp.defects import DEFECTS as SERVER_DEFECTS
from pytest_euicc.simulator.smdp.variants import VARIANTS as SERVER_VARIANTS
from pytest_euicc.simulator.smds.service import Event, SmdsService
from pytest_euicc.simulator.variant import UnknownVariant, known_variants

ADDRESS = "smdp.example.com"
"""smdpAddress of the SM-DP+ that every sequence has."""


class SimulatedBench(LpaBench):
    """The bench in this process (see LpaBench), and the reach of a driver (see Reach).

    Args:
        timeout: seconds that an LPA may take in an operation without sending anything.
    """

    def __init__(self, driver: LpaDriver, pki: Pki, timeout: float = 60.0) -> None:
        self._driver = driver
        self._pki = pki
        self._timeout = timeout
        self._listener: HttpsListener | None = None
        self._reader: BenchReader | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._reset(0)

    def _reset(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  (a test bench: reproducible on purpose)
        self.record, self.script = Record(), Script(happens=self._happens)
        self._evidence = Evidence(lambda: self.on_apdu, lambda: self.on_http)
        self.record.listeners.append(self._evidence.crossed)
        self.user = User(self.record)
        self._web = Web(self.record, self.script)
        self.tls: list[TlsRule] = []
        self._servers: dict[str, BenchServer] = {}
        self._discovery: dict[str, SmdsService] = {}
        self._add_server(ADDRESS)
        self._cards = Cards(self.record, self.script, self._pki, self._chance)
        self._started = False
        self._mistake: VectorMistake | None = None

    def _happens(self, rule: Rule) -> None:
        try:
            meanwhile.happen(rule, self._cards, self.user, self._driver)
        except VectorMistake as mistake:
            # An LPA in this process may take it for a fault of the card.
            self._mistake = mistake
            raise

    # ------------------------------------------------------------------ a sequence

    def begin(self, seed: int) -> None:
        """A fresh card, servers without orders, an empty record."""
        self._reset(seed)
        if self._listener is not None:
            self._listener.begin()

    def end(self) -> None:
        """End what the LPA still does."""
        if self._started:
            self._driver.end()
            self._started = False

    def close(self) -> None:
        """End the LPA."""
        self.end()
        self._driver.close()
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    # ------------------------------------------------------------------ set-up

    @property
    def address(self) -> str:
        """smdpAddress of the first SM-DP+."""
        return ADDRESS

    @property
    def eid(self) -> bytes:
        """EID of the first card."""
        return self.eid_of("first")

    def eid_of(self, which: WhichCard) -> bytes:
        """EID of a card."""
        return self._cards.settings[which].eid

    def put_card(
        self,
        settings: Mapping[str, Any],
        defects: Sequence[str] = (),
        variants: Sequence[str] = (),
        waiting: Sequence[Mapping[str, Any]] = (),
        which: WhichCard = "first",
    ) -> None:
        """Another eUICC in the place of a card."""
        self._cards.put(which, settings, defects, variants, waiting)
        if self.isdr_aid is not None and not self._driver.takes_isdr_aid:
            raise NotPermitted(f"{self._driver.name} takes no other AID of the ISD-R (isdr_aid: of its driver file)")

    def occupy_channel(self) -> None:
        """Let another application have a channel of every card."""
        self._cards.occupy()

    def insert_card(self, which: WhichCard) -> None:
        """Put a card in."""
        self._cards.insert(which)
        if self._reader is not None:
            self._reader.exchange(self._cards.inside.euicc.atr)

    def set_server(
        self, address: str | None, defects: Sequence[str] | None = None, variants: Sequence[str] | None = None
    ) -> None:
        """Defects and variants of an SM-DP+, or one more of them."""
        server = self._server(address)
        try:
            known_defects("defects", defects or (), SERVER_DEFECTS)
            known_variants("variants", variants or (), SERVER_VARIANTS)
        except (UnknownDefect, UnknownVariant) as error:
            raise VectorMistake(f"the SM-DP+: {error}") from None
        server.deviate(defects or (), variants or ())

    def offer(self, wish: OrderWish, address: str | None = None) -> HeldOrder:
        """Let an SM-DP+ hold a profile."""
        return self._server(address).offer(wish)

    def smdp_oid(self, address: str | None = None) -> str:
        """OID in CERT.DPauth."""
        return self._server(address).oid

    def use_tls(self, rule: TlsRule, *, direct: bool = False) -> None:
        """Have servers reached over TLS."""
        if not self._driver.speaks_tls:
            raise NotPermitted(f"{self._driver.name} is driven without TLS")
        if direct and self._driver.proxied:
            raise NotPermitted(f"{self._driver.name} is led to the servers by a proxy")
        if rule.http2 and not http2.available():
            raise NotPermitted(f"HTTP/2 needs a package that is not installed: {command('http2')}")
        self.tls.append(rule)

    def offer_events(
        self, address: str | None, events: Sequence[Mapping[str, str]], defects: Sequence[str] = ()
    ) -> None:
        """Let an SM-DS have events."""
        try:
            known_defects("defects", defects, SERVER_DEFECTS)
        except UnknownDefect as error:
            raise VectorMistake(f"the SM-DS: {error}") from None
        name = Web.name_of(address or self._cards.settings["first"].root_sds)
        if name not in self._discovery:
            made = SmdsService(name, self._pki, random=self._chance.randbytes)
            self._discovery[name] = made
            self._web.hosts[name] = lambda function, body: made.call(_es9_name(function), body)
            self._web.discovery.add(name)
        self._discovery[name].core.defects = frozenset(defects)
        self._discovery[name].events += [Event(each["event_id"], each["address"]) for each in events]

    def _server(self, address: str | None) -> BenchServer:
        name = Web.name_of(address or ADDRESS)
        return self._servers[name] if name in self._servers else self._add_server(name)

    def _add_server(self, name: str) -> BenchServer:
        made = BenchServer(name, self._pki, len(self._servers), self._chance)
        self._servers[name] = made
        self._web.hosts[name] = made.call
        return made

    # ------------------------------------------------------------------ the LPA

    def perform(self, operation: Operation, arguments: Mapping[str, Any]) -> Answer:
        """Let the LPA do something."""
        reason = self._driver.cannot(operation, arguments)
        if reason:
            raise NotPermitted(f"{self._driver.name} cannot do it: {reason}")
        if not self._started:
            self._driver.begin(self)
            self._started = True
        for rule in self.script.rules:
            reason = rule.meanwhile and self._driver.cannot_meanwhile(rule.meanwhile)
            if reason:
                raise NotPermitted(f"{rule.meanwhile} while {self._driver.name} is at work: {reason}")
        if self._reader is not None:
            self._reader.wait()
        try:
            answer = self._driver.perform(operation, arguments, self._timeout)
        finally:
            self._evidence.flush()
        self._cards.end()
        self._raise_faults()
        return answer

    def _raise_faults(self) -> None:
        """What went wrong in the bench, also in its threads, such as a mistake in a vector."""
        if self._mistake is not None:
            raise self._mistake
        for place in (self._reader, self._listener):
            if place is not None and place.fault is not None:
                fault, place.fault = place.fault, None
                raise fault

    # ------------------------------------------------------------------ its reach

    @property
    def isdr_aid(self) -> bytes | None:
        """AID of the ISD-R where it is not that of SGP.22."""
        aid = self._cards.settings["first"].isdr_aid
        return None if aid == ISDR_AID else aid

    @property
    def timeout(self) -> float:
        """Seconds that an operation may take."""
        return self._timeout

    def transport(self) -> Transport:
        """The card in this process."""
        return DirectTransport(self._cards, self._cards.settings["first"].protocol)

    def reader(self) -> Reader:
        """A PC/SC reader with the card; what a card takes its time for is waited for."""
        self._cards.wait_with(time.sleep)
        atr = self._cards.inside.euicc.atr
        if self._reader is None:
            self._reader = BenchReader(self._cards, atr)
        else:
            self._reader.insert(self._cards, atr)
        return self._reader.place

    def web(self) -> Web:
        """The servers without a socket."""
        return self._web

    @property
    def over_tls(self) -> bool:
        """Whether the sequence is about TLS, so that the servers are to be reached over it."""
        return bool(self.tls)

    def https(self) -> Https:
        """The servers over HTTPS."""
        if self._listener is None:
            self._listener = HttpsListener(
                Contexts(self._pki),
                lambda: (self._web, self.record),
                lambda host, number: rule_for(self.tls, host, number),
                ADDRESS,
            )
            self._folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-lpa-")
            self._write_trust(Path(self._folder.name))
        assert self._folder is not None  # noqa: S101
        where = (self._listener.host, self._listener.port, tuple(self._web.hosts))
        return Https(*where, Path(self._folder.name) / "ci.pem", tuple(self._pki.trust()), (public_ca().certificate,))

    def _write_trust(self, folder: Path) -> None:
        """The files that `Https` names."""
        ours = b"".join(ci.x509.public_bytes(Encoding.PEM) for ci in self._pki.trust())
        public = public_ca().certificate.x509.public_bytes(Encoding.PEM)
        for name, pem in {"ci.pem": ours, "public-ca.pem": public, "all.pem": ours + public}.items():
            (folder / name).write_bytes(pem)

    # ------------------------------------------------------------------ what is left behind

    def card_at_start(self, which: WhichCard | None = None) -> dict[str, Any]:
        """A card as the LPA found it."""
        return self._cards.of(which).at_start

    def card_state(self, which: WhichCard | None = None) -> dict[str, Any]:
        """What is on a card."""
        return self._cards.of(which).state()

    def revocation_list(self, number: int) -> bytes:
        """A list of the CI, DER."""
        return issue_crl(self._pki.authority("nist"), number=number)

    def log(self) -> str:
        """What the LPA wrote for its makers."""
        found = self._driver.log()
        if found is None:
            raise NotPermitted(f"{self._driver.name}: its driver does not show its log")
        return found

    def left_files(self) -> Mapping[str, bytes]:
        """The files that the LPA left."""
        self.end()
        found = self._driver.left_files()
        if found is None:
            raise NotPermitted(f"{self._driver.name}: its driver does not show its files")
        return found

    def server_state(self, address: str | None = None) -> dict[str, Any]:
        """Orders and notifications of an SM-DP+."""
        return self._server(address).state()


def _es9_name(function: str) -> str:
    """The last part of the path of a function: ``initiateAuthentication`` of ``ES11.InitiateAuthentication``."""
    name = function.partition(".")[2]
    return name[:1].lower() + name[1:]
