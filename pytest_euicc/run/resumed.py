"""The run that this one goes on with (``--euicc-resume``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc.errors import OptionError

if TYPE_CHECKING:
    from pytest_euicc.reporting.run_file import Entry, RunRecord


class ResumedRun:
    """What an earlier run has done already.

    Args:
        folder: as ``--euicc-report`` wrote it.

    Raises:
        OptionError: it cannot be gone on with.
    """

    def __init__(self, folder: Path) -> None:
        from pytest_euicc.reporting import resuming
        from pytest_euicc.reporting.run_file import RunFileError

        try:
            self.record: RunRecord = resuming.read(folder)
        except RunFileError as error:
            raise OptionError(f"--euicc-resume {error}") from None
        self.folder = folder
        self._done: dict[str, Entry] = resuming.done(self.record)

    def check(self, heading: Mapping[str, Any], report: Path | None) -> None:
        """Raises OptionError where vectors, declaration, seed or certificates are not those of that run.

        Args:
            heading: that of the run that is about to go on.
            report: where its reports are wanted.
        """
        from pytest_euicc.reporting import resuming

        found = list(resuming.differences(self.record, heading))
        if report is not None and report.absolute() != self.folder.absolute():
            found.append(f"the report is continued in that folder; omit --euicc-report {report}")
        if found:
            raise OptionError("\n".join(f"--euicc-resume {self.folder}: {line}" for line in found))

    def check_card(self, description: Mapping[str, str]) -> None:
        """Raises OptionError where the card is another one."""
        then, now = self.record.card.get("eid"), description.get("eid")
        if then and now != then and not self.record.cards:
            raise OptionError(
                f"--euicc-resume {self.folder}: that run was on the card with EID {then}, but the card in "
                f"{description.get('reader')} has EID {now or 'none'}. Put that card in, or begin a new run"
            )

    def name_of_file(self, worker: str) -> str:
        """What files of a process are called beside those of that run, and of earlier attempts to go on with it."""
        return f"{worker}-{len(self.record.resumed) + 2}"

    def chose(self, parameter: str) -> bool:
        """Whether a test was among those that were chosen then; ``parameter`` is what its name has in brackets."""
        return not self.record.chosen or parameter in self.record.chosen

    def result(self, key: str) -> dict[str, Any] | None:
        """The line of the summary of a sequence that was done; None for one that is to run."""
        entry = self._done.get(key)
        if entry is None:
            return None
        return entry.model_dump(mode="json", exclude={"steps", "evidence"})
