"""The pytest hooks of pytest-euicc and nothing else; modules that do the work are imported when needed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import hookspecs, masking, options, pooling
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.fixtures import (  # noqa: F401  (fixtures are found by name)
    Inconclusive,
    declaration,
    euicc,
    euicc_harness,
    euicc_product,
    isdr,
    lpa,
    lpa_harness,
    pki,
    sequence,
    smdp,
    smdp_harness,
)
from pytest_euicc.options import OptionError
from pytest_euicc.run import ENTRY, MISSING, RUN, Run
from pytest_euicc.telling import Teller
from pytest_euicc.text import encodable

_MARKER = "euicc_vectors"
_SUITE = "::test_sequence["
"""What the tests of suites are called."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option has an ini key of the same name."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Hooks that other plugins may implement."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Markers, and the state of this run; a report folder that cannot be written to is an error before the run."""
    allure = config.getoption("allure_report_dir", None)
    try:
        options.check_folder("--alluredir", Path(allure) if allure else None)
        options.check_folder("--euicc-report", options.report_folder(config))
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    config.addinivalue_line("markers", f"{_MARKER}(interface): parametrise with the vector sequences of an interface")
    run = config.stash[RUN] = Run(config)
    if options.given(config):
        run.end_on_signals()
    masking.show(shown=options.show_secrets(config))
    # It takes results where the reports come together, also with workers; pytest gives no config with a report.
    config.pluginmanager.register(run, "euicc-run")
    run.guard_reports()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The folder of the reports is there before anything runs, workers included."""
    if not session.config.option.collectonly:
        try:
            session.config.stash[RUN].begin()
        except OptionError as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Options, declaration and vectors are checked before collection, so that a mistake is one message.

    A project that uses none of the options does not load any of this.
    """
    if options.given(session.config):
        try:
            session.config.stash[RUN].check()
        except PytestEuiccError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each sequence of the interface in the module's marker; None: of all interfaces without a suite.

    With several products, each test of a card for each of them.
    """
    marker = metafunc.definition.get_closest_marker(_MARKER)
    run, chosen = metafunc.config.stash[RUN], None
    if marker is not None and "sequence" in metafunc.fixturenames:
        # The parameter is the name alone: Allure shows it, and knows a test again by it after its vector was edited.
        chosen = run.of_suite(marker.args[0] if marker.args else None)
        metafunc.parametrize("sequence", chosen, ids=chosen, indirect=True)
    if "euicc_product" in metafunc.fixturenames and options.given(metafunc.config) and run.pool:
        names = run.pool.names
        # Vectors are read for this alone.
        if names and (chosen is None or any(run.sequences[name][0].iut == "euicc" for name in chosen)):
            labels = map(pooling.label, names)
            metafunc.parametrize("euicc_product", names, ids=labels, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A suite without vectors, such as that for vendors' interfaces, is not shown as a skipped test.

    A shard is a part of what was chosen by ``-k`` and the like, so this comes last.
    """
    empty = [item for item in items if item.get_closest_marker(_MARKER) and item.name.endswith("[NOTSET]")]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)
    run = config.stash[RUN]
    if options.given(config):
        items[:] = run.without_repeated(items)
    if options.given(config) and run.options.applicable_only:
        items[:], dropped = run.without_inapplicable(items)
        config.hook.pytest_deselected(items=dropped)
    if options.given(config) and run.resumed is not None:
        items[:], others = run.without_unchosen(items)
        config.hook.pytest_deselected(items=others)
    if options.given(config):
        items[:] = run.ordered(items)
    if options.given(config) and run.options.shard is not None:
        items[:], others = run.options.shard.divide(items)
        config.hook.pytest_deselected(items=others)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """The plan, where one is wanted; from here on a terminal shows where the run is."""
    run = config.stash[RUN]
    run.collected([item.nodeid for item in items if item.get_closest_marker(_MARKER)])
    return run.plan_lines([item.nodeid for item in items])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """As long as a test runs or puts the card back, Ctrl-C for the second time ends that as well."""
    with item.config.stash[RUN].interruption.cuttable():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """What a sequence has to tell goes with its report; one that is inconclusive needs no traceback."""
    report: Any = yield
    written = item.config.stash[RUN].evidence_to_send()
    if written:
        report.euicc_written = written
    if call.when == "call" and ENTRY in item.stash:
        report.euicc, report.euicc_missing = item.stash[ENTRY], item.stash.get(MISSING, [])
    if call.excinfo is not None and isinstance(call.excinfo.value, Inconclusive):
        report.longrepr, report.euicc_inconclusive = str(call.excinfo.value), True
    return report  # type: ignore[no-any-return]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """With pytest-xdist: another process takes UTF-8 only, whatever a test failed with."""
    data = yield
    return encodable(data)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Inconclusive is an error in pytest, not a failure (SGP.23 2.2.5)."""
    if report.failed and getattr(report, "euicc_inconclusive", False):
        return "error", "E", "INCONCLUSIVE"
    return None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A worker passes on the description of its card; the controller writes the reports."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    if run.in_worker:
        session.config.workeroutput["euicc_description"] = run.description  # type: ignore[attr-defined]
    else:
        session.exitstatus = run.counts_as_failed(exitstatus)
        if not run.finish(whole=exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)):
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With pytest-xdist: the seed, and a folder in which workers record the profiles that they use."""
    run = node.config.stash[RUN]
    spec = node.gateway.spec
    node.workerinput |= {
        "euicc_seed": run.seed,
        "euicc_claims": str(run.claims),
        "euicc_host": pooling.host_of(spec),
        # Its folder of reports is not the one of this process.
        "euicc_away": not spec.popen or bool(spec.chdir),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Any) -> None:
    """With pytest-xdist: as many workers as there are cards for."""
    run = config.stash[RUN]
    try:
        if options.given(config) and run.pool is not None:
            pooling.check_workers(run.pool, specs)
    except PytestEuiccError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> Any:
    """With pytest-xdist and several products: a worker gets the tests of the product of its card."""
    run = config.stash[RUN]
    if not (options.given(config) and run.pool is not None and run.pool.names):
        return None
    from xdist.workermanage import parse_tx_spec_config

    from pytest_euicc.scheduling import ProductScheduling

    return ProductScheduling(run.pool, len(parse_tx_spec_config(config)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With pytest-xdist: ``-n auto`` is as many workers as there are cards on this machine."""
    file = options.pool_file(config)
    try:
        return pooling.load(file).cards_on("") if file is not None else None
    except PytestEuiccError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """With pytest-xdist: the controller learns from its workers which tests there are."""
    run = node.config.stash[RUN]
    if not run.is_collected:
        for line in run.plan_lines([nodeid for nodeid in ids if _SUITE in nodeid]):
            Teller(node.config).say(line)
    node.config.stash[RUN].collected([nodeid for nodeid in ids if _SUITE in nodeid])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001
    """With pytest-xdist: card and SM-DP+ are those of the first worker that opened them."""
    node.config.stash[RUN].opened(getattr(node, "workeroutput", {}).get("euicc_description", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Verdicts per interface, the card, and where reports are."""
    run = config.stash[RUN]
    if run.entries or run.said:
        terminalreporter.section("eUICC and SM-DP+ conformance")
        for line in run.lines():
            terminalreporter.write_line(line)
