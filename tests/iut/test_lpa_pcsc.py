"""An LPA as a process that finds its card in a real pcscd and its servers through an HTTPS proxy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.iut.lpa.bench import ADDRESS, SimulatedBench
from pytest_euicc.iut.lpa.commands import CommandDriver
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.rsp.pki import default_pki

PROGRAM = str(Path(__file__).parents[1] / "support" / "pcsc_lpa.py")


@pytest.fixture(scope="module")
def made() -> Iterator[SimulatedBench]:
    file = DriverFile.model_validate(
        {
            "name": "a program",
            "program": sys.executable,
            "card": "pcsc",
            "servers": "https",
            "environment": {
                "https_proxy": "{proxy}", "SSL_CERT_FILE": "{ca_file}",
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            "results": {"line": '"code"', "code": "code", "text": ["status"]},
            "operations": {"eid": {"command": [PROGRAM, "{reader}", "{code}"], "values": {"eid": "eid"}}},
        }
    )  # fmt: skip
    bench = SimulatedBench(CommandDriver(file), default_pki(), 20.0)
    yield bench
    bench.close()


def test_card_and_servers_are_found(made: SimulatedBench) -> None:
    made.begin(1)
    answer = made.perform("eid", {"code": ADDRESS})
    assert (answer.values, answer.text) == ({"eid": made.eid}, "204")
    names = [call.name for call in made.record.calls]
    assert [name for name in names if name != "RESET"] == [
        "MANAGE CHANNEL", "SELECT", "ES10c.GetEID", "TLS", "ES9+.HandleNotification",
    ]  # fmt: skip


def test_the_next_card_needs_no_pause_and_a_name_without_server_has_no_address(made: SimulatedBench) -> None:
    made.begin(2)
    made.put_card({"eid": "89049032000000000000000000000163"})
    answer = made.perform("eid", {"code": "nobody.example.com"})
    assert (answer.values, answer.text) == ({"eid": made.eid}, "OSError")
    assert [call.status for call in made.record.named("CONNECT")] == ["no address"]


def test_a_card_of_another_protocol_and_a_server_of_another_name(made: SimulatedBench) -> None:
    made.begin(3)
    made.put_card({"protocol": "T=1"})
    made.tls.append(TlsRule(certificate="wrong-name"))
    answer = made.perform("eid", {"code": ADDRESS})
    assert (answer.values, answer.text) == ({"eid": made.eid}, "SSLCertVerificationError")


def test_a_card_without_power_comes_back(made: SimulatedBench) -> None:
    made.begin(4)
    made.script.add(Rule(function="ES10c.GetEID", nth=1, power_cut="before"))
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": "ReaderGone"}
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": made.eid}


def test_another_card_is_put_in_between_two_operations_and_inside_one(made: SimulatedBench) -> None:
    made.begin(6)
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": made.eid}
    made.insert_card("second")
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": made.eid_of("second")}
    made.script.add(Rule(function="SELECT", nth=1, meanwhile="another card"))
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": "ReaderGone"}
    assert made.perform("eid", {"code": ADDRESS}).values == {"eid": made.eid}


def test_a_mistake_in_a_vector_is_not_laid_on_the_lpa(made: SimulatedBench) -> None:
    made.begin(5)
    made.script.add(Rule.model_validate({"function": "ES10c.GetEID", "with": {"nonsense": 1}}))
    with pytest.raises(ValueMistake, match="no field 'nonsense'"):
        made.perform("eid", {"code": ADDRESS})


def test_without_pcscd_the_setup_is_incomplete(made: SimulatedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_euicc.simulator.pcscd.DRIVERS", ())
    with pytest.raises(SetupIncomplete, match="apt-get install pcscd vsmartcard-vpcd"):
        SimulatedBench(made._driver, default_pki()).reader()
