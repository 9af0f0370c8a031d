"""An LPA that a person handles: what the operator is told, and what the answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.engine.errors import NotPermitted, NotReachable
from pytest_euicc.conformance.engine.operator import CANNOT, NO, YES, OperatorAnswer, OperatorRequest
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.document import FileMistakes
from pytest_euicc.errors import OptionError
from pytest_euicc.iut.lpa.bench import SimulatedBench
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.iut.lpa.opening import open_driver
from pytest_euicc.iut.lpa.person import PersonDriver
from pytest_euicc.options import Options
from pytest_euicc.peers.lpa.script import Meanwhile
from pytest_euicc.rsp.pki import default_pki

ICCID = bytes.fromhex("98001032547698103214")


class Person:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[str] = []

    def ask(self, request: OperatorRequest) -> OperatorAnswer:
        self.asked.append(request.text)
        return OperatorAnswer(self.answers.pop(0))


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def made(person: Person) -> Iterator[SimulatedBench]:
    file = DriverFile.load(resources.declarations() / "drivers" / "phone.yaml")
    bench = SimulatedBench(PersonDriver(file.model_copy(update={"card": "streams"}), person), default_pki())
    yield bench
    bench.close()


def test_the_operator_is_told_what_to_do_and_answer(made: SimulatedBench, person: Person) -> None:
    person.answers = [YES, YES, NO, CANNOT]
    made.user.consent = "no"
    assert made.perform("download", {"code": "LPA:1$x$y", "confirmation_code": "1234"}).result == "success"
    assert made.perform("enable", {"iccid": ICCID}).result == "failure"
    assert made.perform("enable", {"iccid": ICCID}).ending == "timeout"
    ready, download, enable, _ = person.asked
    assert f"proxy {made.https().proxy}" in ready
    assert "code LPA:1$x$y" in download
    assert "Refuse when it asks. Enter the confirmation code 1234 when it asks." in download
    assert "ICCID 89000123456789012341." in enable
    with pytest.raises(NotPermitted, match="what a screen shows is not read"):
        made.perform("list", {})


def test_a_device_that_is_not_ready_is_not_reachable(made: SimulatedBench, person: Person) -> None:
    person.answers = [CANNOT]
    with pytest.raises(NotReachable, match="the operator answered cannot"):
        made.perform("download", {"code": "x"})


def test_without_an_operator_nobody_handles_it(person: Person) -> None:
    with pytest.raises(OptionError, match="give --euicc-operator terminal"):
        open_driver(Options(lpa="phone"))
    assert open_driver(Options(lpa="phone"), person).name == "a phone"


@pytest.mark.parametrize(
    ("what", "why"),
    [("abort", "beforehand"), ("refusal", "beforehand"), ("card reset", "modem"), ("another card", None)],
)
def test_what_can_happen_while_a_person_handles_a_device(person: Person, what: Meanwhile, why: str | None) -> None:
    reason = open_driver(Options(lpa="phone"), person).cannot_meanwhile(what)
    assert (reason is None) if why is None else (why in str(reason))


@pytest.mark.parametrize("name", ["lpac", "lpac-pcsc", "phone", "pysim-shell"])
def test_every_driver_of_the_package_loads(name: str) -> None:
    file = DriverFile.load(resources.declarations() / "drivers" / f"{name}.yaml")
    assert not set(file.operations) & set(file.cannot)


@pytest.mark.parametrize("name", ["lpac", "phone", "pysim-shell"])
def test_their_declarations_are_of_an_lpa(name: str) -> None:
    assert Declaration.load(resources.declarations() / f"{name}.yaml").iut == "lpa"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("name: x\noperations: { list: { command: [a] } }\n", "program is missing"),
        ("name: x\nprogram: y\noperations: { list: {} }\n", "operations.list: command is missing"),
        ("name: x\nby: person\noperations: { list: { command: [a] } }\n", "operations.list: ask is missing"),
    ],
)
def test_what_a_driver_file_lacks_is_named(tmp_path: Path, text: str, missing: str) -> None:
    path = tmp_path / "lpa.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileMistakes, match=missing):
        DriverFile.load(path)
