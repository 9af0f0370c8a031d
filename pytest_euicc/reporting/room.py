"""Results of Allure and JUnit XML where the disk is full: in a place that has room, and the run says where."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import allure_commons
from allure_commons.logger import INDENT, AllureFileLogger

from pytest_euicc.reporting.cleaning import json_text
from pytest_euicc.text import printable

if TYPE_CHECKING:
    import pytest


class AllureRoom:
    """Writes Allure's files in place of its own writer: what the folder does not take goes to another one.

    Of Allure's, an error of the disk would fail the test that was running, whatever its verdict, and texts would not be
    safe to show. It is also slower, as it writes each part of a result by itself.

    Args:
        wanted: the folder of Allure's results.
        elsewhere: a folder on another disk, made when it is needed.
    """

    def __init__(self, wanted: Path, elsewhere: Path) -> None:
        self._wanted = wanted
        self._elsewhere = elsewhere
        self.fault = ""
        """Why the folder takes no more; empty while it does."""

    def take_over(self, config: pytest.Config) -> None:
        """Be the writer from now on to the end of the run."""
        plugins = allure_commons.plugin_manager
        for own in [plugin for plugin in plugins.get_plugins() if type(plugin) is AllureFileLogger]:
            plugins.unregister(own)
            # Who has registered it takes it back.
            config.add_cleanup(partial(plugins.register, own))
        plugins.register(self)
        config.add_cleanup(partial(plugins.unregister, self))

    @allure_commons.hookimpl
    def report_result(self, result: Any) -> None:
        """A test."""
        self._report(result)

    @allure_commons.hookimpl
    def report_container(self, container: Any) -> None:
        """Fixtures of tests."""
        self._report(container)

    @allure_commons.hookimpl
    def report_globals(self, globals_item: Any) -> None:
        """What is attached to the run, from allure-pytest 2.16 on."""
        self._report(globals_item)

    def _report(self, item: Any) -> None:
        indent = INDENT if os.environ.get("ALLURE_INDENT_OUTPUT") else None
        self._write(item.file_pattern.format(prefix=uuid4()), json_text(item, indent).encode())

    @allure_commons.hookimpl
    def report_attached_data(self, body: Any, file_name: str) -> None:
        """An attachment."""
        self._write(file_name, printable(body).encode() if isinstance(body, str) else body)

    @allure_commons.hookimpl
    def report_attached_file(self, source: str, file_name: str) -> None:
        """A file that a test attaches; the test has to know if it is not there."""
        beside = self._wanted / f"{file_name}.tmp"
        shutil.copy2(source, beside)
        beside.replace(self._wanted / file_name)

    def _write(self, name: str, octets: bytes) -> None:
        try:
            _whole(self._wanted / name, octets)
        except OSError as error:
            self.fault = f"Allure's results cannot be written: {error.strerror or error}"
            try:
                self._elsewhere.mkdir(mode=0o700, exist_ok=True)
                _whole(self._elsewhere / name, octets)
            except OSError:
                self.fault += f", nor in {self._elsewhere}"


def _whole(path: Path, octets: bytes) -> None:
    """Write a file that is there whole or not at all, for who watches the folder."""
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_bytes(octets)
    beside.replace(path)


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
