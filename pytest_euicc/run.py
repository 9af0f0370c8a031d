"""What one run of pytest holds: options, vectors, results. It is in ``config.stash[RUN]``."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_euicc import options as option_table
from pytest_euicc import pooling
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.options import OptionError, Options
from pytest_euicc.resources import SUITES
from pytest_euicc.resumed import ResumedRun
from pytest_euicc.signals import Interruption
from pytest_euicc.telling import Teller, uncaptured
from pytest_euicc.text import printable_values

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case, Sequence
    from pytest_euicc.harness import Harness
    from pytest_euicc.lab.pool import Pool
    from pytest_euicc.reporting.recorder import RunRecorder
    from pytest_euicc.reporting.room import AllureRoom
    from pytest_euicc.reporting.run_file import RunRecord
    from pytest_euicc.reporting.run_folder import RunFolder

ENTRY: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
"""Of a test: its line of the summary."""
MISSING: pytest.StashKey[list[str]] = pytest.StashKey()
"""Of a test: profiles that the SM-DP+ did not hold, in words."""


CUT_SHORT = "Ctrl-C for the second time: the clean-up was cut short; the next run on a real card puts it back first"
_CRASHED = "???"
"""Where pytest-xdist says that a test was when its worker died."""


class Run:
    """Options and vectors, read when they are first asked for, and the results so far."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.entries: list[dict[str, Any]] = []
        self.missing: Counter[str] = Counter()
        """Descriptions of profiles that the SM-DP+ did not hold."""
        self.description: dict[str, str] = {}
        self.written = ""
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self.interruption = Interruption(worker=self.in_worker)
        self._ends_on_signals = False
        self._others_failed = False
        self.is_collected = False
        """The tests of sequences are known."""
        self._folder: RunFolder | None = None
        self._recording: RunRecorder | None = None
        self._room: AllureRoom | None = None
        self.said: list[str] = []
        """Faults of the end of the run, and of reports that are not where they were wanted."""

    @cached_property
    def _worker(self) -> dict[str, Any]:
        """What the controller of pytest-xdist passes to this worker; empty without workers."""
        return getattr(self._config, "workerinput", {})

    @property
    def in_worker(self) -> bool:
        """Whether another process writes the reports."""
        return hasattr(self._config, "workerinput")

    @cached_property
    def pool(self) -> Pool | None:
        """The cards of the run, where there are several; raises OptionError."""
        return None if self._read.pool is None else pooling.load(self._read.pool)

    @cached_property
    def options(self) -> Options:
        """The options; with several products, those of the first one. Raises OptionError."""
        if self.pool is None:
            return self._read
        pooling.check(self._read)
        return pooling.options_of(self._read, self.pool.products[0])

    @property
    def products(self) -> list[Options]:
        """The options of every product; raises OptionError."""
        if self.pool is None:
            return [self.options]
        return [pooling.options_of(self._read, product) for product in self.pool.products]

    def open_card(self, product: str) -> Harness:
        """The card of the run, or a free one of a product; raises PytestEuiccError."""
        if self.pool is not None:
            return pooling.lease(self._read, self.pool, product, self._worker.get("euicc_host", ""))
        from pytest_euicc.harness import open_harness

        return open_harness(self.options)

    @cached_property
    def _read(self) -> Options:
        config, claims = self._config, str(self._worker.get("euicc_claims", ""))
        if self._worker.get("euicc_away"):
            # The workers on this machine share it among themselves.
            Path(claims).mkdir(mode=0o700, parents=True, exist_ok=True)
        return option_table.read(
            config,
            seed=self.seed,
            worker=self._worker.get("workerid", ""),
            provision=lambda wish: config.hook.pytest_euicc_provision_profile(config=config, wish=wish),
            ask=lambda request: config.hook.pytest_euicc_operator(config=config, request=request),
            claims=Path(claims) if claims else None,
            tell=Teller(config).show,
        )

    @cached_property
    def cases(self) -> list[Case]:
        """All vectors; raises OptionError with every mistake in them or in a declaration."""
        from pytest_euicc.iut.inputs import load_cases

        declaration = self.declarations[""]["smdp"]
        if self.options.smdp:
            from pytest_euicc.iut.smdp.opening import smdp_server

            smdp_server(self.options, declaration)
        return load_cases(self.options)

    @cached_property
    def sequences(self) -> dict[str, tuple[Case, Sequence]]:
        """All sequences by their names, with their cases; raises OptionError as `cases` does."""
        return {case.sequence_id(entry): (case, entry) for case in self.cases for entry in case.sequences}

    @cached_property
    def declarations(self) -> dict[str, dict[str, Declaration]]:
        """What is declared, by product (empty: the only one) and ``iut``; raises OptionError."""
        from pytest_euicc.iut.inputs import load_declarations

        names = (self.pool.names if self.pool is not None else []) or [""]
        declared = {name: load_declarations(product) for name, product in zip(names, self.products, strict=True)}
        return {"": declared[names[0]], **declared}

    def without_repeated(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Tests without those of an SM-DP+ that a suite has again for each product."""
        names = self.pool.names[1:] if self.pool is not None else []
        found = ((item, self._of_item(item)) for item in items) if names else ()
        repeated = {item for item, of in found if of and of[0].iut != "euicc" and _product_of(item) in names}
        return [item for item in items if item not in repeated]

    def without_inapplicable(self, items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
        """Tests that are kept, and sequences that do not apply."""
        from pytest_euicc import run_plan

        kept: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            found = self._of_item(item)
            applies = found is None or run_plan.applies(self, found, _product_of(item))
            (kept if applies else dropped).append(item)
        return kept, dropped

    def ordered(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Tests in the order that takes least from a card in a reader; as they are where the user chose an order."""
        chosen = self._config.pluginmanager.hasplugin("randomly") or any("::" in each for each in self._config.args)
        if chosen or self.options.order != "card" or self.options.kind in ("sim", "replay"):
            return items
        from pytest_euicc.lab.order import for_card

        found = {id(item): self._of_item(item) for item in items}
        return for_card(items, lambda item: each[1] if (each := found[id(item)]) is not None else None)

    def plan_lines(self, nodeids: list[str]) -> list[str]:
        """The plan of the chosen sequences; empty where none is wanted."""
        if not (option_table.given(self._config) and self.options.plan):
            return []
        from pytest_euicc import run_plan

        cards = len(self._config.getoption("tx", None) or []) if self._config.getoption("dist", "no") != "no" else 1
        earlier = self._folder.earlier if self._folder is not None else None
        return run_plan.lines(self, map(_parameter, nodeids), earlier=earlier, cards=cards)

    def collected(self, nodeids: list[str]) -> None:
        """The tests of sequences are known: write them down, and let a terminal show where the run is."""
        named = {nodeid: _parameter(nodeid) for nodeid in nodeids}
        if self.in_worker or not named or self.is_collected:
            return
        self.is_collected = True
        if self._folder is not None:
            self._folder.chosen(dict.fromkeys(named.values()))
        from pytest_euicc import progress_line, run_plan

        if progress_line.wanted(self._config):
            known = self.interfaces
            sequences = {nodeid: pooling.sequence_of(parameter) for nodeid, parameter in named.items()}
            names = {
                nodeid: (name, known[name])
                for nodeid, name in sequences.items()
                if name in known and not self._is_done(name, pooling.product_of(nodeid))
            }
            progress_line.begin(
                self._config, names, lambda: run_plan.weights(self, [name for name, _ in names.values()])
            )

    def _of_item(self, item: pytest.Item) -> tuple[Case, Sequence] | None:
        """The sequence of a test; None for another test."""
        callspec = getattr(item, "callspec", None)
        name = callspec.params.get("sequence") if callspec is not None else None
        return self.sequences.get(name) if isinstance(name, str) else None

    @cached_property
    def interfaces(self) -> dict[str, str]:
        """The interface of each sequence by its name; raises OptionError as `cases` does."""
        from pytest_euicc.iut.inputs import load_names

        return load_names(self.options)

    def of_suite(self, interface: str | None) -> list[str]:
        """Names of the sequences of an interface; None: of all interfaces without a suite."""
        return [
            name
            for name, its in self.interfaces.items()
            if (its not in SUITES if interface is None else its == interface)
        ]

    def check(self) -> None:
        """Read everything the user named; raises OptionError."""
        options = self.options
        if options.declaration or options.smdp_declaration or options.smdp:
            _ = self.cases
        _ = self.interfaces
        if options.operator == "terminal":
            self._check_terminal()
        self._check_resumed()

    @cached_property
    def resumed(self) -> ResumedRun | None:
        """The run that this one goes on with; raises OptionError."""
        folder = option_table.resume_folder(self._config)
        return None if folder is None else ResumedRun(folder)

    def _is_done(self, name: str, product: str) -> bool:
        """Whether the run that is gone on with has the verdict of a sequence."""
        return self.resumed is not None and self.resumed.result(f"{name}@{product}" if product else name) is not None

    def _check_resumed(self) -> None:
        if self.resumed is not None and not self.in_worker and self._folder is None:
            from pytest_euicc.run_heading import heading

            self.resumed.check(heading(self.options, self.cases, self.seed, self.products), self._read.report)

    def without_unchosen(self, items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
        """Tests that are kept, and sequences that the run which is gone on with did not choose."""
        kept: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            chose = self.resumed is None or self._of_item(item) is None or self.resumed.chose(_parameter(item.nodeid))
            (kept if chose else dropped).append(item)
        return kept, dropped

    def _check_terminal(self) -> None:
        from pytest_euicc.lab.operators import open_terminal

        distributed = self.in_worker or self._config.getoption("dist", "no") != "no"
        if distributed:
            raise OptionError(
                "--euicc-operator terminal: workers of pytest-xdist have no terminal and would all ask at once. "
                "Run without -n, or use --euicc-operator hook"
            )
        os.close(open_terminal())

    @cached_property
    def claims(self) -> Path:
        """A folder that the workers of the run share."""
        folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-")
        self._config.add_cleanup(folder.cleanup)
        return Path(folder.name)

    @cached_property
    def seed(self) -> str:
        """The seed if none is given: one for both sides and all workers, named in the reports."""
        if self._worker:
            return str(self._worker["euicc_seed"])
        return self.resumed.record.seed if self.resumed is not None else secrets.token_hex(8)

    def opened(self, description: dict[str, str]) -> None:
        """A card or an SM-DP+ was opened; reports show its first description."""
        self.end_on_signals()
        self.description = {**printable_values(description), **self.description}

    def end_on_signals(self) -> None:
        """From the first call on SIGINT, SIGTERM and SIGHUP end the run in order."""
        if not self._ends_on_signals:
            self._ends_on_signals = True
            with uncaptured(self._config):
                self.interruption.begin(os.dup(2))
            self._config.add_cleanup(self.interruption.end)

    @contextmanager
    def last_clean_up(self) -> Iterator[None]:
        """Around the end of a fixture: when the run is over, pytest takes neither faults nor Ctrl-C of it any more."""
        try:
            with self.interruption.cuttable():
                yield
        except KeyboardInterrupt:
            if not self.interruption.cut_short:
                raise
        except PytestEuiccError as error:
            if not self.interruption.finishing:
                raise
            self._say(str(error))

    def begin(self) -> None:
        """Open the folder of the reports, where one is wanted, in the process that writes them.

        Raises:
            OptionError: the folder cannot be used, or something else that the user named is wrong.
        """
        folder = option_table.report_folder(self._config)
        if folder is None or self.in_worker:
            return
        from pytest_euicc.reporting.run_folder import RunFolder, RunFolderError
        from pytest_euicc.run_heading import heading

        self.check()
        try:
            begun = heading(self.options, self.cases, self.seed, self.products)
            self._folder = RunFolder(folder, begun, resumes=self.resumed is not None)
        except RunFolderError as error:
            raise OptionError(f"--euicc-report: {error}") from None
        except OSError as error:
            told = f"{folder}: {error.strerror or error}; make room, or name another folder"
            raise OptionError(f"--euicc-report {told}") from None

    @property
    def recorder(self) -> RunRecorder | None:
        """Writes the evidence of this process, from its first sequence on; None where no reports are wanted."""
        folder = option_table.report_folder(self._config)
        if folder is not None and self._recording is None:
            from pytest_euicc.reporting.recorder import RunRecorder

            worker, away = self._worker.get("workerid", "main"), self._worker.get("euicc_away", False)
            if self.resumed is not None:
                worker = self.resumed.name_of_file(worker)
            self._recording = RunRecorder(folder, worker, away=away)
        return self._recording

    def evidence_to_send(self) -> dict[str, str]:
        """On another machine than that of the reports: what was recorded since the last call, by file."""
        return self._recording.take() if self._recording is not None else {}

    @property
    def recording_fault(self) -> str:
        """Why no more evidence or no more of Allure's results can be written; empty while they can."""
        told = self._recording.fault if self._recording is not None else ""
        return told or (self._room.fault if self._room is not None else "")

    def guard_reports(self) -> None:
        """Have Allure's results go elsewhere when their folder takes no more."""
        if self._config.getoption("allure_report_dir", None):
            import allure_commons

            from pytest_euicc.reporting.room import AllureRoom

            room = self._room = AllureRoom(self._elsewhere("allure"))
            allure_commons.plugin_manager.register(room)
            self._config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(room))

    def _elsewhere(self, what: str) -> Path:
        """A place for reports beside that of temporary files, the same in all workers."""
        return Path(f"{self._worker.get('euicc_claims') or self.claims}-{what}")

    def write_junit(self) -> None:
        """Write JUnit XML where there is room for it."""
        from _pytest.junitxml import xml_key

        xml = self._config.stash.get(xml_key, None)
        if xml is not None and self.entries:
            from pytest_euicc.reporting import room

            self._say(room.junit(xml, self._elsewhere("junit.xml")))

    def _say(self, line: str) -> None:
        """A line for the end of the run; of an empty one nothing is shown."""
        if line:
            self.said.append(line)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Allure knows a sequence by its id, also one whose set-up failed."""
        listener = self._config.pluginmanager.get_plugin("allure_listener")
        name = _sequence_of(item.nodeid, item.keywords)
        if listener is not None and name and name in self.interfaces:
            from pytest_euicc.reporting.allure import identify

            identify(listener, self.interfaces[name], name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test reports, here or in a worker, and tell JUnit XML first."""
        if report.when == "call" or (report.when == "setup" and report.failed):
            from pytest_euicc.reporting import junit

            junit.describe(self._config, report, self._interface_of(report))
        told = getattr(report, "euicc", None)
        if told is not None:
            # The controller of workers knows now that the run is one of ours.
            self.end_on_signals()
        written = getattr(report, "euicc_written", None)
        if written and self._folder is not None:
            try:
                self._folder.receive(written)
            except (OSError, PytestEuiccError) as error:
                self._say(f"--euicc-report: evidence of another machine: {error}")
        if report.when == _CRASHED:
            self._crashed(report)
        if told is not None and report.when == "call":
            self.entries.append(told)
            self.missing.update(report.euicc_missing)
        elif report.failed:
            self._others_failed = True

    def _interface_of(self, report: pytest.TestReport) -> str:
        """The interface of the sequence that a report is about; empty for any other test."""
        told = getattr(report, "euicc", None)
        if told is not None:
            return str(told["interface"])
        name = _sequence_of(report.nodeid, report.keywords)
        return self.interfaces.get(name, "") if name else ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """JUnit XML, before pytest writes it."""
        self.interruption.finishing = True
        self.write_junit()

    def _crashed(self, report: pytest.TestReport) -> None:
        """A worker of pytest-xdist died in a sequence, which is in the results all the same."""
        from pytest_euicc.conformance.engine.events import Result, Verdict
        from pytest_euicc.reporting.evidence import entry

        name = pooling.sequence_of(_parameter(report.nodeid))
        case, sequence = self.sequences.get(name, (None, None))
        if case is not None and sequence is not None:
            told = entry(Result(name, case, sequence, Verdict.INCONCLUSIVE, reason=str(report.longrepr)))
            product = pooling.product_of(report.nodeid)
            self.entries.append(told | {"verdict": "not finished"} | ({"product": product} if product else {}))

    def finish(self, *, whole: bool) -> bool:
        """Write reports; whether they are where the user wants them.

        Args:
            whole: the run came to its end.
        """
        if self.interruption.cut_short:
            self._say(CUT_SHORT)
        if self._recording is not None:
            self._recording.close()
        well = True
        if self._folder is not None:
            well, self.written = self._folder.close(self.description, finished=whole)
        allure = self._config.getoption("allure_report_dir", None)
        if allure and self.entries:
            from pytest_euicc.reporting.allure import without_repeated, write_environment
            from pytest_euicc.run_heading import environment, heading

            told = environment(heading(self.options, self.cases, self.seed, self.products), self._started)
            folder, elsewhere = Path(allure), self._elsewhere("allure")
            if elsewhere.is_dir():
                from pytest_euicc.reporting.room import gather

                self._say(gather(folder, elsewhere))
                folder = elsewhere
            if self.resumed is not None:
                without_repeated(folder)
            try:
                write_environment(folder, self.description | told)
            except OSError as error:
                self._say(f"--alluredir {folder}: environment and categories: {error.strerror or error}")
        return well and not self.said

    def counts_as_failed(self, exitstatus: int) -> int:
        """The exit status by what the user wants to count as a failure."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not self.entries:
            return exitstatus
        kinds = {kind for entry in self.entries for kind in failures_of(entry)} & set(self.options.fail_on)
        return pytest.ExitCode.TESTS_FAILED if kinds or self._others_failed else pytest.ExitCode.OK

    @property
    def _record(self) -> RunRecord:
        from pytest_euicc.reporting.run_file import RunRecord

        told = [{name: entry[name] for name in ("product", "eid") if entry.get(name)} for entry in self.entries]
        cards = [card for number, card in enumerate(told) if card and card not in told[:number]]
        data = {"card": self.description, "cards": cards if len(cards) > 1 else [], "sequences": self.entries}
        return RunRecord.model_validate(data)

    def lines(self) -> Iterator[str]:
        """What the terminal shows at the end."""
        from pytest_euicc.reporting import annotations, summary

        yield from summary.lines(self._record)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            yield from annotations.github(self._record.sequences)
        if self.missing:
            yield "the SM-DP+ did not hold (for test_es9plus.py `pytest-euicc provisioning` writes it):"
            for words, count in sorted(self.missing.items()):
                yield f"  {count} x {words}"
        if self.written:
            yield self.written
        yield from self.said
        allure = self._config.getoption("allure_report_dir", None)
        if allure:
            yield f"Allure results: {allure}"


def _parameter(nodeid: str) -> str:
    """What a test has in brackets in its name: for a sequence its id, and its product where there are several."""
    return nodeid.partition("[")[2].removesuffix("]")


def _product_of(item: pytest.Item) -> str:
    return pooling.product_of(item.nodeid)


def _sequence_of(nodeid: str, keywords: Mapping[str, Any]) -> str:
    """The id of the sequence that a test is for; empty for any other test, for which no vectors are to be read."""
    return pooling.sequence_of(_parameter(nodeid)) if "euicc_vectors" in keywords else ""


def failures_of(entry: dict[str, Any]) -> Iterator[str]:
    """Which kinds of failure a sequence shows (see --euicc-fail-on); ``entry`` is its line of the summary."""
    from pytest_euicc.conformance.files.observations import CHOICE

    if entry["verdict"] in ("fail", "inconclusive"):
        yield entry["verdict"]
    if entry["left_behind"]:
        yield "restore"
    if any(each["kind"] != CHOICE for each in entry.get("observations", ())):
        yield "observation"


RUN: pytest.StashKey[Run] = pytest.StashKey()
