"""Results of Allure and JUnit XML where the disk is full: in a place that has room, and the run says where."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import allure_commons
from allure_commons.logger import AllureFileLogger

from pytest_euicc.reporting.cleaning import clean
from pytest_euicc.text import printable


class AllureRoom:
    """Stands around the writer of Allure's files: what the folder does not take goes to another one.

    Without it an error of the disk would fail the test that was running, whatever its verdict.

    Args:
        wanted: the folder of Allure's results.
        elsewhere: a folder on another disk, made when it is needed.
    """

    def __init__(self, wanted: Path, elsewhere: Path) -> None:
        self._wanted = wanted
        self._elsewhere = elsewhere
        self.fault = ""
        """Why the folder takes no more; empty while it does."""

    @allure_commons.hookimpl(wrapper=True)
    def report_result(self, result: Any) -> Generator[None, Any, Any]:
        """A test."""
        clean(result)
        return (yield from self._guard(lambda logger: logger.report_result(result)))

    @allure_commons.hookimpl(wrapper=True)
    def report_container(self, container: Any) -> Generator[None, Any, Any]:
        """Fixtures of tests."""
        clean(container)
        return (yield from self._guard(lambda logger: logger.report_container(container)))

    @allure_commons.hookimpl(wrapper=True)
    def report_attached_data(self, body: Any, file_name: str) -> Generator[None, Any, Any]:
        """An attachment."""

        def again(logger: Any) -> None:
            # The text cannot be changed for the writer behind: it is written again.
            logger.report_attached_data(printable(body) if isinstance(body, str) else body, file_name)

        try:
            return (yield from self._guard(again))
        except UnicodeEncodeError:
            return again(_writer(self._wanted))

    def _guard(self, again: Callable[[Any], None]) -> Generator[None, Any, Any]:
        try:
            return (yield)
        except OSError as error:
            self.fault = f"Allure's results cannot be written: {error.strerror or error}"
            try:
                again(_writer(self._elsewhere))
            except OSError:
                self.fault += f", nor in {self._elsewhere}"
            return None


def _writer(folder: Path) -> Any:
    folder.mkdir(mode=0o700, exist_ok=True)
    writer: Any = AllureFileLogger
    return writer(folder)


def gather(wanted: Path, elsewhere: Path) -> str:
    """Copy to the other folder what the full one has taken; a line that says where the results are."""
    reported = f"--alluredir {wanted}: the disk is full; "
    try:
        for path in wanted.iterdir():
            if path.is_file() and path.suffix != ".tmp" and not (elsewhere / path.name).exists():
                shutil.copy2(path, elsewhere)
    except OSError:
        return f"{reported}the results are there as far as it had room, those of the end in {elsewhere}"
    return f"{reported}all results are in {elsewhere}"


def junit(xml: Any, elsewhere: Path) -> str:
    """Write JUnit XML once before pytest does, which would lose all reports of the run for an error of the disk.

    Args:
        xml: pytest's writer; it is pointed to the other file where its own takes no more.

    Returns:
        Where it is, for people; empty where it is where it was wanted.
    """
    wanted = Path(xml.logfile)
    try:
        xml.pytest_sessionfinish()
    except OSError as error:
        xml.logfile = str(elsewhere)
        reported = f"--junitxml {wanted}: {error.strerror or error}; "
        try:
            # Half a file is none, and room for the others.
            if wanted.is_file():
                wanted.unlink()
            xml.pytest_sessionfinish()
        except OSError:
            xml.logfile = os.devnull
            return f"{reported}it could not be written elsewhere either"
        return f"{reported}it is in {elsewhere}"
    return ""
