"""What can go wrong between the harness and a card: one message each, with the place and how to fix it."""

from __future__ import annotations

from pytest_euicc.errors import PytestEuiccError


class CardError(PytestEuiccError):
    """The card, the reader or the recording cannot be used; the message says what to do."""


class UnknownTransport(CardError):
    """No transport of that kind is installed, or its argument cannot be read."""


class PcscMissing(CardError):
    """The Python binding to PC/SC (pyscard) is not installed."""


class NoPcscd(CardError):
    """The PC/SC service is not running."""


class NoReader(CardError):
    """No reader is attached, or none of that name."""


class NoCard(CardError):
    """The reader is empty."""


class CardMute(CardError):
    """The card is present but does not answer."""


class ReaderBusy(CardError):
    """Another program or another test worker holds the reader, or the port."""


class ReaderGone(CardError):
    """The reader or its card went away while it was in use."""


class PowerLost(CardError):
    """The card lost its power in the middle of a command, as requested."""


class ByTheDevice(CardError):
    """Only the terminal of the card could do it, and that is a device between the harness and the card."""


class MalformedAnswer(CardError):
    """What was received is not a response APDU (ISO 7816-3 12.1.1), or does not end."""


class TraceError(CardError):
    """A recording cannot be read."""


class ReplayMismatch(CardError):
    """The run sends something else than the recording has."""


class ReplayEnded(CardError):
    """The run goes on where the recording stops."""
