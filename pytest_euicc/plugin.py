"""pytest's hooks and options of pytest-euicc, and nothing else; all work is imported when it is needed."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_euicc.fixtures import (  # noqa: F401  (fixtures are found by name)
    STATE,
    Inconclusive,
    declaration,
    euicc,
    euicc_harness,
    isdr,
    lpa,
    pki,
    sequence,
    smdp,
    smdp_harness,
)
from pytest_euicc.harness import load_cases, load_declaration, load_smdp_declaration
from pytest_euicc.options import OptionError, Options

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.vector import Case, Sequence

_MARKER = "euicc_vectors"
_OPTIONS = (
    ("--euicc", "euicc", "SPEC", "card: sim[:SETTINGS], pcsc[:READER], vpcd[:PORT], replay:FILE (default sim)"),
    ("--euicc-declaration", "euicc_declaration", "FILE", "what the implementation under test says of itself"),
    ("--euicc-record", "euicc_record", "FILE|DIR", "record every APDU to a trace that can be replayed"),
    ("--euicc-isdr-aid", "euicc_isdr_aid", "HEX", "AID of the ISD-R, for cards with a vendor's own"),
    ("--euicc-pki", "euicc_pki", "DIR", "CI certificates in the folder layout of SGP.26 (default: the test PKI)"),
    ("--smdp", "euicc_smdp", "sim|URL", "SM-DP+ to test, and to download from (default: as declared, or sim)"),
    ("--smdp-declaration", "smdp_declaration", "FILE", "what the SM-DP+ under test says of itself"),
    ("--smdp-timeout", "smdp_timeout", "SECONDS", "how long an SM-DP+ may take to connect and to answer (default 15)"),
    ("--euicc-seed", "euicc_seed", "TEXT", "seed of the harness's randomness (default: a new one)"),
    ("--euicc-report", "euicc_report", "DIR", "write summary.json and summary.html"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option has an ini key of the same name."""
    group = parser.getgroup("euicc", "eUICC and SM-DP+ conformance")
    for option, name, metavar, text in _OPTIONS:
        group.addoption(option, dest=name, metavar=metavar, default=None, help=text)
        parser.addini(name, help=text, default="")
    text = "let sequences change a card in a real reader that the declaration does not list"
    group.addoption("--euicc-allow-destructive", action="store_true", default=None, help=text)
    parser.addini("euicc_allow_destructive", help=text, type="bool", default=False)
    text = "folder or file with vectors of your own, beside those of the package"
    group.addoption("--euicc-vectors", metavar="PATH", action="append", default=None, help=text)
    parser.addini("euicc_vectors", help=text, type="paths", default=[])
    text = "switch a named defect of the simulated eUICC on (may be repeated)"
    group.addoption("--euicc-defect", metavar="NAME", action="append", default=[], help=text)
    text = "switch a named defect of the simulated SM-DP+ on (may be repeated)"
    group.addoption("--smdp-defect", metavar="NAME", action="append", default=[], help=text)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """What others may implement."""
    from pytest_euicc import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Markers, and the state of this run; a place for reports that cannot be written to is told before the run."""
    for option, folder in (("--alluredir", config.getoption("allure_report_dir", None)), _report(config)):
        fault = _unwritable(Path(folder)) if folder else ""
        if fault:
            raise pytest.UsageError(f"{option} {folder}: {fault}; name another folder")
    config.addinivalue_line("markers", f"{_MARKER}(interface): parametrise with the vector sequences of an interface")
    setattr(config, STATE, _State(config))


def _report(config: pytest.Config) -> tuple[str, str]:
    return "--euicc-report", config.getoption("euicc_report") or config.getini("euicc_report")


def _unwritable(folder: Path) -> str:
    """Why no files can be written to a folder that is there or is to be made; empty where they can."""
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        return f"{place} is a file"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written to"


class _State:
    """Options, vectors and results of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._options: Options | None = None
        self._cases: list[Case] | None = None
        self._sequences: dict[str, tuple[Case, Sequence]] | None = None
        self.entries: list[dict[str, Any]] = []
        self.description: dict[str, str] = {}
        self.written = ""

    @property
    def options(self) -> Options:
        """What the user asked for; raises OptionError."""
        if self._options is None:
            self._options = _read_options(self._config, self.seed)
        return self._options

    @property
    def cases(self) -> list[Case]:
        """All vectors, loaded once; raises OptionError with every mistake in them or in the declaration."""
        if self._cases is None:
            load_declaration(self.options)
            declaration = load_smdp_declaration(self.options)
            if self.options.smdp:
                from pytest_euicc.iut.smdp.opening import smdp_server

                smdp_server(self.options, declaration)
            self._cases = load_cases(self.options)
        return self._cases

    @property
    def sequences(self) -> dict[str, tuple[Case, Sequence]]:
        """All sequences by their names, with their cases; raises OptionError as `cases` does."""
        if self._sequences is None:
            self._sequences = {
                case.sequence_id(entry): (case, entry) for case in self.cases for entry in case.sequences
            }
        return self._sequences

    def check(self) -> None:
        """Read everything the user named; raises OptionError."""
        _ = self.cases

    @cached_property
    def claims(self) -> Path:
        """A folder that the workers of the run share."""
        folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-")
        self._config.add_cleanup(folder.cleanup)
        return Path(folder.name)

    @cached_property
    def seed(self) -> str:
        """The seed of a run that was given none: one for both sides and all workers, so that reports can name it."""
        return getattr(self._config, "workerinput", {}).get("euicc_seed") or secrets.token_hex(8)

    def opened(self, description: dict[str, str]) -> None:
        """A card or an SM-DP+ is there; what reports say of it, as it was first said."""
        self.description = {**description, **self.description}


