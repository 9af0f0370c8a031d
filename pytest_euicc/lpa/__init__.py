"""A Local Profile Assistant for tests: activation codes and the procedures of SGP.22 clause 3."""

from pytest_euicc.lpa.activation_code import ActivationCode, ActivationCodeError
from pytest_euicc.lpa.errors import (
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    LpaError,
    ServerRefused,
    SessionMismatch,
    UnreadableAnswer,
)
from pytest_euicc.lpa.outcomes import Installation, NotificationFault, NotificationReport, Session
from pytest_euicc.lpa.procedures import Lpa

__all__ = [
    "ActivationCode",
    "ActivationCodeError",
    "DownloadCancelled",
    "EuiccRefused",
    "Installation",
    "InstallationFailed",
    "Lpa",
    "LpaError",
    "NotificationFault",
    "NotificationReport",
    "ServerRefused",
    "Session",
    "SessionMismatch",
    "UnreadableAnswer",
]
