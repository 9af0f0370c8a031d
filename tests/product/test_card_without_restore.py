"""Suites on an empty card that nothing can put back but the harness's own clean-up, as a card in a reader."""

from __future__ import annotations

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from tests.support.covering import CHOICES, Choice
from tests.support.unforgetting import Unforgetting

EMPTY = "v24-service-data"


@pytest.mark.parametrize("choice", CHOICES)
def test_an_empty_card_is_left_empty(choice: Choice) -> None:
    (described,) = (card for card in resources.simulated_cards() if card.name == EMPTY)
    assert described.settings is not None
    settings = EuiccSettings.load(described.settings)
    assert settings.profiles == ()
    card = Unforgetting(**settings.model_dump(by_alias=True))
    opened, pki = Card(card), default_pki()
    opened.connect()
    smdp = SimulatedSmdp(pki)
    session = Session(
        opened,
        Declaration.load(described.declaration).model_copy(update={"restore": []}),
        trust=pki.trust(),
        provisioner=DownloadingProvisioner(),
        pki=pki,
        smdp=smdp,
    )
    wrong = {}
    try:
        for case, sequence in choice(case for case in loader.load([resources.vectors()]) if case.iut == "euicc"):
            result = Runner(session).run(case, sequence)
            told = [] if result.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) else [str(result.reason)]
            if told + result.left_behind:
                wrong[result.id] = told + result.left_behind
    finally:
        smdp.close()
    assert wrong == {}
    assert card.euicc.state.profiles == ()
    assert card.euicc.state.notifications == ()
    assert card.euicc.state.default_address == settings.default_address
