"""Packages of the tester's eIM against a simulated IoT eUICC: what is judged, and what is put back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.interfaces.es10b_iot.eims import end_entity
from pytest_euicc.interfaces.es10b_iot.reading import kept_results
from pytest_euicc.peers.eim.peer import EimPeers
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.iot import CASE, IOT, SETTINGS, problems, run_on, session
from tests.support.unforgetting import Unforgetting

PACKAGE = "es10b_iot.load_euicc_package"
RAT = "{ psmo: [{ getRAT: {} }], expect: { results: [{ getRATResult: { type: list } }] } }"


def run(steps: str, given: str = "[eim_associated]", *, defects: frozenset[str] = frozenset()) -> Result:
    euicc = SimulatedEuicc(SETTINGS, default_pki(), defects=defects)
    return run_on(session(SimTransport(euicc)), steps, given)


@pytest.mark.parametrize(
    ("defect", "path"),
    [
        ("iot-result-signature-without-token", "signature"),
        ("iot-result-names-next-counter", "counterValue"),
        ("iot-no-transaction-id", "eimTransactionId"),
    ],
)
def test_every_answer_is_judged_whatever_is_expected(defect: str, path: str) -> None:
    steps = f"[{{ {PACKAGE}: {RAT} }}]"
    assert run(steps).verdict is Verdict.PASS
    result = run(steps, defects=frozenset({defect}))
    assert result.verdict is Verdict.FAIL
    assert path in problems(result)


def test_certificates_that_cannot_be_read_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_euicc.interfaces.es10b_iot.eims.end_entity", lambda octets: None)
    result = run("[es10b_iot.look]")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "GetCerts gave no certificate of the eUICC: BF56" in result.reason


def test_operations_without_a_result_are_missed() -> None:
    steps = f"[{{ {PACKAGE}: {{ psmo: [{{ getRAT: {{}} }}], times: 101, expect: {{ results: {{ type: list }} }} }} }}]"
    assert run(steps).verdict is Verdict.PASS
    assert problems(run(steps, defects=frozenset({"iot-drops-operations-beyond-hundred"}))) == ["results"]


@pytest.mark.parametrize(
    ("times", "within", "expected"),
    [
        (200, 300, "results: { type: list }"),
        (200, 302, "error: sizeOverflow"),
        (3, 300, "results: { count: 3 }"),
        (3, 10, "results: { count: 1 }"),
    ],
)
def test_operations_are_repeated_as_often_as_they_fit(times: int, within: int, expected: str) -> None:
    given = f"psmo: [{{ getRAT: {{}} }}], times: {times}, within: {within}, expect: {{ {expected} }}"
    small = SETTINGS.model_dump(by_alias=True)
    small["iot"]["package_size"] = 300
    euicc = SimulatedEuicc(type(SETTINGS).model_validate(small), default_pki())
    result = run_on(session(SimTransport(euicc)), f"[{{ {PACKAGE}: {{ {given} }} }}]", "[eim_associated]")
    assert result.verdict is Verdict.PASS, result.failure


@pytest.mark.parametrize(("newest", "right"), [(1, False), (2, False), (3, True), (4, True)])
def test_results_from_before_may_be_among_those_that_are_kept(newest: int, right: bool) -> None:
    before, first, second = (tlv.encode(0xBF51, bytes([0xA0, 0x01, number])) for number in range(3))
    context: Any = SimpleNamespace(part=lambda _: EimPeers(None, answers={7: first, 8: second}))
    outcome = Outcome(received=tlv.encode(0xBF2B, tlv.encode(0xA2, before + first + second)))
    assert (not list(kept_results(context, outcome, newest=newest))) is right


def test_every_refresh_is_counted() -> None:
    given = "[eim_associated, { iot_profile: { as: a, state: enabled } }]"
    disabled = f"{{ {PACKAGE}: {{ psmo: [{{ disable: {{ iccid: $a.iccid }} }}] }} }}"
    steps = f"[{disabled}, {{ card.proactive: {{ expect: {{ refreshes: 1 }} }} }}]"
    assert run(steps, given).verdict is Verdict.PASS
    assert problems(run(steps, given, defects=frozenset({"iot-refreshes-twice"}))) == ["refreshes"]


def test_an_eim_id_has_the_length_that_is_asked_for() -> None:
    steps = f"[{{ es10b_iot.add_initial_eim: {{ eims: [eim1] }} }}, {{ {PACKAGE}: {RAT} }}]"
    assert run(steps, "[{ eim: { id_octets: 128 } }]").verdict is Verdict.PASS
    refused = run(steps, "[{ eim: { id_octets: 129 } }]")
    assert refused.verdict is Verdict.FAIL


def test_a_change_is_seen() -> None:
    steps = (
        "[es10b_iot.look, { es10b_iot.set_default_dp_address: { with: { defaultDpAddress: x.example.com } } }, "
        "es10b_iot.unchanged]"
    )
    result = run(steps)
    assert result.verdict is Verdict.FAIL
    assert problems(result) == ["address"]
    allowed = steps.replace("es10b_iot.unchanged", "{ es10b_iot.unchanged: { but: [address] } }")
    assert run(allowed).verdict is Verdict.PASS


def test_profile_states_are_read_back() -> None:
    given = "[eim_associated, { iot_profile: { as: a, state: enabled } }, { iot_profile: { as: b } }]"
    right = "[{ es10b_iot.read_back: { enabled: $a.iccid, disabled: [$b.iccid] } }]"
    wrong = "[{ es10b_iot.read_back: { enabled: none, gone: [$b.iccid] } }]"
    assert run(right, given).verdict is Verdict.PASS
    assert problems(run(wrong, given))[0] == "enabled"
    assert len(problems(run(wrong, given))) == 2


def test_a_case_of_sgp22_needs_an_lpad() -> None:
    case = yaml.safe_load(CASE.format(given="[isdr_selected]", steps="[es10c.get_eid]"))
    case["clauses"] = {"sgp22": ["5.7.20"]}
    parsed = Case.model_validate(case)
    opened = session(SimTransport(SimulatedEuicc(SETTINGS, default_pki())))
    result = Runner(opened).run(parsed, parsed.sequences[0])
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "needs an LPAd" in (result.reason or "")


@pytest.fixture
def kept() -> Unforgetting:
    """A card that nothing puts back but what the tester does."""
    return Unforgetting(**SETTINGS.model_dump(by_alias=True))


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("[eim_associated]", f"[{{ {PACKAGE}: {RAT} }}]"),
        ("[{ eim_associated: { token: true } }, { eim_associated: { as: eim2 } }]", f"[{{ {PACKAGE}: {RAT} }}]"),
        ("[{ eim: { as: eim1 } }]", "[{ es10b_iot.add_initial_eim: { eims: [eim1] } }]"),
        (
            "[eim_associated, { eim: { as: new, same_id_as: eim1 } }]",
            f"[{{ {PACKAGE}: {{ eco: [{{ updateEim: {{ eimId: $eim1.id, "
            "eimPublicKeyData: { eimPublicKey: $new.key } } }] } }]",
        ),
        ("[eim_associated, { iot_profile: { as: a, state: enabled } }]", f"[{{ {PACKAGE}: {RAT} }}]"),
        ("[eim_associated, { iot_profile: { as: a, ecall: true, ppr: [ppr1] } }]", f"[{{ {PACKAGE}: {RAT} }}]"),
    ],
)
def test_what_was_associated_is_taken_off_again(kept: Unforgetting, given: str, steps: str) -> None:
    declaration = Declaration.load(IOT.declaration).model_copy(update={"restore": []})
    before = kept.euicc.state
    result = run_on(session(kept, declaration), steps, given)
    assert result.verdict is Verdict.PASS, result.reason
    assert result.left_behind == []
    after = kept.euicc.state
    assert after.iot.eims == ()
    assert after.iot.results == ()
    assert after.enabled is None
    assert [profile.iccid for profile in after.profiles] == [profile.iccid for profile in before.profiles]


@pytest.mark.parametrize("form", ["right", "one after the other", "under other tags"])
def test_the_certificate_of_the_euicc_is_found_in_odd_answers(form: str) -> None:
    identity = default_pki().euicc(bytes.fromhex("89049032123451234512345678901235"), "nist")
    euicc, eum = identity.certificate.der, identity.chain[0].der
    octets = {
        "right": codec.encode("GetCertsResponse", ("certs", {"eumCertificate": eum, "euiccCertificate": euicc})),
        "one after the other": tlv.encode(0xBF56, tlv.encode(0xA0, tlv.encode(0xA5, eum)) + tlv.encode(0xA6, euicc)),
        "under other tags": tlv.encode(0xBF56, tlv.encode(0xA1, eum) + tlv.encode(0xA2, euicc)),
    }[form]
    assert end_entity(octets) == euicc
    assert end_entity(bytes.fromhex("BF5603810101")) is None
