"""The pytest hooks of pytest-euicc and nothing else; modules that do the work are imported when needed."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import hookspecs, masking, option_values, options
from pytest_euicc.errors import OptionError, PytestEuiccError
from pytest_euicc.run import cards, selection
from pytest_euicc.run.state import RUN, Run

_MARKER = "euicc_vectors"
# Fixtures import the outcomes, and pytest wants to be the first to import a plugin.
pytest_plugins = ["pytest_euicc.run.outcomes", "pytest_euicc.fixtures", "pytest_euicc.run.workers"]
_CHECKED = ("--euicc", "--smdp", "--lpa", "-n", "--dist", "--tx", "--allure", "--clean-allure")
"""What options begin with whose spelling is checked, or whose package may not be installed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option has an ini key of the same name."""
    options.add(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> Generator[None, Any, Any]:
    """An option that is wrong or lacks a package is an error with its remedy; conftest files may have their own."""
    if not any(argument.startswith(_CHECKED) for argument in args):
        return (yield)
    from pytest_euicc.run import spelling

    try:
        spelling.check_extras(args)
        result = yield
        spelling.check_names(parser, args)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    return result


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Hooks that other plugins may implement."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Markers, and the state of this run; a report folder that cannot be written to is an error before the run."""
    allure = config.getoption("allure_report_dir", None)
    try:
        option_values.check_folder("--alluredir", Path(allure) if allure else None)
        option_values.check_folder("--euicc-report", options.report_folder(config))
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    config.addinivalue_line("markers", f"{_MARKER}(interface): parametrise with the vector sequences of an interface")
    run = config.stash[RUN] = Run(config)
    if options.given(config):
        run.end_on_signals()
    masking.show(shown=options.show_secrets(config))
    config.pluginmanager.register(run, "euicc-run")
    config.pluginmanager.register(run.reports, "euicc-reports")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Options and files are checked, and the folder of the reports is there, before anything runs, workers included.

    So a mistake is one message. A project that uses none of the options does not load any of this.
    """
    run = session.config.stash[RUN]
    run.reports.guard_reports()
    worker = run.inputs.worker
    try:
        # What the process that started them has checked, workers on this machine need not check again.
        if options.given(session.config) and (not worker or worker.get("euicc_away")):
            run.inputs.check()
        if not session.config.option.collectonly:
            run.reports.begin()
    except PytestEuiccError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each sequence of the interface in the module's marker; None: of all interfaces without a suite.

    With several products, each test of a card for each of them.
    """
    marker = metafunc.definition.get_closest_marker(_MARKER)
    inputs, chosen = metafunc.config.stash[RUN].inputs, None
    if marker is not None and "sequence" in metafunc.fixturenames:
        # The parameter is the name alone: Allure shows it, and knows a test again by it after its vector was edited.
        chosen = inputs.of_suite(marker.args[0] if marker.args else None)
        metafunc.parametrize("sequence", chosen, ids=chosen, indirect=True)
    if "euicc_product" in metafunc.fixturenames and options.given(metafunc.config) and inputs.pool:
        names = inputs.pool.names
        # Vectors are read for this alone.
        if names and (chosen is None or any(inputs.sequences[name][0].iut == "euicc" for name in chosen)):
            labels = map(cards.label, names)
            metafunc.parametrize("euicc_product", names, ids=labels, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A suite without vectors, such as that for vendors' interfaces, is not shown as a skipped test."""
    empty = [item for item in items if item.get_closest_marker(_MARKER) and item.name.endswith("[NOTSET]")]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)
    inputs = config.stash[RUN].inputs
    if any(item.get_closest_marker(_MARKER) for item in items):
        try:
            selection.leave_out_unserved(config, inputs, items)
        except PytestEuiccError as error:
            raise pytest.UsageError(str(error)) from None
    if options.given(config):
        selection.select(config, inputs, items)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """The plan, where one is wanted; from here on a terminal shows where the run is."""
    return config.stash[RUN].collected([item.nodeid for item in items if item.get_closest_marker(_MARKER)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """While a test runs or restores the card, a second Ctrl-C ends that as well."""
    with item.config.stash[RUN].interruption.cuttable():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A worker passes on the description of its card; the controller writes the reports."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    if run.inputs.in_worker:
        session.config.workeroutput["euicc_description"] = run.reports.description  # type: ignore[attr-defined]
    else:
        session.exitstatus = run.reports.counts_as_failed(exitstatus)
        if run.ended:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if not run.finish(whole=exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)):
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
