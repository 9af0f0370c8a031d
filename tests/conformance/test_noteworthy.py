"""What is observed of answers that pass: the alternative that was chosen, fields of later versions, octets not DER."""

from __future__ import annotations

import json

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.message import Outcome, Part
from pytest_euicc.conformance.engine.noteworthy import noteworthy
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Step
from pytest_euicc.es9.binding import Es9Reply
from tests.support.mini_card import MiniCard, run

CHALLENGE = """
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge:
          any_of:
            - {{ sw: error, because: A reason to refuse }}
            - {{ expect: {second} }}
"""


def texts(result: Result, kind: str) -> list[str]:
    return [each.text for each in result.observations if each.kind == kind]


class Answering(MiniCard):
    """One function is answered with these octets."""

    def __init__(self, function: int, octets: bytes) -> None:
        super().__init__()
        self.function, self.octets = function, octets

    def store(self, tag, data):
        return self.octets if tag == f"{self.function:04X}" else super().store(tag, data)


def test_the_alternative_that_held_is_observed() -> None:
    result = run(CHALLENGE.format(second="{ euiccChallenge: { octets: 16 } }"))
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    (text,) = texts(result, "choice")
    assert text.startswith("es10b.get_euicc_challenge: permitted alternative 2 of 2: ")


def test_of_a_field_with_several_values_as_well() -> None:
    second = "{ euiccChallenge: { one_of: [{ octets: 15 }, { octets: 16 }] } }"
    result = run(CHALLENGE.format(second=second))
    assert "es10b.get_euicc_challenge: euiccChallenge: permitted alternative 2 of 2" in texts(result, "choice")


def test_one_alternative_is_no_choice() -> None:
    step = "es10b.get_euicc_challenge: { expect: { euiccChallenge: { octets: 16 } } }"
    result = run(f"\n    given: [isdr_selected]\n    steps:\n      - {step}\n")
    assert (result.verdict, texts(result, "choice")) == (Verdict.PASS, [])


@pytest.mark.parametrize(
    ("declaration", "noted"),
    [
        (Declaration(version="2.6.0"), ["lpaMode"]),
        (Declaration(version="2.7.0"), []),
        (Declaration(version="2.5.0", options={"O_E_IOT": True, "O_E_IOT_LPAD": True}), []),
    ],
)
def test_a_field_of_a_later_version(declaration: Declaration, noted: list[str]) -> None:
    info = {
        "profileVersion": b"\2\3\1",
        "svn": b"\2\6\0",
        "euiccFirmwareVer": b"\1\0\0",
        "extCardResource": b"",
        "uiccCapability": (b"", 0),
        "rspCapability": (b"", 0),
        "euiccCiPKIdListForVerification": [],
        "euiccCiPKIdListForSigning": [],
        "ppVersion": b"\0\0\1",
        "sasAcreditationNumber": "",
        "lpaMode": "lpad",
    }
    card = Answering(0xBF22, codec.encode("EUICCInfo2", info))
    result = run(
        "\n    given: [isdr_selected]\n    steps:\n      - es10b.get_euicc_info2\n", card, declaration=declaration
    )
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    reported = texts(result, "later-version")
    assert [name for name in ("lpaMode", "svn") if any(name in text for text in reported)] == noted


@pytest.mark.parametrize(("verify", "verdict"), [("", Verdict.PASS), (", verify: [der]", Verdict.FAIL)])
def test_a_length_that_is_not_minimal(verify: str, verdict: Verdict) -> None:
    challenge = tlv.encode(0x80, bytes(16))
    card = Answering(0xBF2E, bytes.fromhex("BF2E81") + bytes([len(challenge)]) + challenge)
    step = f"es10b.get_euicc_challenge: {{ expect: {{ euiccChallenge: {{ octets: 16 }} }}{verify} }}"
    result = run(f"\n    given: [isdr_selected]\n    steps:\n      - {step}\n", card)
    assert result.verdict is verdict
    assert bool(texts(result, "not-der")) is (verdict is Verdict.PASS)


def test_base64_in_lines_is_read_and_noted() -> None:
    body = json.dumps({"transactionId": "00", "serverCertificate": "MAMC\r\nAQE=\r\n"}).encode()
    reply = Es9Reply("initiateAuthentication", 200, {}, body)
    step = Step.model_validate("es9plus.initiate_authentication")
    assert list(noteworthy(Declaration(), step, Outcome(reply=reply))) == []
    assert reply.octets_of("serverCertificate").hex() == "3003020101"
    noted = [each.text for each in noteworthy(Declaration(), step, Outcome(reply=reply))]
    assert noted == ["initiateAuthentication: serverCertificate has line breaks"]


@pytest.mark.parametrize("text", ["MAMC AQE=", "MAMC!AQE=", "MAMCAQ", 7, None])
def test_base64_of_other_forms_is_not_read(text: object) -> None:
    body = json.dumps({"serverCertificate": text}).encode()
    with pytest.raises(ValueError, match="serverCertificate is not base64"):
        Es9Reply("initiateAuthentication", 200, {}, body).octets_of("serverCertificate")


@pytest.mark.parametrize(
    ("added", "verify", "noted"),
    [
        (b"", [], []),
        (b"", ["encoding"], []),
        (tlv.encode(0x9F55, b"\x01"), ["encoding"], ["unknown-element"]),
        (tlv.encode(0x95, b"\x02"), ["encoding"], ["not-der"]),
        (tlv.encode(0x95, b"\x02"), [], ["not-der"]),
    ],
)
def test_what_is_within_an_answer_of_es9plus(added: bytes, verify: list[str], noted: list[str]) -> None:
    value = {"iccid": bytes(10), "serviceProviderName": "P", "profileName": "N"}
    octets = tlv.encode(0xBF25, tlv.parse(codec.encode("StoreMetadataRequest", value)).value + added)
    reply = Es9Reply("authenticateClient", 200, {}, b"")
    outcome = Outcome(reply=reply, parts=(Part("profileMetadata", "StoreMetadataRequest", octets),))
    step = Step.model_validate({"es9plus.authenticate_client": {"verify": verify}})
    assert [each.kind for each in noteworthy(Declaration(), step, outcome)] == noted
