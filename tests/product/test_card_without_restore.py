"""Suites on cards that nothing can put back but the harness's own clean-up, as a card in a reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.card.exchange import Exchange
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.conformance.reading import loader
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.covering import CHOICES, Choice, covering, every
from tests.support.unforgetting import Unforgetting

EMPTY = "v24-service-data"


@contextmanager
def session_with(card: Unforgetting, declaration: Declaration) -> Iterator[tuple[Session, Card]]:
    opened, pki = Card(card), default_pki()
    opened.connect()
    with closing(SimulatedSmdp(pki)) as smdp:
        yield (
            Session(
                opened,
                declaration.model_copy(update={"restore": []}),
                trust=pki.trust(),
                provisioner=DownloadingProvisioner(),
                pki=pki,
                smdp=smdp,
            ),
            opened,
        )


def verdicts(card: Unforgetting, declaration: Declaration, choice: Choice) -> dict[str, list[str]]:
    """What was not right about the sequences that were chosen: verdicts, and what was left behind without a word."""
    wrong = {}
    with session_with(card, declaration) as (session, _):
        for case, sequence in choice(case for case in loader.load([resources.vectors()]) if case.iut == "euicc"):
            held = held_by(card)
            result = Runner(session).run(case, sequence)
            reported = [] if result.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) else [str(result.reason)]
            said = {each.kind for each in result.observations}
            if held - held_by(card) and "not-restored" not in said:
                reported.append("something of the card's own is gone, and nothing says so")
            if reported + result.left_behind:
                wrong[result.id] = reported + result.left_behind
    return wrong


def held_by(card: Unforgetting) -> set[bytes | int]:
    """Profiles by ICCID and notifications by number."""
    state = card.euicc.state
    return {profile.iccid for profile in state.profiles} | {each.number for each in state.notifications}


def managing(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """Few sequences, of the functions that change profiles and notifications alone."""
    wanted = ("ES10c.DeleteProfile", "ES10c.eUICCMemoryReset", "ES10c.EnableProfile", "PendingNotifications")
    return covering(case for case in cases if case.case.endswith(wanted))


@pytest.mark.parametrize("choice", [managing, pytest.param(every, marks=pytest.mark.exhaustive)])
def test_a_card_with_profiles_and_notifications_of_its_own(choice: Choice) -> None:
    (described,) = (card for card in resources.simulated_cards() if card.settings is None)
    card = Unforgetting()
    pending = frozenset({"notifications-from-before", "results-from-before"})
    card.euicc = SimulatedEuicc(EuiccSettings(), variants=pending)
    assert len(card.euicc.state.profiles) > 10
    assert len(card.euicc.state.notifications) > 1
    assert verdicts(card, Declaration.load(described.declaration), choice) == {}


def of_sgp32(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """Few sequences of an IoT eUICC: those that leave the most behind for its clean-up."""
    wanted = {
        ("AddInitialEim", "06"),
        ("ConfigureImmediateProfileEnabling", "06"),
        ("Download", "06"),
        ("EmergencyProfile", "15"),
        ("ExecuteFallbackMechanism", "11"),
        ("ProfileRollback", "12"),
        ("PSMO_Delete", "04"),
        ("SetDefaultDpAddress", "01"),
    }
    return [
        (case, sequence)
        for case, sequence in all_of_sgp32(cases)
        if any(case.case.endswith(name) and sequence.id == number for name, number in wanted)
    ]


def all_of_sgp32(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """Every sequence of an IoT eUICC."""
    return every(case for case in cases if case.interface == "ES10b (IoT)")


@pytest.mark.parametrize("choice", [of_sgp32, pytest.param(all_of_sgp32, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("empty", [True, False])
def test_an_iot_euicc_without_an_lpad(choice: Choice, *, empty: bool) -> None:
    (described,) = (card for card in resources.simulated_cards() if card.name == "iot")
    assert described.settings is not None
    settings = EuiccSettings.load(described.settings)
    card = Unforgetting(**settings.model_dump(by_alias=True) | ({"profiles": ()} if empty else {}))
    own = held_by(card)
    assert verdicts(card, Declaration.load(described.declaration), choice) == {}
    iot = card.euicc.state.iot
    assert (iot.eims, iot.results, iot.emergency, iot.immediate.flag) == ((), (), None, False)
    assert card.euicc.state.enabled is None
    assert card.euicc.state.notifications == ()
    assert card.euicc.state.default_address == settings.default_address
    # Of its own profiles sequences may delete all, and say so; of the tester's none is left.
    assert held_by(card) <= own


def with_rules(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """Sequences whose states ask for a profile with policy rules."""
    wanted = {
        ("DeleteProfile", "05"),
        ("DisableProfile", "06"),
        ("EnableProfile", "07"),
        ("GetProfilesInfo", "11"),
        ("UpdateMetadata", "04"),
    }
    return [
        (case, sequence)
        for case, sequence in every(cases)
        if any(case.case.endswith(name) and sequence.id == number for name, number in wanted)
    ]


def test_a_profile_with_rules_does_not_stay_beside_those_of_the_card() -> None:
    """It is deleted by a memory reset alone, which takes the card's own ones with it (SGP.22 2.9.1, 5.7.19)."""
    (described,) = (card for card in resources.simulated_cards() if card.settings is None)
    own = {"iccid": "98001032547698104254", "name": "Of the card"}
    card = Unforgetting(profiles=[own])
    declaration = Declaration.load(described.declaration)
    assert verdicts(card, declaration, with_rules) == {}
    assert [profile.iccid.hex() for profile in card.euicc.state.profiles] == [own["iccid"]]
    # Where nothing of the card's own would go, they are tested.
    empty = Unforgetting(profiles=[])
    with session_with(empty, declaration) as (session, _):
        chosen = with_rules(case for case in loader.load([resources.vectors()]) if case.iut == "euicc")
        assert len(chosen) >= 5
        assert {Runner(session).run(*each).verdict for each in chosen} == {Verdict.PASS}
    assert empty.euicc.state.profiles == ()


@pytest.mark.parametrize("choice", CHOICES)
def test_an_empty_card_is_left_empty(choice: Choice) -> None:
    (described,) = (card for card in resources.simulated_cards() if card.name == EMPTY)
    assert described.settings is not None
    settings = EuiccSettings.load(described.settings)
    assert settings.profiles == ()
    card = Unforgetting(**settings.model_dump(by_alias=True))
    assert verdicts(card, Declaration.load(described.declaration), choice) == {}
    assert card.euicc.state.profiles == ()
    assert card.euicc.state.notifications == ()
    assert card.euicc.state.default_address == settings.default_address


def test_a_profile_whose_result_was_never_read_is_deleted() -> None:
    (described,) = (card for card in resources.simulated_cards() if card.settings is None)
    card = Unforgetting(**EuiccSettings().model_dump(by_alias=True))
    own = held_by(card)
    (found,) = (
        (case, sequence)
        for case in loader.load([resources.vectors()])
        for sequence in case.sequences
        if case.sequence_id(sequence) == "TC_eUICC_ES8+.LoadProfileElements_15"
    )
    held: set[bytes | int] = set()

    def interrupt(exchange: Exchange) -> None:
        if exchange.response.startswith(bytes.fromhex("BF37")):
            held.update(held_by(card))
            raise KeyboardInterrupt

    with session_with(card, Declaration.load(described.declaration)) as (session, opened):
        opened.listeners.append(interrupt)
        with pytest.raises(KeyboardInterrupt):
            Runner(session).run(*found)
    assert any(isinstance(each, bytes) for each in held - own), "no profile had come"
    assert held_by(card) == own
