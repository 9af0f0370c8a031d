"""What can end a procedure of the LPA, each with both sides' codes."""

from __future__ import annotations

from pytest_euicc.errors import PytestEuiccError


class LpaError(PytestEuiccError):
    """A procedure ended before its goal; the text is one message a test engineer can act on.

    Attributes:
        step: the function in which it ended, such as ``ES10b.AuthenticateServer``.
        clause: the clause of SGP.22 that governs the step.
    """

    def __init__(self, step: str, message: str, clause: str) -> None:
        super().__init__(f"{step}: {message} (SGP.22 {clause})")
        self.step = step
        self.clause = clause


class EuiccRefused(LpaError):
    """The eUICC answered an error value.

    Attributes:
        code: name or number of the error, ``about`` (in the text) what the eUICC was shown.
        octets: the answer as received; empty for a status word alone.
    """

    def __init__(self, step: str, code: object, clause: str, about: str = "", octets: bytes = b"") -> None:
        super().__init__(step, f"the eUICC answered {code}{f'; {about}' if about else ''}", clause)
        self.code = code
        self.octets = octets


class ServerRefused(LpaError):
    """The SM-DP+ answered ``Failed``; subject and reason code per SGP.22 5.2.6."""

    def __init__(self, step: str, subject: str, reason: str, message: str, clause: str) -> None:
        said = f": {message}" if message else ""
        super().__init__(step, f"the SM-DP+ answered {subject}/{reason}{said}", clause)
        self.subject = subject
        self.reason = reason
        self.message = message

    def on_the_card(self, reported: str) -> ServerRefused:
        """The same with what the eUICC did or said before, as far as that explains it."""
        return ServerRefused(
            self.step, self.subject, self.reason, "; ".join(filter(None, (self.message, reported))), self.clause
        )


class UnreadableAnswer(LpaError):
    """One side answered octets that are not what the function answers."""

    def __init__(self, step: str, fault: object, clause: str) -> None:
        super().__init__(step, f"the answer cannot be read: {fault}", clause)


class SessionMismatch(LpaError):
    """The two sides contradict each other or the activation code: address, transaction or SM-DP+ OID."""


class NoAnswer(PytestEuiccError):
    """The end user did not answer in time; raised by who asks for a confirmation code."""


class DownloadCancelled(LpaError):
    """The LPA cancelled the session; ``reason`` is the CancelSessionReason sent to both sides."""

    def __init__(self, reason: str, message: str, clause: str) -> None:
        super().__init__("ES10b.CancelSession", f"cancelled with {reason}: {message}", clause)
        self.reason = reason


_REMEDIES = {
    "scp03tSecurityError": "do both sides have the same keys: is the package for this EID and this one-time key?",
    "installFailedDueToInsufficientMemoryForProfile": "extCardResource of EUICCInfo2 says how much is free",
    "installFailedDueToIccidAlreadyExistsOnEuicc": "delete the profile that has this ICCID first",
    "installFailedDueToDataMismatch": "does the ICCID of the package's header agree with the metadata?",
    "unsupportedProfileClass": "rspCapability says whether test profiles are supported",
    "pprNotAllowed": "the Rules Authorisation Table and forbiddenProfilePolicyRules say what is allowed",
}
"""Where to look, by ErrorReason (SGP.22 2.5.6)."""


class InstallationFailed(LpaError):
    """The Profile Installation Result reports an error; it is kept as a notification on the eUICC."""

    def __init__(self, command: str, reason: str, sequence_number: int) -> None:
        remedy = f"; {_REMEDIES[reason]}" if reason in _REMEDIES else ""
        super().__init__("ES8+", f"{command} failed with {reason} (notification {sequence_number}){remedy}", "2.5.6")
        self.command = command
        self.error_reason = reason
        self.sequence_number = sequence_number