def _read_options(config: pytest.Config, new_seed: str) -> Options:
    def given(name: str) -> Any:
        value = config.getoption(name)
        return config.getini(name) if value is None else value

    def path(name: str) -> Path | None:
        value = given(name)
        return Path(value) if value else None

    aid = str(given("euicc_isdr_aid") or "")
    try:
        isdr_aid = bytes.fromhex(aid) or None
    except ValueError:
        raise OptionError(f"--euicc-isdr-aid {aid}: not hex; write the AID as A0000005591010…") from None
    claims = getattr(config, "workerinput", {}).get("euicc_claims")
    vectors = tuple(Path(entry) for entry in given("euicc_vectors"))
    for entry in vectors:
        if not entry.exists():
            raise OptionError(f"--euicc-vectors {entry}: there is no such file or folder")
    return Options(
        euicc=given("euicc") or "sim",
        declaration=path("euicc_declaration"),
        record=path("euicc_record"),
        allow_destructive=bool(given("euicc_allow_destructive")),
        isdr_aid=isdr_aid,
        pki=path("euicc_pki"),
        vectors=vectors,
        seed=given("euicc_seed") or new_seed,
        worker=getattr(config, "workerinput", {}).get("workerid", ""),
        defects=tuple(config.getoption("euicc_defect")),
        smdp=given("euicc_smdp"),
        smdp_declaration=path("smdp_declaration"),
        smdp_defects=tuple(config.getoption("smdp_defect")),
        smdp_timeout=_seconds("--smdp-timeout", given("smdp_timeout") or "15"),
        provision=lambda wish: config.hook.pytest_euicc_provision_profile(config=config, wish=wish),
        claims=Path(claims) if claims else None,
    )


