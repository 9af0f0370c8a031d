"""The user of an LPA: what is answered when the LPA asks, all of it on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_euicc.lpa.errors import NoAnswer
from pytest_euicc.peers.lpa.record import Call, Record

Reply = Literal["yes", "no", "not now", "nothing"]


@dataclass
class User:
    """Answers by what a vector says of the user.

    Attributes:
        consent: to the installation of a profile, and to anything else that is asked for.
        confirmation_code: entered when it is asked for, or given beforehand; None: the user has none.
        answers_code: False: the user does not answer the prompt for the code.
    """

    record: Record
    consent: Reply = "yes"
    confirmation_code: str | None = None
    answers_code: bool = True

    def agrees(self, about: Mapping[str, Any]) -> Reply:
        """The LPA shows what it is about to do and asks."""
        self._note("consent", {**about, "answer": self.consent})
        return self.consent

    def enters_code(self) -> str | None:
        """The LPA asks for the confirmation code; raises NoAnswer where the user is silent."""
        if not self.answers_code:
            self._note("confirmation code", {"answer": "no answer"})
            raise NoAnswer("the end user did not enter a confirmation code in time")
        self._note("confirmation code", {"answer": self.confirmation_code or "nothing"})
        return self.confirmation_code

    def _note(self, name: str, value: Mapping[str, Any]) -> None:
        now = self.record.clock.now()
        self.record.add(Call(name, "user", now, now, status=str(value["answer"]), value=value))
