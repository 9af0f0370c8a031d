"""One sequence of an IoT eUICC, run on a card of the test's choice."""

from __future__ import annotations

from typing import Any

import yaml

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Result
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings

(IOT,) = (card for card in resources.simulated_cards() if card.name == "iot")
assert IOT.settings is not None
SETTINGS = EuiccSettings.load(IOT.settings)
CASE = """
case: TC_Test
title: Test
iut: euicc
interface: ES10b (IoT)
clauses: {{ other: ["SGP.32 5.9.1"] }}
sequences:
  - id: "01"
    title: Test
    given: {given}
    steps: {steps}
"""


def session(transport: Any, declaration: Declaration | None = None) -> Session:
    card, pki = Card(transport), default_pki()
    card.connect()
    declared = declaration or Declaration.load(IOT.declaration)
    return Session(card, declared, trust=pki.trust(), provisioner=DownloadingProvisioner(), pki=pki)


def run_on(opened: Session, steps: str, given: str) -> Result:
    case = Case.model_validate(yaml.safe_load(CASE.format(given=given, steps=steps)))
    return Runner(opened).run(case, case.sequences[0])


def problems(result: Result) -> list[str]:
    assert result.failure is not None
    return [problem.path for problem in result.failure.mismatches]