def _seconds(option: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise OptionError(f"{option} {text}: write seconds, such as 15 or 0.5")
    return seconds


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Options, declaration and vectors are checked before collection, so that a mistake is one message.

    A project that says nothing of eUICCs pays nothing for it.
    """
    config = session.config
    names = [name for _, name, _, _ in _OPTIONS] + ["euicc_vectors", "euicc_allow_destructive"]
    defects = config.getoption("euicc_defect") or config.getoption("smdp_defect")
    if defects or any(config.getoption(name) or config.getini(name) for name in names):
        try:
            getattr(config, STATE).check()
        except OptionError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per sequence of the interface that the module's marker names; None takes what no suite claims."""
    marker = metafunc.definition.get_closest_marker(_MARKER)
    if marker is None or "sequence" not in metafunc.fixturenames:
        return
    from pytest_euicc.reporting.interfaces import SUITES

    interface = marker.args[0] if marker.args else None
    # The parameter is the name alone: Allure shows it, and knows a test again by it after its vector was edited.
    chosen = [
        name
        for name, (case, _) in getattr(metafunc.config, STATE).sequences.items()
        if (case.interface not in SUITES if interface is None else case.interface == interface)
    ]
    metafunc.parametrize("sequence", chosen, ids=chosen, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A suite without vectors, such as that of a vendor's own interfaces, is no skipped test."""
    empty = [item for item in items if item.get_closest_marker(_MARKER) and item.name.endswith("[NOTSET]")]
    if empty:
        items[:] = [item for item in items if item not in empty]
        config.hook.pytest_deselected(items=empty)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:  # noqa: ARG001
    """An inconclusive sequence is told in its own words, without a traceback."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, Inconclusive):
        report.longrepr = str(call.excinfo.value)  # type: ignore[attr-defined]
        report.user_properties.append(("euicc inconclusive", True))  # type: ignore[attr-defined]
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Inconclusive counts as pytest's error, not as a failure (SGP.23 2.2.5)."""
    properties = getattr(report, "user_properties", ())
    if report.failed and ("euicc inconclusive", True) in map(tuple, properties):
        return "error", "E", "INCONCLUSIVE"
    return None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collected where the reports come together, also with workers."""
    if report.when == "call":
        _collected.extend(
            value for name, value in report.user_properties if name == "euicc" and isinstance(value, dict)
        )
        _missing.update(str(value) for name, value in report.user_properties if name == "euicc missing")


_collected: list[dict[str, Any]] = []
_missing: Counter[str] = Counter()
"""Profiles that the SM-DP+ did not hold, in words."""


def pytest_sessionstart(session: pytest.Session) -> None:  # noqa: ARG001
    """A run begins with nothing collected."""
    _collected.clear()
    _missing.clear()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what its card said; the controller writes reports."""
    config = session.config
    state = getattr(config, STATE, None)
    if state is None:
        return
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output["euicc_description"] = state.description
        return
    if not _collected:
        return
    from pytest_euicc.reporting import summary

    collected = summary.Summary.of(_collected, state.description)
    _, folder = _report(config)
    if folder:
        try:
            summary.write(Path(folder), collected)
            state.written = f"summary: {Path(folder) / 'summary.html'}"
        except OSError as error:
            # A long run is not lost because the disk is full.
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
            state.written = f"--euicc-report {folder}: {error.strerror}; the summary is not there"
            with contextlib.suppress(OSError):
                instead = Path(tempfile.mkdtemp(prefix="pytest-euicc-report-"))
                summary.write(instead, collected)
                state.written = f"--euicc-report {folder}: {error.strerror}; the summary is in {instead}"
    allure = config.getoption("allure_report_dir", None)
    if allure:
        from pytest_euicc.reporting.allure import write_environment

        # Allure's own plugin tells what it could not write.
        with contextlib.suppress(OSError):
            write_environment(Path(allure), state.description)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With pytest-xdist: the seed, and a folder in which the workers say which profiles of an inventory they took."""
    state = getattr(node.config, STATE)
    node.workerinput |= {"euicc_seed": state.seed, "euicc_claims": str(state.claims)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001
    """With pytest-xdist: card and SM-DP+ are described by the first worker that had them."""
    state = getattr(node.config, STATE, None)
    if state is not None:
        state.opened(getattr(node, "workeroutput", {}).get("euicc_description", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Verdicts per interface, the card, and where reports are."""
    if not _collected:
        return
    from pytest_euicc.reporting import summary

    state = getattr(config, STATE)
    terminalreporter.section("eUICC and SM-DP+ conformance")
    for line in summary.Summary.of(_collected, state.description).lines():
        terminalreporter.write_line(line)
    if _missing:
        terminalreporter.write_line(
            "the SM-DP+ did not hold (for test_es9plus.py `pytest-euicc provisioning` writes it):"
        )
        for words, count in sorted(_missing.items()):
            terminalreporter.write_line(f"  {count} x {words}")
    if state.written:
        terminalreporter.write_line(state.written)
    if config.getoption("allure_report_dir", None):
        terminalreporter.write_line(f"Allure results: {config.getoption('allure_report_dir')}")
