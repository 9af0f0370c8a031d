"""Power cuts inside functions: what is judged, on transports that can cut there and on those that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import PowerLost
from pytest_euicc.card.recording import open_replay, record
from pytest_euicc.card.transport import TransportOptions, power_cut_of
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.iot import SETTINGS, problems, run_on, session
from tests.support.unforgetting import Unforgetting

GIVEN = "[eim_associated, { iot_profile: { as: b } }]"
DELETE = "{ es10b_iot.power_cuts_in_package: { psmo: [{ delete: { iccid: $b.iccid } }], expect: { cuts: %s } } }"
GONE = "{ es10b_iot.read_back: { gone: [$b.iccid] } }"


def card(*defects: str) -> SimTransport:
    return SimTransport(SimulatedEuicc(SETTINGS, default_pki(), defects=frozenset(defects)))


def test_the_power_goes_later_each_time_until_the_package_is_carried_out() -> None:
    result = run_on(session(card()), f"[{DELETE % '{ at_least: 5 }'}, {GONE}]", GIVEN)
    assert result.verdict is Verdict.PASS, result.reason


def test_half_a_package_is_a_failure() -> None:
    result = run_on(session(card("power-cut-leaves-half")), f"[{DELETE % '{ at_least: 0 }'}]", GIVEN)
    assert result.verdict is Verdict.FAIL
    assert problems(result)


def test_between_commands_the_power_of_every_card_can_be_cut() -> None:
    kept = Unforgetting(**SETTINGS.model_dump(by_alias=True))
    assert power_cut_of(kept) is None
    # With T=0 the answer is fetched by a further command, before which the power goes.
    result = run_on(session(kept), f"[{DELETE % 1}, {GONE}]", GIVEN)
    assert result.verdict is Verdict.PASS, result.reason
    long = "psmo: [{ delete: { iccid: $b.iccid } }], size: 600, expect: { cuts: 3 }"
    result = run_on(session(kept), f"[{{ es10b_iot.power_cuts_in_package: {{ {long} }} }}, {GONE}]", GIVEN)
    assert result.verdict is Verdict.PASS, result.reason


def test_a_function_without_an_effect_is_a_failure() -> None:
    steps = (
        "[{ es10b_iot.power_cuts_in_function: { function: set_default_dp_address, tells: address, "
        "value: { defaultDpAddress: one.example.com } } }]"
    )
    assert run_on(session(card()), steps, "[isdr_selected]").verdict is Verdict.PASS
    result = run_on(session(card("iot-address-is-not-set")), steps, "[isdr_selected]")
    assert result.verdict is Verdict.FAIL
    assert problems(result) == ["address"]


def test_what_a_command_had_written_is_undone() -> None:
    transport = card()
    opened = Card(transport)
    opened.connect()
    channel = opened.open_channel()
    channel.select(ISDR_AID)
    before = transport.euicc.state
    transport.lose_power_after(0)
    with pytest.raises(PowerLost):
        channel.store_data(bytes.fromhex("BF6505800378797A"))
    assert transport.euicc.state == before
    transport.reset()
    transport.lose_power_after(None)
    assert opened.basic.send(CommandApdu(0x80, 0xF2, 0x00, 0x0C)).ok


def test_a_recording_has_the_power_cuts(tmp_path: Path) -> None:
    path = tmp_path / "cuts.trace"
    verdicts: list[Any] = []
    for transport in (record(card(), path), None):
        opened = transport or open_replay(str(path), TransportOptions())
        assert power_cut_of(opened) is not None
        result = run_on(session(opened), f"[{DELETE % '{ at_least: 5 }'}, {GONE}]", GIVEN)
        opened.close()
        verdicts.append(result.verdict)
    assert verdicts == [Verdict.PASS, Verdict.PASS]
