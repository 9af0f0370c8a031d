"""The bench of an LPA under test as vectors use it: card, servers, user, and the LPA itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_euicc.conformance.engine.bench import Bench
from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish
from pytest_euicc.peers.lpa.record import Record
from pytest_euicc.peers.lpa.script import Script
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.peers.lpa.user import User

Operation = Literal[
    "download",
    "discovery",
    "list",
    "enable",
    "disable",
    "delete",
    "nickname",
    "notifications",
    "list_notifications",
    "default_address",
    "set_default_address",
    "memory_reset",
    "eid",
    "euicc_info",
    "restart",
    "power_on",
    "load_crl",
    "test_mode",
    "retrieve_code",
]
"""What a user can do with an LPA; at ``power_on`` the LPA does by itself what it does."""

Ending = Literal["reported", "timeout", "crash", "killed"]
WhichCard = Literal["first", "second"]


@dataclass(frozen=True)
class Answer:
    """How an LPA ended what the user asked for.

    Attributes:
        result: what it told the user; ``unknown`` where it does not say.
        text: what it wrote or showed, for people.
        values: what of it could be read: ``iccid``, ``profiles``, ``notifications``, ``eid``, ``address``.
        ending: ``timeout`` where nothing was reported in time, ``crash`` where its process ended by itself, ``killed``
            where the bench ended it.
    """

    result: Literal["success", "failure", "unknown"]
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    ending: Ending = "reported"


class LpaBench(Bench, ABC):
    """What the actions and states of ``lpad`` work with.

    Attributes:
        record: all that crossed in this sequence.
        script: what card and servers answer otherwise than by themselves.
        user: what the user answers.
        tls: how servers speak TLS; without a rule as they should, and not at all where the LPA needs no socket.
    """

    record: Record
    script: Script
    user: User
    tls: list[TlsRule]

    @property
    @abstractmethod
    def address(self) -> str:
        """smdpAddress of the SM-DP+ that orders are at unless a state says otherwise."""

    @property
    @abstractmethod
    def eid(self) -> bytes:
        """EID of the first card, 16 octets."""

    @abstractmethod
    def eid_of(self, which: WhichCard) -> bytes:
        """EID of a card, 16 octets."""

    @abstractmethod
    def put_card(
        self,
        settings: Mapping[str, Any],
        defects: Sequence[str] = (),
        variants: Sequence[str] = (),
        waiting: Sequence[Mapping[str, Any]] = (),
        which: WhichCard = "first",
    ) -> None:
        """Another simulated eUICC in the place of a card, before it was used.

        Args:
            settings: those of the simulated eUICC that differ from its default ones.
            waiting: notifications that are pending on it.
            which: the one that the LPA finds at first, or the one that can be put in instead of it.

        Raises:
            VectorMistake: there is no such setting, defect or variant.
            NotPermitted: another AID of the ISD-R cannot be configured in the LPA.
        """

    @abstractmethod
    def insert_card(self, which: WhichCard) -> None:
        """Pull the card out of its reader and put one in, between two actions of the user."""

    @abstractmethod
    def occupy_channel(self) -> None:
        """Let another application open a channel after every reset of the card, and keep it."""

    @abstractmethod
    def set_server(
        self, address: str | None, defects: Sequence[str] | None = None, variants: Sequence[str] | None = None
    ) -> None:
        """Let there be an SM-DP+ at an address, with defects and variants; None: the one of `address`.

        Raises:
            VectorMistake: there is no such defect or variant.
        """

    @abstractmethod
    def offer(self, wish: OrderWish, address: str | None = None) -> HeldOrder:
        """Let an SM-DP+ hold a profile."""

    @abstractmethod
    def use_tls(self, rule: TlsRule, *, direct: bool = False) -> None:
        """Have servers reached over TLS, by one more rule.

        Args:
            direct: the LPA knows of no proxy.

        Raises:
            NotPermitted: the LPA is driven in a way that uses no TLS, or no other way than a proxy.
        """

    @abstractmethod
    def offer_events(
        self, address: str | None, events: Sequence[Mapping[str, str]], defects: Sequence[str] = ()
    ) -> None:
        """Let an SM-DS have events, each with ``event_id`` and ``address``; None: that of the card's root SM-DS.

        Raises:
            VectorMistake: there is no such defect.
        """

    @abstractmethod
    def smdp_oid(self, address: str | None = None) -> str:
        """OID in CERT.DPauth of an SM-DP+."""

    @abstractmethod
    def perform(self, operation: Operation, arguments: Mapping[str, Any]) -> Answer:
        """Let the LPA do what a user asks for, and wait for its answer.

        Raises:
            NotPermitted: its driver cannot do that; the text says why.
            NotReachable: the LPA cannot be started or told.
        """

    @abstractmethod
    def card_at_start(self, which: WhichCard | None = None) -> dict[str, Any]:
        """`card_state` as the LPA found it."""

    @abstractmethod
    def card_state(self, which: WhichCard | None = None) -> dict[str, Any]:
        """Profiles, default address, pending notifications and open channels of a card, without an APDU.

        Args:
            which: None for the one in the reader.
        """

    @abstractmethod
    def revocation_list(self, number: int) -> bytes:
        """A list of the CI that revokes nothing that the bench uses, DER (SGP.22 4.6.1)."""

    @abstractmethod
    def log(self) -> str:
        """What the LPA wrote for its makers in this sequence.

        Raises:
            NotPermitted: its driver cannot show that.
        """

    @abstractmethod
    def left_files(self) -> Mapping[str, bytes]:
        """The files that are there once the LPA has been ended, by their names; it is ended for that.

        Raises:
            NotPermitted: its driver cannot show them.
        """

    @abstractmethod
    def server_state(self, address: str | None = None) -> dict[str, Any]:
        """Orders of an SM-DP+ with their states, and the notifications it got."""
