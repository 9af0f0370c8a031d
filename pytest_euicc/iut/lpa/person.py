"""An LPA that a person handles, such as that of a phone: the operator is told what to do, and says what it showed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_euicc.conformance.engine.errors import NotReachable
from pytest_euicc.conformance.engine.operator import NO, YES, Operator, OperatorRequest
from pytest_euicc.iut.lpa.driver import Reach
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.iut.lpa.words import filled, not_taken, places_of, written
from pytest_euicc.peers.lpa.bench import Answer, Operation
from pytest_euicc.peers.lpa.script import Meanwhile
from pytest_euicc.peers.lpa.user import Reply, User

_WHEN_ASKED: dict[Reply, str] = {
    "yes": "Agree when it asks.",
    "no": "Refuse when it asks.",
    "not now": "Postpone when it asks.",
    "nothing": "Do not answer when it asks.",
}
_REPORTED = "Did it report success (y) or failure (n)? If it reported nothing, or nothing you understand: s"


class PersonDriver:
    """The driver of a file with ``by: person`` (see LpaDriver).

    Args:
        operator: who is asked.
    """

    def __init__(self, file: DriverFile, operator: Operator) -> None:
        self._file = file
        self._operator = operator
        self.name = file.name
        self.speaks_tls = True
        self.takes_isdr_aid = False
        self.proxied = file.proxied
        self._reach: Reach | None = None
        self._shown: Mapping[str, str] = {}

    def cannot(self, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
        """Why not: the file has no words for it, or none that name what is given."""
        command = self._file.operations.get(operation)
        if command is None:
            return self._file.cannot.get(operation, "its driver has no sentence for it")
        return not_taken(operation, arguments, command.ask)

    def cannot_meanwhile(self, what: Meanwhile) -> str | None:
        """A person cannot meet a moment, and a device has a modem, which is the only terminal of its card."""
        if what == "another card":
            return None
        if what in ("abort", "kill", "download", "refusal"):
            return "the operator is told beforehand what to do"
        return "the device's own modem is the terminal of its card"

    def meanwhile(self, what: Meanwhile, code: str) -> None:
        """Never asked for."""

    def begin(self, reach: Reach) -> None:
        """Show the person where card and servers are, unless that is known already."""
        self._reach = reach
        places, environment = places_of(self._file, reach)
        if self._shown != places:
            self._shown = places
            where = ", ".join(f"{name} {value}" for name, value in {**places, **environment}.items())
            self._ask(f"Connect the device to card and servers: {where}. Is it ready (y)?", ready=True)

    def perform(self, operation: Operation, arguments: Mapping[str, Any], timeout: float) -> Answer:  # noqa: ARG002
        """Have the person do it; the operator's time limit counts."""
        assert self._reach is not None  # noqa: S101  (perform comes after begin)
        given = {**self._shown, **{name: written(name, value) for name, value in arguments.items()}}
        given.setdefault("profile", next((given[name] for name in ("iccid", "aid", "text") if name in given), ""))
        sentences = [filled(self._file.operations[operation].ask, given)]
        if operation == "download":
            sentences += _replies(self._reach.user, given.get("confirmation_code"))
        answer = self._ask(" ".join([*sentences, _REPORTED]))
        if answer in (YES, NO):
            return Answer("success" if answer == YES else "failure", f"the operator: {answer}")
        return Answer("unknown", f"the operator: {answer}", ending="timeout")

    def _ask(self, text: str, *, ready: bool = False) -> str:
        answer = self._operator.ask(OperatorRequest("confirm", text, self.name)).answer
        if ready and answer != YES:
            raise NotReachable(f"{self.name} is not ready: the operator answered {answer}")
        return answer

    def log(self) -> str | None:
        """A person cannot hand it out."""
        return None

    def left_files(self) -> Mapping[str, bytes] | None:
        """A person cannot hand them out."""
        return None

    def end(self) -> None:
        """Nothing runs on by itself."""

    def close(self) -> None:
        """Nothing is held."""


def _replies(user: User, code: str | None) -> list[str]:
    """What the person is to answer when the LPA asks."""
    code = code if code is not None else user.confirmation_code
    about_code = f"Enter the confirmation code {code} when it asks." if code else "Leave a confirmation code out."
    if not user.answers_code:
        about_code = "Do not answer when it asks for a confirmation code."
    return [_WHEN_ASKED[user.consent], about_code]
