"""The typical eUICCs that come with the package: declarations and the settings that make a simulated eUICC them."""

from __future__ import annotations

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.runner import not_applicable
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.harness import open_harness
from pytest_euicc.options import Options
from pytest_euicc.simulator.euicc.settings import EuiccSettings

CARDS = resources.simulated_cards()


def test_every_declaration_is_a_card() -> None:
    declarations = resources.declarations().glob("*.yaml")
    assert {path.stem for path in declarations if Declaration.load(path).iut == "euicc"} == {
        card.name for card in CARDS
    }
    assert CARDS[0].euicc == "sim"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_settings_and_declaration_are_of_one_card(card: resources.SimulatedCard) -> None:
    declaration = Declaration.load(card.declaration)
    settings = EuiccSettings.load(card.settings) if card.settings else EuiccSettings()
    options = {name for name, held in declaration.options.items() if held}

    def holds(option: str) -> bool:
        return option in options

    assert declaration.eid == settings.eid.hex()
    assert declaration.version == ".".join(map(str, settings.svn))
    assert holds("O_E_NIST") is ("nist" in settings.signing)
    assert holds("O_E_BRP") is ("brainpool" in settings.signing)
    assert declaration.curve in settings.signing
    assert holds("O_E_BRP_VERIFICATION_ONLY") is (set(settings.verification) - set(settings.signing) == {"brainpool"})
    assert holds("O_E_DEVICE_INFO_EXT") is ("deviceInfoExtensibilitySupport" in settings.rsp_capability)
    assert holds("O_E_FORBIDDEN_PPR") is bool(settings.forbidden_ppr)
    assert holds("O_E_CRL") is ("crlSupport" in settings.rsp_capability)
    assert holds("O_E_TEST_PROFILE") is ("testProfileSupport" in settings.rsp_capability)
    assert holds("O_E_SERVICE_DATA") is ("serviceSpecificDataSupport" in settings.rsp_capability)
    assert holds("O_E_LPAe") is settings.lpae
    assert holds("O_E_CAT_BUSY") is settings.cat_busy
    assert holds("O_E_INTEGRATED") is settings.integrated
    assert holds("O_E_CLOCK") is settings.clock
    assert holds("O_E_REUSE_OTPK") is settings.reuse_keys
    assert holds("O_E_RAT") is bool(settings.rat)


def test_every_sequence_applies_to_one_of_them() -> None:
    declarations = [Declaration.load(card.declaration) for card in CARDS]
    nowhere = []
    for case in loader.load([resources.vectors()]):
        if case.iut != "euicc":
            continue
        for sequence in case.sequences:
            reasons = [not_applicable(case, sequence, _Declared(declaration)) for declaration in declarations]
            if None not in reasons:
                nowhere.append(f"{case.sequence_id(sequence)}: {reasons[0]}")
    assert not nowhere


class _Declared(Session):
    """A session without a card, as applicability is judged without one."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration


def test_a_typical_euicc_is_called_by_its_name() -> None:
    harness = open_harness(Options(euicc="sim:iot"))
    harness.close()
    assert harness.session.declaration.options["O_E_IOT"]
    assert harness.description["eid"] == "89049032050000000000000000000620"
    assert resources.with_settings("pcsc:iot") == "pcsc:iot"
    assert resources.with_settings("sim:mine.yaml") == "sim:mine.yaml"
