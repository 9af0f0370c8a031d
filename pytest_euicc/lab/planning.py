"""What a run will do: which sequences apply and why, what they change and need, and how long it will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.registry import ACTIONS, STATES, closure
from pytest_euicc.conformance.engine.runner import NO_OPERATOR, needs_operator, not_applicable
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.files.vector import Sequence as VectorSequence
from pytest_euicc.lab.card_time import CardTime
from pytest_euicc.lab.card_work import Mean, expected, seconds, total
from pytest_euicc.lab.undoing import state_changes, undoing
from pytest_euicc.reporting.run_file import RunRecord

Standing = Literal["mandatory", "applicable", "not applicable"]
STANDINGS: tuple[Standing, ...] = ("mandatory", "applicable", "not applicable")

NOT_PERMITTED = "changes the card, and test_cards: of the declaration lists none"
_DOWNLOAD, _PROFILE, _ORDER = "a download", "a profile", "a profile on the SM-DP+"
_OPERATOR = "an operator"
_DOWNLOADING = ("pytest_euicc.interfaces.download", "pytest_euicc.interfaces.lpa", "pytest_euicc.interfaces.es6")
"""Modules whose states and actions are those of a profile download, or begin with one."""
_DOWNLOADING_ACTIONS = ("lpa.download", "lpa.retry", "lpa.power_cuts", "lpa.fill_memory")
_WITH_PROFILES = ("profile", "profiles", "iot_profile", "notification", "nickname", "proactive_session")


@dataclass(frozen=True)
class Planned:
    """One sequence of a plan.

    Attributes:
        why: the expression with its values, or what else decides; empty for a mandatory one.
        changes: it changes the card by what is written in it or by its states, or installs what it needs.
        needs: in words.
        seconds: that it took in an earlier run; None where it did not run.
        work: what it is expected to ask of the card.
        undone: how the card is restored, in words; empty if nothing is changed.
    """

    id: str
    group: str
    standing: Standing
    why: str
    changes: bool
    needs: tuple[str, ...]
    seconds: float | None = None
    work: Mean = (0.0, 0.0, 0.0)
    undone: str = ""

    def line(self) -> str:
        """For the terminal."""
        notes = [self.why] if self.why else []
        if self.standing != "not applicable":
            notes += [f"changes the card ({self.undone})"] if self.changes else []
            notes += [f"needs {' and '.join(self.needs)}"] if self.needs else []
        return f"  {self.standing:<14}  {self.id}" + (f": {'; '.join(notes)}" if notes else "")


def plan(
    chosen: Iterable[tuple[Case, VectorSequence]],
    declarations: Mapping[str, Declaration],
    last: RunRecord | None = None,
    *,
    simulated: bool = False,
    operator: bool = True,
    permitted: bool = True,
) -> list[Planned]:
    """What becomes of each sequence.

    Args:
        chosen: sequences with their cases.
        declarations: by ``iut``.
        last: an earlier run, for the times.
        simulated: the card is the simulated one.
        operator: somebody does what only a person can do.
        permitted: the card may be changed.
    """
    library.load()
    ran = ("pass", "fail", "inconclusive")
    took = {entry.id: entry.seconds for entry in last.sequences if entry.verdict in ran} if last is not None else {}
    return [
        _planned(
            case, sequence, declarations[case.iut], took, simulated=simulated, operator=operator, permitted=permitted
        )
        for case, sequence in chosen
    ]


def weights(chosen: Iterable[tuple[Case, VectorSequence]], declarations: Mapping[str, Declaration]) -> dict[str, float]:
    """Seconds that each sequence takes by the model of a card; one that needs none is left out."""
    taken = {each.id: seconds(each.work) for each in plan(chosen, declarations) if each.standing != "not applicable"}
    return {name: length for name, length in taken.items() if length}


def applies(
    case: Case, sequence: VectorSequence, declarations: Mapping[str, Declaration], *, operator: bool = True
) -> bool:
    """Whether a sequence applies to what is declared."""
    return _reason(case, sequence, declarations[case.iut], operator=operator) is None


def _reason(case: Case, sequence: VectorSequence, declaration: Declaration, *, operator: bool) -> str | None:
    """Why a sequence does not apply; None where it does."""
    reason = not_applicable(case, sequence, Session(declaration=declaration))
    task = needs_operator(sequence)
    return reason or (NO_OPERATOR.format(task) if task and not operator else None)


def changes_card(case: Case, sequence: VectorSequence) -> bool:
    """Whether a sequence changes the card, by what is written in it or by a profile that it installs."""
    library.load()
    steps = [step.action for step in (*sequence.steps, *sequence.finally_)]
    needs = _needs(closure([call.name for call in sequence.given]), steps)
    return case.iut == "euicc" and (
        sequence.changes_card or any(ACTIONS.get(action).changes for action in steps) or _DOWNLOAD in needs
    )


def _planned(
    case: Case,
    sequence: VectorSequence,
    declaration: Declaration,
    took: Mapping[str, float],
    *,
    simulated: bool,
    operator: bool,
    permitted: bool,
) -> Planned:
    identifier = case.sequence_id(sequence)
    asks = changes_card(case, sequence)
    reason = _reason(case, sequence, declaration, operator=operator)
    reason = reason or (NOT_PERMITTED if asks and not permitted else None)
    expressions = [text for text in (case.applicability, sequence.applicability) if text]
    standing: Standing = "not applicable" if reason else "applicable" if expressions else "mandatory"
    why = reason or "; ".join(str(declaration.applies(text)) for text in expressions)
    names = closure([call.name for call in sequence.given])
    steps = [step.action for step in (*sequence.steps, *sequence.finally_)]
    needs = tuple(dict.fromkeys(_needs(names, steps)))
    changes = asks or (case.iut == "euicc" and any(map(state_changes, sequence.given)))
    work: Mean = (0.0, 0.0, 0.0)
    if case.iut == "euicc":
        work = expected(names, steps, changes=asks, whole=bool(declaration.restore))
    undone = ""
    if changes:
        undone = undoing(sequence.given, steps, declaration, installs=_DOWNLOAD in needs, simulated=simulated)
    return Planned(identifier, case.interface, standing, why, changes, needs, took.get(identifier), work, undone)


def _needs(states: Sequence[str], actions: Sequence[str]) -> Iterator[str]:
    for name in states:
        if name in _WITH_PROFILES:
            yield _PROFILE
        elif name == "order":
            yield _ORDER
        elif STATES.get(name).function.__module__.startswith(_DOWNLOADING):
            yield _DOWNLOAD
    if any(ACTIONS.get(action).by_operator for action in actions):
        yield _OPERATOR
    if any(action in _DOWNLOADING_ACTIONS or action.startswith("es8plus.") for action in actions):
        yield _DOWNLOAD


def lines(
    planned: Sequence[Planned], *, brief: bool = False, last: RunRecord | None = None, cards: int = 1
) -> Iterator[str]:
    """The plan for the terminal: group by group, then all of it.

    Args:
        brief: groups with what does not apply by its reason, instead of every sequence.
        last: an earlier run, for the time; without one it is that of a model card.
        cards: how many share the work.
    """
    groups: dict[str, list[Planned]] = {}
    for each in planned:
        groups.setdefault(each.group, []).append(each)
    for group, members in groups.items():
        yield f"{group}: {_counts(members)}"
        if brief:
            reasons = Counter(each.why for each in members if each.standing == "not applicable")
            yield from (f"  not applicable  {count} x {reason}" for reason, count in reasons.items())
            undone = Counter(each.undone for each in members if each.undone and each.standing != "not applicable")
            yield from (f"  changes the card  {count} x {how}" for how, count in undone.items())
        else:
            yield from (each.line() for each in members)
    yield f"all: {_counts(planned)}"
    if last is not None:
        yield _time(planned, last)
    else:
        yield from _modelled(planned, cards)


def _counts(planned: Sequence[Planned]) -> str:
    standings = Counter(each.standing for each in planned)
    run = [each for each in planned if each.standing != "not applicable"]
    reported = [f"{standings[standing]} {standing}" for standing in STANDINGS]
    reported.append(f"{sum(each.changes for each in run)} change the card")
    needs = Counter(need for each in run for need in each.needs)
    reported += [f"{count} need {need}" for need, count in needs.items()]
    return f"{len(planned)} sequence{'' if len(planned) == 1 else 's'}: {', '.join(reported)}"


def _time(planned: Sequence[Planned], last: RunRecord) -> str:
    """How long it will take; a sequence that the earlier run does not have counts as the mean of its group."""
    run = [each for each in planned if each.standing != "not applicable"]
    known = [each.seconds for each in run if each.seconds is not None]
    if not known:
        return "time: none of these sequences ran in the earlier run"
    total = 0.0
    for each in run:
        alike = [other.seconds for other in run if other.group == each.group and other.seconds is not None] or known
        total += each.seconds if each.seconds is not None else sum(alike) / len(alike)
    strangers = len(run) - len(known)
    guessed = f"; {strangers} sequences did not run in it and count as the mean of their group" if strangers else ""
    return f"time: about {_duration(total)} by the run of {last.started[:10] or 'an earlier day'}{guessed}"


def _modelled(planned: Sequence[Planned], cards: int) -> Iterator[str]:
    """How long it will take by the model of a card; nothing where no card is used."""
    run = [each for each in planned if each.standing != "not applicable"]
    work = total(each.work for each in run)
    if not work[0]:
        return
    card = CardTime()
    shared = f", on {cards} cards {_duration(seconds(work) / cards)}" if cards > 1 else ""
    yield (
        f"time: about {_duration(seconds(work))}{shared} on a card that takes {card.apdu * 1000:.0f} ms for an APDU, "
        f"{card.authentication:g} s for AuthenticateServer and {card.load:g} s for a load: "
        f"{work[0]:.0f} APDUs, {work[1]:.0f} RSP sessions, {work[2]:.0f} loads"
    )


def _duration(length: float) -> str:
    minutes, rest = divmod(round(length), 60)
    return f"{minutes} min {rest} s" if minutes else f"{length:.1f} s"
