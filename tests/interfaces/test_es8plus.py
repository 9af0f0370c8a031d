"""ES8+ in vectors: what is sent makes up a package, what comes has to be said, and the checks of loads can fail."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.mini_card import case_of

SUCCESS = "{profileInstallationResultData: {finalResult: {successResult: {present: true}}}}"
ERROR = "{profileInstallationResultData: {finalResult: {errorResult: {present: true}}}}"
CHANNEL = "es8plus.initialise_secure_channel: {expect: nothing}"
CONFIGURE = "es8plus.configure_isdp: {expect: nothing}"
METADATA = "es8plus.store_metadata: {expect: nothing}"
KEYS = "es8plus.replace_session_keys: {expect: nothing}"
PROPRIETARY = CONFIGURE.replace("{expect", "{with: {dpProprietaryData: {dpOid: $session.smdpOid}}, expect")
ELEMENTS = f"es8plus.load_profile_elements: {{expect: {SUCCESS}}}"


class Recording(SimTransport):
    """Keeps the data of every STORE DATA."""

    def __init__(self, euicc: SimulatedEuicc) -> None:
        super().__init__(euicc)
        self.stored = b""

    def transmit(self, apdu: bytes) -> bytes:
        if apdu[1] == 0xE2:
            self.stored += apdu[5 : 5 + apdu[4]]
        return super().transmit(apdu)


def sequence(state: str, *steps: str) -> str:
    return f"    given: [{state}]\n    steps:\n" + "".join(f"      - {step}\n" for step in steps)


def run(text: str, *defects: str, transport: SimTransport | None = None) -> Result:
    case = case_of(text)
    card = Card(transport or SimTransport(SimulatedEuicc(defects=frozenset(defects))))
    card.connect()
    pki = default_pki()
    session = Session(card, real_card=False, trust=pki.trust(), pki=pki)
    return Runner(session).run(case, case.sequences[0])


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ("download_prepared", [CHANNEL, CONFIGURE, METADATA, ELEMENTS]),
        ("download_prepared", [CHANNEL, CONFIGURE, METADATA, KEYS, ELEMENTS]),
        ("secure_channel", [CONFIGURE, METADATA, KEYS, ELEMENTS]),
        (
            "isdp_configured",
            [METADATA.replace("{expect", "{icon: jpg, icon_octets: 1024, expect"), ELEMENTS],
        ),
        ("isdp_configured", [METADATA.replace("{expect", "{portion: 30, expect"), ELEMENTS]),
        ("secure_channel", [PROPRIETARY, METADATA, ELEMENTS]),
        ("metadata_stored", [ELEMENTS.replace("{expect", "{package: {filler: 4000}, portion: 500, expect", 1)]),
        (
            "isdp_configured",
            [METADATA.replace("{expect", "{with: {profileOwner: {mccMnc: 00F110, gid1: '01'}}, expect"), ELEMENTS],
        ),
    ],
)
def test_the_announced_length_is_that_of_the_package(state: str, steps: list[str]) -> None:
    transport = Recording(SimulatedEuicc())
    result = run(sequence(state, *steps), transport=transport)
    assert result.verdict is Verdict.PASS, result
    begin = transport.stored.index(b"\xbf\x36\x82")
    package = tlv.parse(transport.stored[begin : begin + 5 + int.from_bytes(transport.stored[begin + 3 :][:2], "big")])
    with_keys = KEYS in steps
    assert [part.tag for part in package.children()] == [0xBF23, 0xA0, 0xA1, *([0xA2] if with_keys else []), 0xA3]
    # A STORE DATA with something else would follow at once.
    assert transport.stored[begin + len(package.octets) :][:1] in (b"", b"\xbf")


def test_nothing_that_comes_where_nothing_is_expected_fails() -> None:
    result = run(sequence("secure_channel", CONFIGURE.replace("{expect", "{content: BF2600, expect")))
    assert result.verdict is Verdict.FAIL
    assert "errorResult" in str(result.failure)
    assert "nothing" in str(result.failure)


def test_nothing_where_a_result_is_expected_fails() -> None:
    result = run(sequence("secure_channel", CONFIGURE.replace("nothing", ERROR)))
    assert result.verdict is Verdict.FAIL
    assert "nothing" in str(result.failure)


@pytest.mark.parametrize(
    ("tamper", "command", "reason"),
    [
        ("{flip: {at: initialiseSecureChannelRequest.smdpSign}}", "initialiseSecureChannel", "invalidSignature"),
        ("{flip: {at: sequenceOf86.last, octet: -1}}", "loadProfileElements", "scp03tSecurityError"),
    ],
)
@pytest.mark.parametrize(
    ("state", "action"),
    [("isdr_selected", "tester.download"), ("download_prepared", "es10b.load_bound_profile_package")],
)
def test_a_whole_package_that_is_tampered_with(state: str, action: str, tamper: str, command: str, reason: str) -> None:
    error = f"errorResult: {{bppCommandId: {command}, errorReason: {reason}}}"
    expect = f"{{profileInstallationResultData: {{finalResult: {{{error}}}}}}}"
    result = run(sequence(state, f"{action}: {{tamper: [{tamper}], expect: {expect}}}"))
    assert result.verdict is Verdict.PASS, result.reason


def test_a_package_that_is_none_any_more_goes_as_it_is() -> None:
    result = run(
        sequence(
            "download_prepared",
            "es10b.load_bound_profile_package: {tamper: [{truncate: {octets: 40}}], expect: nothing}",
        )
    )
    assert result.verdict is Verdict.PASS, result.reason


LISTED = "es10c.get_profiles_info: {verify: [as_reported]}"


@pytest.mark.parametrize(
    ("steps", "defect", "words"),
    [
        ([ELEMENTS, LISTED], "reports-without-installing", "the profile 9899.*as a success was reported"),
        (
            [ELEMENTS.replace(SUCCESS, ERROR).replace("{expect", "{package: {ef_iccid: '00'}, expect", 1), LISTED],
            "installs-in-spite-of-an-error",
            "no profile 9899.*as an error was reported",
        ),
        (
            [ELEMENTS.replace("}}}}}", "}}}}, verify: [{euicc_response: {status: memory-failure}}]}")],
            "",
            "an element with status memory-failure",
        ),
        (
            [ELEMENTS.replace("}}}}}", "}}}}, verify: [{euicc_response: {status: ok, aborted: true}}]}")],
            "",
            "profileInstallationAborted: expected present",
        ),
        (
            [ELEMENTS.replace("}}}}}", "}}}}, verify: [{euicc_response: {}}]}")],
            "success-without-euicc-response",
            "an EUICCResponse",
        ),
        (
            [ELEMENTS.replace("}}}}}", "}}}}, verify: [{number_follows: {after: 40}}]}")],
            "",
            "seqNumber: expected more than 40",
        ),
        ([ELEMENTS.replace("}}}}}", "}}}}, verify: [echo]}")], "result-names-another-oid", "smdpOid"),
        ([ELEMENTS.replace("}}}}}", "}}}}, verify: [echo]}")], "result-of-no-transaction", "transactionId"),
        ([ELEMENTS.replace("}}}}}", "}}}}, verify: [session_signature]}")], "result-signature-wrong", "signature"),
    ],
)
def test_checks_can_fail(steps: list[str], defect: str, words: str) -> None:
    result = run(sequence("metadata_stored", *steps), *([defect] if defect else []))
    assert result.verdict is Verdict.FAIL, result
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(" ".join(map(str, result.failure.mismatches)) if result.failure else "")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("es8plus.configure_isdp", "state what is expected"),
        ("es8plus.configure_isdp: {sw: 9000}", "state what is expected"),
        ("es8plus.configure_isdp: {any_of: [{sw: error}, {sw: '9000'}]}", "any_of.*|state what is expected"),
        ("es8plus.load_profile_elements: {portion: 0, expect: nothing}", "greater than or equal to 1"),
        ("es8plus.configure_isdp: {tamper_plain: [{cut: {at: iccid}}], expect: nothing}", "has no field 'iccid'"),
        ("es8plus.load_profile_elements: {package: {fill: 1}, expect: nothing}", "fill"),
        ("es8plus.load_profile_elements: {package: {insert: [{unknown: perhaps}]}, expect: nothing}", "mandatory"),
        ("es8plus.initialise_secure_channel: {signer: dpath, expect: nothing}", "did you mean 'dpauth'"),
        ("es8plus.store_metadata: {with: {iccidd: '00'}, expect: nothing}", "did you mean 'iccid'"),
    ],
)
def test_mistakes_of_a_vector(step: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        case_of(sequence("secure_channel", step))


@pytest.mark.parametrize(
    ("state", "steps", "words"),
    [
        ("download_prepared", [CONFIGURE], "no package is being sent"),
        ("secure_channel", ["es10c.get_eid: {verify: [session_signature]}"], "session_signature is for Authenticate"),
        ("isdp_configured", [METADATA.replace("{expect", "{icon: png, icon_octets: 20, expect")], "icon_octets.*least"),
        (
            "metadata_stored",
            [ELEMENTS.replace("{expect", "{package: {without: [isim]}, expect", 1)],
            "the package has no element 'isim'",
        ),
        (
            "download_prepared",
            ["es10b.load_bound_profile_package: {order: [0, 9], sw: error}"],
            "the package has no segment 9, it has 0 to",
        ),
    ],
)
def test_what_cannot_be_sent_is_inconclusive(state: str, steps: list[str], words: str) -> None:
    result = run(sequence(state, *steps))
    assert result.verdict is Verdict.INCONCLUSIVE, result
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(result.reason)


def test_a_state_that_is_not_reached_names_the_function() -> None:
    result = run(sequence("isdp_configured", METADATA), "configure-isdp-wants-data")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "isdp_configured" in result.reason
    assert "es8plus.configure_isdp was answered" in result.reason


def test_what_a_sequence_installed_is_gone_afterwards() -> None:
    euicc = SimulatedEuicc()
    before = euicc.state.profiles
    assert run(sequence("metadata_stored", ELEMENTS), transport=SimTransport(euicc)).verdict is Verdict.PASS
    assert euicc.state.profiles == before
    assert euicc.state.notifications == ()


def test_a_field_that_a_session_has_not_is_named() -> None:
    step = "es10b.prepare_download: {with: {smdpSigned2: {transactionId: $session.nothingOfThat}}}"
    result = run(sequence("session_open", step))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "no field 'nothingOfThat'" in result.reason
