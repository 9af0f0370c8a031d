"""The results of a run, and the reports made of them: record, Allure, JUnit XML, what the terminal shows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_euicc import extras, options
from pytest_euicc.errors import OptionError, PytestEuiccError
from pytest_euicc.run import cards
from pytest_euicc.run.selection import WITH_SERVER, parameter

if TYPE_CHECKING:
    from pytest_euicc.reporting.attachments import Attachments
    from pytest_euicc.reporting.recorder import RunRecorder
    from pytest_euicc.reporting.room import AllureRoom
    from pytest_euicc.reporting.run_file import RunRecord
    from pytest_euicc.reporting.run_folder import RunFolder
    from pytest_euicc.run.inputs import Inputs

_CRASHED = "???"
"""Where pytest-xdist says that a test was when its worker died."""


class Reports:
    """What this process knows of the results of a run.

    It is a plugin of pytest: results come to it where the reports are written, also those of workers.
    """

    def __init__(self, config: pytest.Config, inputs: Inputs) -> None:
        self._config = config
        self._inputs = inputs
        self.entries: list[dict[str, Any]] = []
        self.missing: Counter[str] = Counter()
        """Descriptions of profiles that the SM-DP+ did not hold."""
        self.description: dict[str, str] = {}
        self.said: list[str] = []
        """Faults of the end of the run, and of reports that are not where they were wanted."""
        self._written = ""
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._others_failed = False
        self._folder: RunFolder | None = None
        self._recording: RunRecorder | None = None
        self._room: AllureRoom | None = None

    def begin(self) -> None:
        """Open the folder of the reports, where one is wanted, in the process that writes them.

        Raises:
            OptionError: the folder cannot be used, or something else that the user named is wrong.
        """
        folder = options.report_folder(self._config)
        if folder is None or self._inputs.in_worker:
            return
        from pytest_euicc.reporting.run_folder import RunFolder, RunFolderError

        self._inputs.check()
        extras.need("--euicc-report", "report", "jinja2")
        try:
            begun = self._inputs.heading()
            self._folder = RunFolder(folder, begun, resumes=self._inputs.resumed is not None)
        except RunFolderError as error:
            raise OptionError(f"--euicc-report: {error}") from None
        except OSError as error:
            reported = f"{folder}: {error.strerror or error}; make room, or name another folder"
            raise OptionError(f"--euicc-report {reported}") from None

    @property
    def earlier(self) -> Path | None:
        """Folder of the run before; None where there is none, or no reports are wanted."""
        return self._folder.earlier if self._folder is not None else None

    def chosen(self, names: list[str]) -> None:
        """Write down which tests there are, by what they have in brackets in their names."""
        if self._folder is not None:
            self._folder.chosen(dict.fromkeys(names))

    @property
    def recorder(self) -> RunRecorder | None:
        """Writes the evidence of this process, from its first sequence on; None where no reports are wanted."""
        folder = options.report_folder(self._config)
        if folder is not None and self._recording is None:
            from pytest_euicc.reporting.recorder import RunRecorder

            worker, away = self._inputs.worker.get("workerid", "main"), self._inputs.worker.get("euicc_away", False)
            if self._inputs.resumed is not None:
                worker = self._inputs.resumed.name_of_file(worker)
            self._recording = RunRecorder(folder, worker, away=away)
        return self._recording

    @cached_property
    def attachments(self) -> Attachments | None:
        """Those of Allure's results; None where none are wanted."""
        plugin = self._config.pluginmanager.get_plugin("allure_listener")
        if plugin is None:
            return None
        from pytest_euicc.reporting.attachments import Attachments

        return Attachments(plugin, self._config.invocation_params.dir / self._config.getoption("allure_report_dir"))

    def evidence_to_send(self) -> dict[str, str]:
        """On another machine than that of the reports: what was recorded since the last call, by file."""
        return self._recording.take() if self._recording is not None else {}

    @property
    def recording_fault(self) -> str:
        """Why no more evidence or no more of Allure's results can be written; empty while they can."""
        reported = self._recording.fault if self._recording is not None else ""
        return reported or (self._room.fault if self._room is not None else "")

    def guard_reports(self) -> None:
        """Have Allure's results go elsewhere when their folder takes no more; allure-pytest has begun to report."""
        folder = self._config.getoption("allure_report_dir", None)
        if folder:
            from pytest_euicc.reporting.room import AllureRoom

            self._room = AllureRoom(self._config.invocation_params.dir / folder, self._elsewhere("allure"))
            self._room.take_over(self._config)

    def _elsewhere(self, what: str) -> Path:
        """A place for reports beside that of temporary files, the same in all workers."""
        return Path(f"{self._inputs.worker.get('euicc_claims') or self._inputs.claims}-{what}")

    def write_junit(self) -> None:
        """Write JUnit XML where there is room for it."""
        from _pytest.junitxml import xml_key

        xml = self._config.stash.get(xml_key, None)
        if xml is not None and self.entries:
            from pytest_euicc.reporting import room

            self.say(room.junit(xml, self._elsewhere("junit.xml")))

    def say(self, line: str) -> None:
        """A line for the end of the run; of an empty one nothing is shown."""
        if line:
            self.said.append(line)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Allure knows a sequence by its id, also one whose set-up failed."""
        listener = self._config.pluginmanager.get_plugin("allure_listener")
        name = _sequence_of(item.nodeid, item.keywords)
        if listener is not None and name and name in self._inputs.interfaces:
            from pytest_euicc.reporting.allure import identify

            identify(listener, self._inputs.interfaces[name], name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test reports, here or in a worker, and tell JUnit XML first."""
        if report.when == "call" or (report.when == "setup" and report.failed):
            interface = self._interface_of(report)
            if interface:
                from pytest_euicc.reporting import junit

                junit.describe(self._config, report, interface)
        reported = getattr(report, "euicc", None)
        written = getattr(report, "euicc_written", None)
        if written and self._folder is not None:
            try:
                self._folder.receive(written)
            except (OSError, PytestEuiccError) as error:
                self.say(f"--euicc-report: evidence of another machine: {error}")
        if report.when == _CRASHED:
            self._crashed(report)
        if reported is not None and report.when == "call":
            self.entries.append(reported)
            self.missing.update(report.euicc_missing)
        elif report.failed:
            self._others_failed = True

    def _interface_of(self, report: pytest.TestReport) -> str:
        """The interface of the sequence that a report is about; empty for any other test."""
        reported = getattr(report, "euicc", None)
        if reported is not None:
            return str(reported["interface"])
        name = _sequence_of(report.nodeid, report.keywords)
        return self._inputs.interfaces.get(name, "") if name else ""

    def _crashed(self, report: pytest.TestReport) -> None:
        """A worker of pytest-xdist died in a sequence, which is in the results all the same."""
        from pytest_euicc.conformance.engine.events import Result, Verdict
        from pytest_euicc.reporting.evidence import entry

        name = cards.sequence_of(parameter(report.nodeid))
        case, sequence = self._inputs.sequences.get(name, (None, None))
        if case is not None and sequence is not None:
            reported = entry(Result(name, case, sequence, Verdict.INCONCLUSIVE, reason=str(report.longrepr)))
            product = cards.product_of(report.nodeid)
            self.entries.append(reported | {"verdict": "not finished"} | ({"product": product} if product else {}))

    def finish(self, *, whole: bool) -> bool:
        """Write reports; whether they are where the user wants them.

        Args:
            whole: the run was not interrupted.
        """
        if self._recording is not None:
            self._recording.close()
        well = True
        if self._folder is not None:
            well, self._written = self._folder.close(self.description, finished=whole)
        allure = self._config.getoption("allure_report_dir", None)
        if allure and self.entries:
            from pytest_euicc.reporting.allure import without_repeated, write_environment
            from pytest_euicc.run.heading import environment

            reported = environment(self._inputs.heading(), self._started)
            folder, elsewhere = Path(allure), self._elsewhere("allure")
            if elsewhere.is_dir():
                from pytest_euicc.reporting.room import gather

                self.say(gather(folder, elsewhere))
                folder = elsewhere
            if self._inputs.resumed is not None:
                without_repeated(folder)
            try:
                write_environment(folder, self.description | reported)
            except OSError as error:
                self.say(f"--alluredir {folder}: environment and categories: {error.strerror or error}")
        return well and not self.said

    def counts_as_failed(self, exitstatus: int) -> int:
        """The exit status by what the user wants to count as a failure."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not self.entries:
            return exitstatus
        kinds = {kind for entry in self.entries for kind in failures_of(entry)} & set(self._inputs.options.fail_on)
        return pytest.ExitCode.TESTS_FAILED if kinds or self._others_failed else pytest.ExitCode.OK

    @property
    def _record(self) -> RunRecord:
        from pytest_euicc.reporting.run_file import RunRecord

        reported = [{name: entry[name] for name in ("product", "eid") if entry.get(name)} for entry in self.entries]
        several = [card for number, card in enumerate(reported) if card and card not in reported[:number]]
        data = {"card": self.description, "cards": several if len(several) > 1 else [], "sequences": self.entries}
        return RunRecord.model_validate(data)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Verdicts per interface, the card, and where reports are."""
        if self.entries or self.said:
            terminalreporter.section("eUICC and SM-DP+ conformance")
            for line in self._lines():
                terminalreporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        from pytest_euicc.reporting import summary

        yield from summary.lines(self._record)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from pytest_euicc.reporting import annotations

            yield from annotations.github(self._record.sequences)
        if self.missing:
            yield "the SM-DP+ did not hold (for test_es9plus.py `pytest-euicc provisioning` writes it):"
            for words, count in sorted(self.missing.items()):
                yield f"  {count} x {words}"
        if self._written:
            yield self._written
        if self._inputs.server_missing:
            yield f"left out, if chosen, were sequences of {' and '.join(WITH_SERVER)}: {self._inputs.server_missing}"
        yield from self.said
        allure = self._config.getoption("allure_report_dir", None)
        if allure:
            yield f"Allure results: {allure}"


def _sequence_of(nodeid: str, keywords: Mapping[str, Any]) -> str:
    """The id of the sequence that a test is for; empty for any other test, for which no vectors are to be read."""
    return cards.sequence_of(parameter(nodeid)) if "euicc_vectors" in keywords else ""


def failures_of(entry: dict[str, Any]) -> Iterator[str]:
    """Which kinds of failure a sequence shows (see --euicc-fail-on); ``entry`` is its line of the summary."""
    from pytest_euicc.conformance.files.observations import CHOICE

    if entry["verdict"] in ("fail", "inconclusive"):
        yield entry["verdict"]
    if entry["left_behind"]:
        yield "restore"
    if any(each["kind"] != CHOICE for each in entry.get("observations", ())):
        yield "observation"
