"""What is written down before a real card is changed."""

from __future__ import annotations

from typing import Any, Protocol


class ChangeLog(Protocol):
    """Records that a real card is about to be changed, so that a later run can restore it."""

    def change(self, sequence: str) -> None:
        """A sequence is about to change the card; raises InconclusiveError where that cannot be written down."""

    def restored(self, sequence: str) -> None:
        """It has restored what it changed, or has reported that it could not."""

    def installing(self, iccid: bytes) -> None:
        """A profile is about to be installed; raises InconclusiveError where that cannot be written down."""

    def note(self, kind: str, data: dict[str, Any]) -> None:
        """Something of a kind of LEFTOVERS is about to be left; raises InconclusiveError as `change`."""

    def close(self) -> None:
        """The run is over."""
