"""Status codes: what an SM-DP+ answers when it refuses (SGP.22 5.2.6 and the tables of 5.6 and 5.3)."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A function that fails with a status code.

    Attributes:
        subject, reason: codes of SGP.22 5.2.6.
    """

    def __init__(self, subject: str, reason: str, message: str) -> None:
        super().__init__(f"{subject}/{reason} {message}")
        self.subject = subject
        self.reason = reason
        self.message = message

    def header(self) -> dict[str, Any]:
        """The header of the answer."""
        data = {"subjectCode": self.subject, "reasonCode": self.reason, "message": self.message}
        return {"functionExecutionStatus": {"status": "Failed", "statusCodeData": data}}


class Rejected(Exception):
    """A request that is none of the binding; answered with an HTTP status alone."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Broken(Rejected):
    """What a defect answers in the place of a status code: HTTP 500, as a server whose code did not expect this."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, reason)


def success() -> dict[str, Any]:
    """The header of an answer that carries out what was asked."""
    return {"functionExecutionStatus": {"status": "Executed-Success"}}


def field_missing(name: str) -> Refusal:
    """A mandatory field is not there: protocol format, mandatory element missing."""
    return Refusal("1.3.1", "2.2", f"{name} is missing")


def field_invalid(name: str, reason: str) -> Refusal:
    """A field that cannot be read: protocol format, invalid."""
    return Refusal("1.3.1", "2.1", f"{name}: {reason}")


def unknown_transaction(reason: str = "no such session") -> Refusal:
    """TransactionId, unknown."""
    return Refusal("8.10.1", "3.9", reason)


def euicc_unverified(reason: str) -> Refusal:
    """eUICC, verification failed."""
    return Refusal("8.1", "6.1", reason)
