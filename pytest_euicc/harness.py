"""From options to a session: opens the card, reads the declaration, wires recording and trust."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pytest_euicc.errors import OptionError, PytestEuiccError
from pytest_euicc.iut.inputs import load_declaration, load_smdp_declaration, read_pki
from pytest_euicc.options import SIMULATED, Options
from pytest_euicc.resources import with_settings

if TYPE_CHECKING:
    from pytest_euicc.card.channel import Card
    from pytest_euicc.card.transport import Transport
    from pytest_euicc.conformance.engine.context import Session
    from pytest_euicc.conformance.engine.operator import Operator
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.iut.smdp import RemoteSmdp, SimulatedSmdp
    from pytest_euicc.lab.leasing import Lease
    from pytest_euicc.rsp.pki import Pki
    from pytest_euicc.simulator.euicc.uicc.transport import SimTransport

# A command with its GET RESPONSE, FETCH and TERMINAL RESPONSE, in times of one answer.
_COMMAND = 5.0
CONTRADICTIONS = "the declaration contradicts the card"
"""In the description of a card."""


@dataclass
class Harness:
    """One session with a card or an SM-DP+, and what is known of it, for reports."""

    session: Session
    description: dict[str, str] = field(default_factory=dict)
    product: str = ""
    """Which of several products of the run it is; empty where there is one."""
    shared: bool = False
    """Other cards of the same product may run the sequences that this one does not."""
    lease: Lease | None = None
    """Of a card of a pool: keeps it for this process until it is closed."""
    renew: Callable[[], Harness] | None = None
    """Of a card of a pool: leases one of the same product, which may be another."""

    @property
    def card(self) -> Card:
        """The card under test; raises InconclusiveError where an SM-DP+ is."""
        return self.session.held_card()

    @property
    def identity(self) -> dict[str, str]:
        """Of a card of a pool, for the record of a sequence: its product and its EID."""
        eid = self.description.get("eid", "") if self.product or self.shared else ""
        return {name: text for name, text in (("product", self.product), ("eid", eid)) if text}

    @property
    def recording_fault(self) -> str:
        """Why recording has stopped; empty while it works, and without one."""
        card = self.session.card
        return "" if card is None else str(getattr(card.transport, "fault", ""))

    def take_missing(self) -> list[str]:
        """Descriptions of the profiles that the SM-DP+ did not hold since the last call."""
        return [wish.words() for wish in self.session.smdp.take_missing()] if self.session.smdp is not None else []

    def close(self) -> None:
        """Close the card and the SM-DP+."""
        if self.session.journal is not None:
            self.session.journal.close()
        if self.session.card is not None:
            self.session.card.close()
        if self.session.smdp is not None:
            self.session.smdp.close()
        if self.session.bench is not None:
            self.session.bench.close()
        if self.lease is not None:
            self.lease.release()


def open_harness(options: Options) -> Harness:
    """Open the card and identify it.

    Raises:
        OptionError: an option is wrong.
        CardError: the card cannot be opened.
        OtherCard: it is not the declared one.
    """
    from pytest_euicc.card.channel import Card
    from pytest_euicc.card.transport import TransportOptions, open_transport
    from pytest_euicc.es10.isdr import ISDR_AID
    from pytest_euicc.iut.smdp.opening import open_smdp
    from pytest_euicc.lab.contradictions import refuse_other_card
    from pytest_euicc.lab.returning import Return
    from pytest_euicc.lab.waiting import wait_for_card

    declaration, pki = load_declaration(options), read_pki(options)
    extra: dict[str, Any] = {"isdr_aid": options.isdr_aid}
    if options.kind == SIMULATED:
        from pytest_euicc.simulator.defect import known_defects
        from pytest_euicc.simulator.euicc.defects import DEFECTS
        from pytest_euicc.simulator.euicc.variants import VARIANTS
        from pytest_euicc.simulator.variant import known_variants

        extra |= {
            "pki": pki,
            "defects": known_defects("--euicc-defect", options.defects, DEFECTS),
            "variants": known_variants("--euicc-variant", options.variants, VARIANTS),
        }
    opened = transport = open_transport(
        with_settings(options.euicc), TransportOptions(timeout=options.euicc_timeout, extra=extra)
    )
    if extra.get("variants"):
        from pytest_euicc.iut.simulated_euicc import redeclared

        declaration = redeclared(declaration, transport.euicc.settings, pki)  # type: ignore[attr-defined]
    notes: Mapping[str, str] = getattr(transport, "notes", {})
    seed = notes.get("seed") or options.seed or secrets.token_hex(8)
    started = _started(notes.get("started"))
    if options.record is not None:
        from pytest_euicc.card.recording import record

        notes = {"seed": seed, "started": started.isoformat()}
        transport = record(transport, _record_path(options.record, options.worker), notes)
    card = Card(transport, patience=_COMMAND * options.euicc_timeout)
    wait_for_card(card.connect, options.wait, options.tell)
    session = open_session(
        card,
        declaration,
        pki,
        open_smdp(options, pki, load_smdp_declaration(options)),
        real_card=options.real_card,
        allow_destructive=options.allow_destructive,
        isdr_aid=options.isdr_aid or ISDR_AID,
        seed=seed,
        started=started,
    )
    try:
        # A replay has no card, and an eUICC with defects may be set to give a wrong EID.
        if options.kind != "replay" and not options.defects:
            refuse_other_card(session, str(options.declaration or "the declaration"))
        found = _describe(session, options)
    except PytestEuiccError:
        card.close()
        raise
    session.eid = found.get("eid", "")
    session.operator = _operator(options, opened, pki)
    session.returns = Return(session, options.wait, options.tell)
    if session.real_card:
        from pytest_euicc.conformance.engine import journal

        reported = journal.start(session, found.get("eid", ""))
        if reported:
            found["earlier run"] = reported
    return Harness(session, found)


def _operator(options: Options, transport: Transport, pki: Pki) -> Operator | None:
    """Who does what only a person can do."""
    from pytest_euicc.lab.operators import HookOperator, TerminalOperator

    if not options.has_operator:
        return None
    if options.operator == "terminal":
        return TerminalOperator(options.operator_timeout)
    others = None
    if options.kind == SIMULATED:
        from pytest_euicc.iut.simulated_operator import SimulatedOperator

        others = SimulatedOperator(cast("SimTransport", transport), pki)
    return HookOperator(options.ask or (lambda _request: None), options.operator_timeout, others)


def open_session(
    card: Card | None, declaration: Declaration, pki: Pki, smdp: SimulatedSmdp | RemoteSmdp, **settings: Any
) -> Session:
    """A session on a card, or without one on the SM-DP+, with the PKI and the server that vectors ask for.

    ``settings`` are those of Session.
    """
    from pytest_euicc.conformance.engine.context import Session
    from pytest_euicc.interfaces.download.whole import DownloadingProvisioner

    provisioner = DownloadingProvisioner()
    return Session(card, declaration, trust=pki.trust(), provisioner=provisioner, pki=pki, smdp=smdp, **settings)


def open_smdp_harness(options: Options) -> Harness:
    """A session with the SM-DP+ of the run, which starts (if it is ours) when it is first needed.

    Raises:
        OptionError: an option is wrong.
    """
    from pytest_euicc.iut.smdp.opening import open_smdp, smdp_server

    declaration, pki = load_smdp_declaration(options), read_pki(options)
    seed = options.seed or secrets.token_hex(8)
    smdp = open_smdp(options, pki, declaration)
    session = open_session(None, declaration, pki, smdp, real_card=False, seed=seed)
    server = smdp_server(options, declaration)
    where = SIMULATED if server is None else server.urls["nist"]
    return Harness(session, {"SM-DP+": where, "SM-DP+ declaration": declaration.name, "seed": seed})


def _bench_operator(options: Options) -> Operator | None:
    """Who handles an LPA that no program drives; nobody where that is our own."""
    from pytest_euicc.lab.operators import HookOperator, TerminalOperator
    from pytest_euicc.options import OWN

    if options.lpa == OWN or not options.has_operator:
        return None
    if options.operator == "terminal":
        return TerminalOperator(options.operator_timeout)
    return HookOperator(options.ask or (lambda _request: None), options.operator_timeout)


def open_lpa_harness(options: Options) -> Harness:
    """A session with the LPA of the run between card and servers of the bench.

    Raises:
        OptionError: an option is wrong.
    """
    from pytest_euicc.conformance.engine.context import Session
    from pytest_euicc.iut.inputs import load_lpa_declaration
    from pytest_euicc.iut.lpa.bench import SimulatedBench
    from pytest_euicc.iut.lpa.opening import open_driver
    from pytest_euicc.iut.lpa.own import redeclared_lpa

    declaration, pki = load_lpa_declaration(options), read_pki(options)
    declaration = redeclared_lpa(declaration, frozenset(options.lpa_variants))
    driver = open_driver(options, _bench_operator(options))
    bench = SimulatedBench(driver, pki, options.lpa_timeout)
    seed = options.seed or secrets.token_hex(8)
    session = Session(declaration=declaration, real_card=False, pki=pki, bench=bench, seed=seed)
    return Harness(session, {"LPA": driver.name, "LPA declaration": declaration.name, "seed": seed})


def _started(recorded: str | None) -> datetime:
    """The start of the run; in a replay, that of its recording."""
    try:
        return datetime.fromisoformat(recorded or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC).replace(microsecond=0)


def _record_path(path: Path, worker: str) -> Path:
    """One file for each worker: in the folder, or next to the file named."""
    if path.is_dir() or not path.suffix:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"--euicc-record {path}: no folder can be made there: {error.strerror}; "
                "name a folder, or a file with a suffix, such as run.trace"
            ) from None
        # A folder takes the recordings of many runs.
        names = chain([worker or "euicc"], (f"{worker or 'euicc'}-{number}" for number in count(1)))
        return next(file for file in (path / f"{name}.trace" for name in names) if not file.exists())
    return path.with_stem(f"{path.stem}-{worker}") if worker else path


def _describe(session: Session, options: Options) -> dict[str, str]:
    """EID, svn and firmware as the card returns them; a card that returns none is described by its reader alone."""
    from pytest_euicc.card.exchange import UnexpectedStatus
    from pytest_euicc.conformance.engine.declared import contradictions
    from pytest_euicc.es10.isdr import Es10Error, Isdr

    card = session.held_card()
    found = {"reader": card.description, "transport": options.euicc, "protocol": card.protocol}
    found["declaration"] = session.declaration.name
    found["seed"] = session.seed
    session.section("describe the card")
    card.reset()
    card.start()
    try:
        channel = card.open_channel()
        isdr = Isdr(channel, session.isdr_aid)
        if isdr.select().ok:
            found["eid"] = isdr.get_eid()
            info = isdr.get_euicc_info2()
            found["svn"] = ".".join(map(str, info["svn"]))
            found["firmware"] = ".".join(map(str, info["euiccFirmwareVer"]))
            wrong = contradictions(session.declaration, info)
            if wrong:
                found[CONTRADICTIONS] = "; ".join(map(str, wrong))
    except (Es10Error, UnexpectedStatus) as error:
        found["not identified"] = str(error)
    card.reset()
    return found
