"""From options to a session: opens the card, reads the declaration, wires recording and trust."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_euicc import resources
from pytest_euicc.options import SIMULATED, OptionError, Options, known_defects

if TYPE_CHECKING:
    from pytest_euicc.card.channel import Card
    from pytest_euicc.conformance.engine.context import Session
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case
    from pytest_euicc.iut.smdp import RemoteSmdp, SimulatedSmdp
    from pytest_euicc.iut.smdp.needs import Need
    from pytest_euicc.rsp.pki import Pki

_HARMLESS = ("sim", "replay")


@dataclass
class Harness:
    """One session with a card or an SM-DP+, and what is known of it, for reports."""

    session: Session
    description: dict[str, str] = field(default_factory=dict)

    @property
    def card(self) -> Card:
        """The card under test; raises Unreachable where an SM-DP+ is."""
        return self.session.held_card()

    @property
    def recording_fault(self) -> str:
        """Why the recording takes no more; empty while it does, or if there is none."""
        card = self.session.card
        return "" if card is None else str(getattr(card.transport, "fault", ""))

    def take_missing(self) -> list[str]:
        """Profiles that the SM-DP+ did not hold since the last look, in words."""
        return [wish.words() for wish in self.session.services["smdp"].take_missing()]

    def close(self) -> None:
        """Let go of the card and of the SM-DP+."""
        if self.session.card is not None:
            self.session.card.close()
        self.session.services["smdp"].close()


def load_cases(options: Options) -> list[Case]:
    """All vectors: the package's and the user's; raises OptionError with every mistake in them."""
    from pytest_euicc.conformance.files.document import FileMistakes
    from pytest_euicc.conformance.reading import loader
    from pytest_euicc.peers.smdp import published

    for path in options.vectors:
        if path.is_dir() and not loader.vector_files([path]):
            raise OptionError(f"--euicc-vectors {path}: no vectors in this folder; their files end in .yaml")
    try:
        return published.expand(loader.load([resources.vectors(), *options.vectors]))
    except FileMistakes as error:
        raise OptionError(str(error)) from None


def load_declaration(options: Options) -> Declaration:
    """The declaration of the implementation under test; raises OptionError."""
    default = resources.simulated_cards()[0].declaration if options.euicc == SIMULATED else None
    return _declaration("euicc", "--euicc-declaration", options.declaration, default)


def load_smdp_declaration(options: Options, to_come: Path | None = None) -> Declaration:
    """The declaration of the SM-DP+ under test; raises OptionError.

    Args:
        to_come: its inventory, where it is about to be written.
    """
    default = resources.declarations() / "simulated_smdp.yaml" if options.smdp in ("", SIMULATED) else None
    return _declaration("smdp", "--smdp-declaration", options.smdp_declaration, default, to_come)


def _declaration(
    iut: Literal["euicc", "smdp"], option: str, path: Path | None, default: Path | None, to_come: Path | None = None
) -> Declaration:
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.document import FileMistakes

    path = path or default
    if path is None:
        return Declaration(iut=iut)
    try:
        declaration = Declaration.load(path, to_come=to_come)
    except FileMistakes as error:
        raise OptionError(f"{option}: {error}") from None
    if declaration.iut != iut:
        raise OptionError(f"{option}: {path} declares iut: {declaration.iut}; one with iut: {iut} is wanted here")
    return declaration


def _pki(options: Options) -> Any:
    if options.pki is None:
        from pytest_euicc.rsp.pki import default_pki

        return default_pki()
    from pytest_euicc.rsp.folder import FolderPki, PkiFolderError

    try:
        return FolderPki(options.pki)
    except PkiFolderError as error:
        raise OptionError(f"--euicc-pki: {error}") from None


def open_harness(options: Options) -> Harness:
    """Open the card and identify it.

    Raises:
        OptionError: an option is wrong.
        CardError: the card cannot be had.
    """
    from pytest_euicc.card.channel import Card
    from pytest_euicc.card.transport import TransportOptions, open_transport
    from pytest_euicc.es10.isdr import ISDR_AID
    from pytest_euicc.iut.smdp.opening import open_smdp

    declaration, pki = load_declaration(options), _pki(options)
    extra: dict[str, Any] = {}
    if options.kind == SIMULATED:
        from pytest_euicc.simulator.euicc.defects import DEFECTS

        extra = {"pki": pki, "defects": known_defects("--euicc-defect", options.defects, DEFECTS)}
    transport = open_transport(options.euicc, TransportOptions(extra=extra))
    notes: Mapping[str, str] = getattr(transport, "notes", {})
    seed = notes.get("seed") or options.seed or secrets.token_hex(8)
    started = _started(notes.get("started"))
    if options.record is not None:
        from pytest_euicc.card.recording import record

        notes = {"seed": seed, "started": started.isoformat()}
        transport = record(transport, _record_path(options.record, options.worker), notes)
    card = Card(transport)
    card.connect()
    session = open_session(
        card,
        declaration,
        pki,
        open_smdp(options, pki, load_smdp_declaration(options)),
        real_card=options.kind not in _HARMLESS,
        allow_destructive=options.allow_destructive,
        isdr_aid=options.isdr_aid or ISDR_AID,
        seed=seed,
        started=started,
    )
    return Harness(session, _describe(session, options))


def open_session(
    card: Card | None, declaration: Declaration, pki: Pki, smdp: SimulatedSmdp | RemoteSmdp, **settings: Any
) -> Session:
    """A session on a card, or without one on the SM-DP+, with the services that vectors ask for.

    ``settings`` are those of Session.
    """
    from pytest_euicc.conformance.engine.context import Session
    from pytest_euicc.interfaces.download.whole import DownloadingProvisioner

    services = {"pki": pki, "smdp": smdp}
    return Session(
        card, declaration, trust=pki.trust(), provisioner=DownloadingProvisioner(), services=services, **settings
    )


def open_smdp_harness(options: Options) -> Harness:
    """A session with the SM-DP+ of the run, which starts (if it is ours) when it is first needed.

    Raises:
        OptionError: an option is wrong.
    """
    from pytest_euicc.iut.smdp.opening import open_smdp, smdp_server

    declaration, pki = load_smdp_declaration(options), _pki(options)
    seed = options.seed or secrets.token_hex(8)
    smdp = open_smdp(options, pki, declaration)
    session = open_session(None, declaration, pki, smdp, real_card=False, seed=seed)
    server = smdp_server(options, declaration)
    where = SIMULATED if server is None else server.urls["nist"]
    return Harness(session, {"SM-DP+": where, "SM-DP+ declaration": declaration.name, "seed": seed})


def open_planning(
    options: Options, texts: Sequence[str], out: Path | None = None
) -> tuple[list[Need], Declaration, str]:
    """What the SM-DP+ of the run has to hold, its declaration and its smdpAddress.

    Args:
        texts: parts of names or titles of sequences; empty for all.
        out: where it is going to be written; the declaration may name that file before it is there.

    Raises:
        OptionError: an option is wrong, or nothing is chosen.
    """
    from pytest_euicc.conformance.reading.loader import chosen
    from pytest_euicc.iut.smdp.needs import needs
    from pytest_euicc.iut.smdp.opening import smdp_server

    declaration, pki = load_smdp_declaration(options, out), _pki(options)
    server = smdp_server(options, declaration)
    address = server.address if server is not None else declaration.addresses.smdp or "smdp.example.com"
    cases = chosen(load_cases(options), "smdp", texts)
    if not cases:
        raise OptionError(f"-k: no sequence for an SM-DP+ has {' or '.join(texts)} in its name or title")
    return needs(cases, declaration, pki, address), declaration, address


def _started(recorded: str | None) -> datetime:
    """The time of the run; that of the recording, if it is one."""
    try:
        return datetime.fromisoformat(recorded or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC).replace(microsecond=0)


def _record_path(path: Path, worker: str) -> Path:
    """One file per worker: into a folder, or beside the file named."""
    if path.is_dir() or not path.suffix:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(
                f"--euicc-record {path}: no folder can be made there: {error.strerror}; "
                "name a folder, or a file with a suffix, such as run.trace"
            ) from None
        return path / f"{worker or 'euicc'}.trace"
    return path.with_stem(f"{path.stem}-{worker}") if worker else path


def _describe(session: Session, options: Options) -> dict[str, str]:
    """EID, svn and firmware as the card says them; a card that says nothing is described by its reader alone."""
    from pytest_euicc.card.channel import UnexpectedStatus
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
    except (Es10Error, UnexpectedStatus) as error:
        found["not identified"] = str(error)
    card.reset()
    return found
