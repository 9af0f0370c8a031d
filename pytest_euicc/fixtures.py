"""Fixtures: card, ISD-R, declaration, PKI, SM-DP+, LPA, and one sequence of a vector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.masking import mask
from pytest_euicc.run import cards
from pytest_euicc.run.outcomes import Inconclusive
from pytest_euicc.run.state import ENTRY, MISSING, RUN
from pytest_euicc.run.terminal import Teller
from pytest_euicc.text import printable

if TYPE_CHECKING:
    from pytest_euicc.card.channel import Card
    from pytest_euicc.conformance.engine.smdp import SmdpAccess
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case, Sequence
    from pytest_euicc.es10.isdr import Isdr
    from pytest_euicc.harness import Harness
    from pytest_euicc.lpa import Lpa
    from pytest_euicc.rsp.pki import Pki


def _was_reported(reported: dict[str, Any]) -> bool:
    """Whether the server was lost in an earlier sequence, and all that this one left is in order."""
    from pytest_euicc.conformance.engine.errors import NOT_TRIED_AGAIN

    return NOT_TRIED_AGAIN in reported["reason"] and not reported["left_behind"]


@dataclass
class SequenceRun:
    """A sequence bound to the card or the server; ``run`` runs it and gives the verdict."""

    case: Case
    sequence: Sequence
    harness: Harness
    node: pytest.Item

    def run(self) -> None:
        """Run the sequence, if the run that is gone on with has not, and turn its verdict into pytest's outcome."""
        from pytest_euicc.reporting.evidence import properties

        run = self.node.config.stash[RUN]
        done = run.inputs.done(self.case.sequence_id(self.sequence), self.harness.identity.get("product", ""))
        if done is not None and self.node.config.getoption("allure_report_dir", None):
            from pytest_euicc.reporting.allure import taken_over

            taken_over()
        reported = self.node.stash[ENTRY] = done if done is not None else self._judged()
        self.node.user_properties += properties(reported)
        self.node.stash[MISSING] = [printable(mask(words)) for words in self.harness.take_missing()]
        if reported["verdict"] == "inconclusive" and cards.go_on(self.harness) and run.reports.recorder is not None:
            run.reports.recorder.opened(self.harness.description)
        lost = mask(self.harness.session.lost)
        fault = self.harness.recording_fault or run.reports.recording_fault or lost
        if fault:
            self.node.session.shouldstop = fault
        left = "".join(f"\nnot restored: {line}" for line in reported["left_behind"]) + (f"\n{lost}" if lost else "")
        if reported["verdict"] == "not applicable":
            pytest.skip(reported["reason"])
        if reported["verdict"] == "inconclusive":
            raise Inconclusive(
                f"{reported['id']}: inconclusive: {reported['reason']}{left}", reported_before=_was_reported(reported)
            )
        if reported["verdict"] == "fail":
            pytest.fail(printable(f"{reported['id']}: {reported['title']}\n{reported['reason']}{left}"), pytrace=False)
        if left:
            raise Inconclusive(f"{reported['id']}: passed, but the card was not restored{left}")

    def _judged(self) -> dict[str, Any]:
        """Run it; its line of the summary."""
        from pytest_euicc.conformance.engine.runner import Runner
        from pytest_euicc.reporting.evidence import entry

        self.harness.session.restoring = self.node.config.stash[RUN].interruption.deferring
        runner = Runner(self.harness.session, _listeners(self.node.config, self.harness))
        try:
            result = runner.run(self.case, self.sequence)
        except KeyboardInterrupt:
            name, reports = self.case.sequence_id(self.sequence), self.node.config.stash[RUN].reports
            for line in runner.left_by_interrupted:
                reports.say(printable(mask(f"{name}: interrupted; not restored: {line}")))
            raise
        return entry(result) | self.harness.identity


def _listeners(config: pytest.Config, harness: Harness) -> list[Any]:
    listeners: list[Any] = []
    reports = config.stash[RUN].reports
    recorder = reports.recorder
    if recorder is not None:
        recorder.identity = harness.identity
        listeners.append(recorder)
    if reports.attachments is not None:
        from pytest_euicc.reporting.allure import AllureListener

        listeners.append(AllureListener(harness.description, reports.attachments, shared=harness.shared))
    progress: Any = config.pluginmanager.get_plugin("euicc-progress")
    if progress is not None:
        listeners.append(progress)
    return listeners


def _end_run(request: pytest.FixtureRequest, error: Exception) -> NoReturn:
    """One message and the end of the run, instead of the same error for every sequence."""
    if not request.config.stash[RUN].inputs.in_worker:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    # pytest-xdist would report a worker that exits as crashed, so it asks its controller to stop.
    request.session.shouldstop = request.config.stash[RUN].ended = str(error)
    raise Inconclusive(str(error))


@pytest.fixture(scope="session")
def euicc_product(request: pytest.FixtureRequest) -> str:
    """The product that a test is about, where a run has several; else empty."""
    return getattr(request, "param", "")


