"""What actions and states work with: the card, open channels, the declaration, saved values, permission."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pytest_euicc.card.atr import Atr, AtrError
from pytest_euicc.card.channel import Card, LogicalChannel
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.conformance.engine.card_session import CardSession
from pytest_euicc.conformance.engine.change_log import ChangeLog
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, SetupIncomplete, VectorMistake
from pytest_euicc.conformance.engine.operator import CANNOT, TIME_OUT, Operator, OperatorAnswer, OperatorRequest, Task
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.observations import NOT_RESTORED, Observation
from pytest_euicc.conformance.values.resolve import resolve
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.text import closest

if TYPE_CHECKING:
    # Cryptography is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.conformance.engine.bench import Bench
    from pytest_euicc.conformance.engine.smdp import SmdpAccess
    from pytest_euicc.conformance.files.orders import Curve
    from pytest_euicc.conformance.files.vector import Step
    from pytest_euicc.es9.binding import HttpExchange
    from pytest_euicc.es9.client import Es9Client
    from pytest_euicc.rsp.certificates import Certificate
    from pytest_euicc.rsp.pki import Pki

PartType = TypeVar("PartType")

DEFAULT_CHANNEL = "isdr"
"""The channel that ES10 actions use when a step names none."""


class Provisioner(Protocol):
    """Brings a profile onto the card, by download."""

    def install(self, context: Context, wish: ProfileWish) -> bytes:
        """Install a profile and return its ICCID as on the card (EF ICCID coding); the default channel is the ISD-R's.

        Raises:
            NotPermitted: the card must not be changed, or allows no such profile.
            InconclusiveError: it cannot be had.
        """


@dataclass
class Session(CardSession):
    """What outlives a sequence: the implementation under test, a card or an SM-DP+, and what is known of it.

    Attributes:
        trust: CI certificates that signatures of the eUICC must lead to.
        seed: all randomness of the harness comes from it, so that a recorded run replays.
        started: the time by which lists and the like are dated; a replay has that of its recording.
        pki: certificates and keys of the tester; None where it has none, and so can be neither SM-DP+ nor eUICC.
        smdp: the SM-DP+ of the session; None where there is none.
        bench: card and servers of an LPA under test; None for any other session.
        lists_issued: place of the last sequence that has issued CRLs; -1 before the first one.
        journal: of a real card; None for one that may be changed freely.
        operator: who does what only a person can do; None where there is nobody.
        returns: waits until the card of the session is back in its reader; raises PytestEuiccError where it is not.
        eid: of the card, as it was when the session began; empty where it gave none.
        lost: why no further sequence can run on this card; empty while it can.
        restoring: around the restoring after a sequence, which a signal does not end.
    """

    trust: Sequence[Certificate] = ()
    provisioner: Provisioner | None = None
    seed: str = "0"
    started: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    pki: Pki | None = None
    smdp: SmdpAccess | None = None
    bench: Bench | None = None
    lists_issued: int = -1
    journal: ChangeLog | None = None
    operator: Operator | None = None
    returns: Callable[[], None] | None = None
    eid: str = ""
    lost: str = ""
    restoring: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass
class Context:
    """The state of one running sequence.

    Attributes:
        variables: saved values, by the name without ``$``; they are values of the codec.
        channels: open channels by name.
        random: seeded by the session and the sequence.
        changed: something on the card was changed permanently, or may have been.
        left_behind: what could not be restored.
        begins_at_isdr: the sequence begins on a started card with the ISD-R selected on the default channel.
        compared_afterwards: after the clean-up of the states the card is compared with its previous content.
        upcoming: the steps that follow the one that runs, for messages that announce the length of later ones.
        on_http: called with every exchange with a server.
        on_segment: called for every segment of a load before it is sent, by number from 1 and total.
        on_operator: called with everything that the operator was asked.
        on_observation: called with every observation; ``observations`` are those of the sequence, each once.
    """

    session: Session
    sequence_id: str
    variables: dict[str, Any] = field(default_factory=dict)
    channels: dict[str, LogicalChannel] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    changed: bool = False
    begins_at_isdr: bool = False
    compared_afterwards: bool = False
    upcoming: Sequence[Step] = ()
    on_http: Callable[[HttpExchange], None] | None = None
    on_observation: Callable[[Observation], None] | None = None
    observations: list[Observation] = field(default_factory=list)
    on_segment: Callable[[int, int], None] | None = None
    on_operator: Callable[[OperatorRequest, OperatorAnswer], None] | None = None
    _parts: dict[type[Any], Any] = field(default_factory=dict)
    _smdp_begun: bool = False

    def __post_init__(self) -> None:
        # Not for keys of anybody: reproducible requests of a test bench.
        self._declared = self.session.declared
        self.random = random.Random(f"{self.session.seed}:{self.sequence_id}")  # noqa: S311

    @property
    def card(self) -> Card:
        """The card under test; raises InconclusiveError if there is none."""
        return self.session.held_card()

    @property
    def declaration(self) -> Declaration:
        """What the implementation under test reports about itself."""
        return self.session.declaration

    def part(self, kind: type[PartType]) -> PartType:
        """What states, steps and checks of this sequence share, by its class; made when it is first asked for.

        A class with a class method ``start(context)`` is made by it, any other without arguments.
        """
        if kind not in self._parts:
            start: Callable[[Context], PartType] | None = getattr(kind, "start", None)
            self._parts[kind] = kind() if start is None else start(self)
        part: PartType = self._parts[kind]
        return part

    def put_part(self, part: object) -> None:
        """From here on `part` returns this one for its class."""
        self._parts[type(part)] = part

    @property
    def smdp(self) -> SmdpAccess:
        """The SM-DP+ of the session, made ready for the sequence at its first use.

        Raises:
            InconclusiveError: the session has none.
        """
        access = self.session.smdp
        if access is None:
            raise SetupIncomplete("there is no SM-DP+; give --smdp sim or --smdp URL")
        if not self._smdp_begun:
            access.begin(self.random.getrandbits(64))
            self._smdp_begun = True
        return access

    def smdp_client(self, curve: Curve) -> Es9Client:
        """An ES9+ client whose exchanges the listeners of the run see; raises InconclusiveError."""
        client = self.smdp.client(curve)
        client.listener = self.on_http
        return client

    def save(self, name: str, value: Any) -> None:
        """Give ``$name`` a value."""
        self.variables[name] = value

    def resolve(self, data: Any) -> Any:
        """``data`` with every ``$name`` replaced.

        Raises:
            ValueMistake: nothing was saved under a name.
        """
        return resolve(data, {"declaration": self._declared, **self.variables}) if data else data

    def channel(self, name: str | None = None) -> LogicalChannel:
        """An open channel by its name.

        Raises:
            InconclusiveError: no such channel is open.
        """
        if name is None:
            name = DEFAULT_CHANNEL if DEFAULT_CHANNEL in self.channels else next(iter(self.channels), DEFAULT_CHANNEL)
        if name not in self.channels:
            hint = closest(name, self.channels)
            raise VectorMistake(f"no channel {name!r} is open{hint}; name isdr_selected in given")
        return self.channels[name]

    def isdr(self, name: str | None = None) -> Isdr:
        """The client of the ISD-R on a channel."""
        return Isdr(self.channel(name), self.session.isdr_aid)

    def reset(self, *, start: bool = True) -> bytes:
        """Reset the card, which closes every channel; ``start``: MF, TERMINAL CAPABILITY and TERMINAL PROFILE again."""
        self.channels.clear()
        atr = self.card.reset()
        if start:
            self.card.start()
        return atr

    def open_channel(self) -> LogicalChannel:
        """Open a channel that the card chooses.

        Raises:
            UnexpectedStatus: the card refuses.
            NotPermitted: it refuses, and all channels that its ATR announces are open.
        """
        try:
            return self.card.open_channel()
        except UnexpectedStatus:
            try:
                announced = Atr.parse(self.card.atr).logical_channels
            except AtrError:
                announced = None
            beside = len(self.card.channels)
            if beside and announced is not None and beside + 1 >= announced:
                raise NotPermitted(f"needs one more logical channel than the {announced} of the ATR") from None
            raise

    def select_isdr(self, name: str = DEFAULT_CHANNEL) -> LogicalChannel:
        """Open a channel and select the ISD-R on it.

        Raises:
            InconclusiveError: the card has no channel, or refuses the ISD-R.
        """
        channel = self.open_channel()
        answer = channel.select(self.session.isdr_aid, fci=False)
        if not answer.ok:
            raise Refused(f"SELECT ISD-R {self.session.isdr_aid.hex().upper()} was answered with {answer.sw:04X}")
        self.channels[name] = channel
        return channel

    def watched(self, segments: Sequence[bytes]) -> Iterator[bytes]:
        """The segments of a load, each announced before it is sent."""
        for number, segment in enumerate(segments, 1):
            self.segment(number, len(segments))
            yield segment

    def segment(self, number: int, total: int) -> None:
        """A segment of a load is about to be sent."""
        if self.on_segment is not None:
            self.on_segment(number, total)

    def ask(self, task: Task, text: str, done: Callable[[], bool] | None = None) -> str:
        """Have the operator do or answer something; returns the answer.

        Args:
            text: one sentence for the person.
            done: whether it has been done, where the harness can see that.

        Raises:
            InconclusiveError: there is no operator, or it was not done.
        """
        operator = self.session.operator
        if operator is None:
            raise SetupIncomplete(f"{text} There is no operator; give --euicc-operator terminal or hook")
        request = OperatorRequest(task, text, self.sequence_id, done)
        found = operator.ask(request)
        if self.on_operator is not None:
            self.on_operator(request, found)
        if found.answer in (CANNOT, TIME_OUT):
            why = "cannot do it" if found.answer == CANNOT else f"did not do it within {found.seconds:.0f} s"
            raise SetupIncomplete(f"the operator {why}: {text}")
        return found.answer

    def observe(self, kind: str, text: str, clause: str | None = None) -> None:
        """Note something that is no fault by itself, once in a sequence."""
        found = Observation(kind, text, clause)
        if found not in self.observations:
            self.observations.append(found)
            if self.on_observation is not None:
                self.on_observation(found)

    def restored(self) -> None:
        """Everything was restored as a whole: nothing is left behind, whatever single clean-ups could not do."""
        self.left_behind.clear()
        self.observations = [each for each in self.observations if each.kind != NOT_RESTORED]

    def change(self, what: str) -> None:
        """Ask for permission to do something that leaves traces on the card.

        Raises:
            NotPermitted: this card must not be changed.
        """
        refused = self.session.refusal()
        if refused:
            raise NotPermitted(f"{what}: {refused}")
        if self.session.journal is not None:
            self.session.journal.change(self.sequence_id)
        self.changed = True

    def installing(self, iccid: bytes) -> None:
        """A profile is about to be installed on the card."""
        if self.session.journal is not None:
            self.session.journal.installing(iccid)

    def note(self, kind: str, data: dict[str, Any]) -> None:
        """Something else is about to be left on the card, as `LEFTOVERS` knows it by that kind; data is JSON."""
        if self.session.journal is not None:
            self.session.journal.note(kind, data)

    @contextmanager
    def undoing(self, what: str) -> Iterator[None]:
        """Around a clean-up: a failure is noted as left behind instead of raised."""
        try:
            yield
        except Exception as error:
            reported = " ".join(str(error).split()) or type(error).__name__
            self.left_behind.append(f"{what}: {reported}")
