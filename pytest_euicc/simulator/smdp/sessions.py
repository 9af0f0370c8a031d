"""RSP sessions of an SM-DP+: found by their transactionId, gone after a while (SGP.22 3.1.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.simulator.smdp.credentials import Choice
from pytest_euicc.simulator.smdp.http.status import unknown_transaction
from pytest_euicc.simulator.smdp.orders.orders import Order

IDENTIFIER_OCTETS = 16
LARGEST_NUMBER = 10_000
"""Sessions at a time."""


class Stage(Enum):
    """How far a session has come."""

    INITIATED = "initiated"
    AUTHENTICATED = "authenticated"
    BOUND = "bound"
    CANCELLED = "cancelled"
    """Where a cancelled session is still known."""


@dataclass
class Session:
    """One RSP session.

    Attributes:
        transaction_id: 16 octets.
        server_challenge: 16 octets.
        server_address: as in serverSigned1.
        certificate: CERT.EUICC, once authenticated.
        order: the profile asked for, once authenticated.
        smdp_signature2: the whole 5F37 that the eUICC's next signature covers.
        prepared: PrepareDownloadResponse that was answered with ``package``.
    """

    transaction_id: bytes
    server_challenge: bytes
    server_address: str
    choice: Choice
    expires: float
    stage: Stage = Stage.INITIATED
    certificate: Certificate | None = None
    order: Order | None = None
    smdp_signature2: bytes = b""
    prepared: bytes = b""
    package: bytes = b""

    @property
    def euicc(self) -> Certificate:
        """CERT.EUICC of a session that is authenticated."""
        assert self.certificate is not None  # noqa: S101
        return self.certificate

    @property
    def eid(self) -> bytes:
        """The EID of the eUICC authenticated, 16 octets; a verified CERT.EUICC has one."""
        return self.euicc.eid or b""


@dataclass
class Sessions:
    """The sessions that are going on.

    Args:
        lifetime: gives the seconds from the last step to the end.
        now: a clock in seconds.
        random: makes identifiers and challenges.
    """

    lifetime: Callable[[], float]
    now: Callable[[], float]
    random: Callable[[int], bytes]
    _open: dict[bytes, Session] = field(default_factory=dict)

    def start(
        self, choice: Choice, server_address: str, transaction_id: bytes = b"", challenge: bytes = b""
    ) -> Session:
        """A new session; its transactionId is that of no other unless one is given."""
        self._drop_expired()
        if len(self._open) >= LARGEST_NUMBER:
            # Those that never went on go first.
            oldest = next(iter(self._open.values()))
            self.end(next((each for each in self._open.values() if each.stage is Stage.INITIATED), oldest))
        while not transaction_id:
            candidate = self.random(IDENTIFIER_OCTETS)
            transaction_id = b"" if candidate in self._open else candidate
        challenge = challenge or self.random(IDENTIFIER_OCTETS)
        session = Session(transaction_id, challenge, server_address, choice, self.now() + self.lifetime())
        self._open[transaction_id] = session
        return session

    def find(self, transaction_id: bytes, *stages: Stage) -> Session:
        """The session of a transaction that is at one of the stages; its time starts anew.

        Raises:
            Refusal: 8.10.1/3.9, no such session, or it is expired or not that far.
        """
        session = self._open.get(transaction_id)
        if session is None:
            raise unknown_transaction()
        now = self.now()
        if session.expires <= now:
            self.end(session)
            raise unknown_transaction("the session has expired")
        if session.stage not in stages:
            raise unknown_transaction(f"the session is {session.stage.value}")
        session.expires = now + self.lifetime()
        # The one that expires first stays in front.
        self._open[transaction_id] = self._open.pop(transaction_id)
        return session

    def knows(self, transaction_id: bytes) -> bool:
        """True for the transaction of a session that has not ended."""
        return transaction_id in self._open

    def latest(self, stage: Stage) -> Session | None:
        """Of the sessions at a stage, the one with the latest step."""
        return next((session for session in reversed(self._open.values()) if session.stage is stage), None)

    def end(self, session: Session) -> None:
        """End a session; ending it twice does no harm."""
        self._open.pop(session.transaction_id, None)

    def discard(self, transaction_id: bytes) -> None:
        """End the session of a transaction, if it is still open."""
        self._open.pop(transaction_id, None)

    def clear(self) -> None:
        """End every session."""
        self._open.clear()

    def __len__(self) -> int:
        return len(self._open)

    def _drop_expired(self) -> None:
        now = self.now()
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.expires > now:
                return
            self.end(oldest)