@pytest.fixture(scope="session")
def euicc_harness(request: pytest.FixtureRequest, euicc_product: str) -> Iterator[Harness]:
    """The open card with its session; a card that cannot be opened ends the run with one message."""
    from pytest_euicc.harness import CONTRADICTIONS

    run = request.config.stash[RUN]
    try:
        harness = run.inputs.open_card(euicc_product)
        if run.inputs.resumed is not None:
            run.inputs.resumed.check_card(harness.description)
    except PytestEuiccError as error:
        _end_run(request, error)
    run.opened(harness.description)
    if run.reports.recorder is not None:
        run.reports.recorder.opened(harness.description if run.inputs.pool else run.reports.description)
    if CONTRADICTIONS in harness.description:
        Teller(request.config).say(f"{CONTRADICTIONS}: {harness.description[CONTRADICTIONS]}")
    yield harness
    with run.last_clean_up():
        harness.close()


@pytest.fixture(scope="session")
def smdp_harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The SM-DP+ under test with its session, no card; a wrong option ends the run with one message."""
    from pytest_euicc.harness import open_smdp_harness

    run = request.config.stash[RUN]
    try:
        harness = open_smdp_harness(run.inputs.options)
    except PytestEuiccError as error:
        _end_run(request, error)
    run.opened(harness.description)
    if run.reports.recorder is not None:
        run.reports.recorder.opened(run.reports.description)
    yield harness
    with run.last_clean_up():
        harness.close()


@pytest.fixture(scope="session")
def lpa_harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The LPA under test on its bench; a wrong option ends the run with one message."""
    from pytest_euicc.harness import open_lpa_harness

    run = request.config.stash[RUN]
    try:
        harness = open_lpa_harness(run.inputs.options)
    except PytestEuiccError as error:
        _end_run(request, error)
    run.opened(harness.description)
    if run.reports.recorder is not None:
        run.reports.recorder.opened(run.reports.description)
    yield harness
    with run.last_clean_up():
        harness.close()


@pytest.fixture(scope="session")
def declaration(euicc_harness: Harness) -> Declaration:
    """The declaration of the implementation under test."""
    return euicc_harness.session.declaration


@pytest.fixture
def euicc(euicc_harness: Harness, request: pytest.FixtureRequest) -> Iterator[Card]:
    """The card, reset and started (MF, TERMINAL CAPABILITY, TERMINAL PROFILE).

    A test that would change a real card without permission is skipped with the reason, before the command is sent.
    After the test the card is restored, unless ``--euicc-keep-changes`` is given.
    """
    from pytest_euicc.conformance.engine.guard import guarded

    session, run = euicc_harness.session, request.config.stash[RUN]
    with ExitStack() as stack:
        watched = guarded(session, request.node.nodeid, pytest.skip, restore=not run.inputs.options.keep_changes)
        context = stack.enter_context(watched)
        card = euicc_harness.card
        card.reset()
        card.start()
        yield card
        with run.last_clean_up():
            stack.close()
            if context.left_behind:
                raise Inconclusive("".join(f"not restored: {line}\n" for line in context.left_behind).rstrip())


@pytest.fixture
def isdr(euicc: Card, euicc_harness: Harness, request: pytest.FixtureRequest) -> Iterator[Isdr]:
    """The ISD-R, selected on a separate channel."""
    from pytest_euicc.es10.isdr import Isdr

    client = Isdr(euicc.open_channel(), euicc_harness.session.isdr_aid)
    client.select()
    yield client
    with request.config.stash[RUN].last_clean_up():
        euicc.reset()


@pytest.fixture(scope="session")
def pki(euicc_harness: Harness) -> Pki:
    """The built-in test PKI, or that of --euicc-pki."""
    found = euicc_harness.session.pki
    assert found is not None  # noqa: S101  (open_harness gives every session one)
    return found


@pytest.fixture(scope="session")
def smdp(euicc_harness: Harness) -> SmdpAccess:
    """The SM-DP+ of --smdp; the simulated one starts when it is first used."""
    found = euicc_harness.session.smdp
    assert found is not None  # noqa: S101  (open_harness gives every session one)
    return found


@pytest.fixture
def lpa(isdr: Isdr, smdp: SmdpAccess) -> Iterator[Lpa]:
    """An LPA between the card and the SM-DP+ of the run, with a P-256 server certificate; it has no other server."""
    from pytest_euicc.conformance.engine.smdp import client_for
    from pytest_euicc.lpa import Lpa

    with Lpa(isdr, lambda address: client_for(smdp, address, "nist")) as assistant:
        yield assistant


@pytest.fixture
def sequence(request: pytest.FixtureRequest, euicc_product: str) -> SequenceRun:  # noqa: ARG001
    """One sequence of a vector with what it is for; given by the marker ``euicc_vectors``."""
    from pytest_euicc.conformance.engine.kinds import KINDS

    run = request.config.stash[RUN]
    with run.loading():
        case, chosen = run.inputs.sequences[request.param]
        harness = request.getfixturevalue(KINDS.get(case.iut).harness)
    return SequenceRun(case, chosen, harness, request.node)
