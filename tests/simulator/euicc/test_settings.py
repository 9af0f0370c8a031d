"""Settings of the simulated eUICC, its transport and its defects."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from pytest_euicc.card.errors import CardError
from pytest_euicc.card.transport import SnapshotTransport, TransportOptions
from pytest_euicc.card.transport import open_transport as open_any
from pytest_euicc.rsp.folder import FolderPki, write_folder
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator import euicc as package
from pytest_euicc.simulator.euicc.defects import DEFECTS
from pytest_euicc.simulator.euicc.settings import EuiccSettings, SettingsError, default_profiles
from pytest_euicc.simulator.euicc.uicc.transport import open_transport
from tests.support.sim_device import SELECT_ISDR, Device


def _load(tmp_path, text: str) -> EuiccSettings:
    path = tmp_path / "card.yaml"
    path.write_text(text, encoding="utf-8")
    return EuiccSettings.load(path)


def test_a_settings_file_changes_what_it_names(tmp_path):
    settings = _load(
        tmp_path,
        """
svn: 2.2.0
verification: [nist]
signing: [nist]
protocol: T=1
default_address: first.example.com
profiles:
  - iccid: "98001032547698103214"
    name: Only one
    enabled: true
    ppr: [ppr1]
    owner: {mcc_mnc: "00F110", gid1: "AA"}
    notify:
      - {events: [enable, disable], address: one.example.com}
      - {events: [enable], address: two.example.com}
""",
    )
    assert settings.svn == b"\x02\x02\x00"
    device = Device(**dict(settings))
    assert device.send("00A4000C022FE2") == "9000"
    assert device.send("00B000000A") == "980010325476981032149000"
    device.open()
    assert device.es10("BF3211A00C5A0A98001032547698103214810100") == "BF32038001039000"
    assert b"first.example.com" in device.whole("BF3C00")


def test_an_empty_file_is_the_defaults(tmp_path):
    assert _load(tmp_path, "") == EuiccSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("svm: 2.6.0", "1:1: unknown key 'svm'; did you mean 'svn'?"),
        ("iot: {eim: 3}", "1:7: unknown key 'eim'; did you mean 'eims'?"),
        ("svn: '2.6'", "1:6: '2.6' is not a version; write three numbers, such as 2.6.0"),
        ("svn: 2.6", "1:6: '2.6' is not a version"),
        ("memory: 700000\neid: '89049032123451234512345678901236'", "2:6: an EID has 32 digits and is 1 modulo 97"),
        ("eid: '8904'", "1:6: an EID has 32 digits"),
        ("signing: []", "1:10: 'signing' is empty; give at least one"),
        ("signing: [p384]", "1:11: 'p384' is not one of 'nist' or 'brainpool'"),
        ("uicc_capability: [usim]", "1:18: UICCCapability has no 'usim'; available: contactlessSupport"),
        ("uicc_capability: [usimSuport]", "1:18: UICCCapability has no 'usimSuport'; did you mean 'usimSupport'?"),
        ("protocol: T=15", "1:11: 'T=15' is not one of 'T=0' or 'T=1'"),
        ("memory: 10", "1:1: the profiles take 240000 octets of 10; raise memory or drop profiles"),
        ("notification_limit: 0", "1:21: notification_limit: input should be greater than or equal to 1"),
        ("profiles: [{iccid: '9800', name: x}]", "1:20: an ICCID has 10 octets, this one 2"),
        ("profiles: [{iccid: '98001032547698103214'}]", "1:12: key 'name' is missing"),
        (
            "profiles: [{iccid: '98001032547698103214', name: x, nickname: " + "ü" * 33 + "}]",
            "1:63: 66 octets of UTF-8: at most 64 fit",
        ),
        (
            "profiles: [{iccid: &i '98001032547698103214', name: x}, {iccid: *i, name: y}]",
            "1:1: two profiles have the ICCID 98001032547698103214; give each its own",
        ),
        ("- svn", "1:1: a file of settings must be a mapping (key: value)"),
        ("svn: [", "2:1: not YAML"),
    ],
)
def test_mistakes_are_named_with_file_place_and_mend(tmp_path, text, message):
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, text)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'card.yaml'}:{message}")


def test_several_mistakes_are_all_named(tmp_path):
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, "svn: x\neid: y\nprotocol: z")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["1", "2", "3"]


def test_digits_without_quotes_are_an_eid(tmp_path):
    assert _load(tmp_path, "eid: 89049032123451234512345678901235") == EuiccSettings()


def test_a_missing_file_is_one_message(tmp_path):
    with pytest.raises(CardError, match=r"none\.yaml:1:1: cannot be read: No such file"):
        open_transport(str(tmp_path / "none.yaml"), TransportOptions())


def test_iccids_of_the_default_profiles_have_their_check_digit():
    """ITU-T E.118: the last digit makes the Luhn sum a multiple of ten."""
    for profile in default_profiles():
        digits = "".join(pair[::-1] for pair in (profile.iccid.hex()[at : at + 2] for at in range(0, 20, 2)))
        total = 0
        for position, digit in enumerate(reversed(digits.rstrip("f"))):
            value = int(digit) * (1 + position % 2)
            total += value // 10 + value % 10
        assert total % 10 == 0, digits
        assert digits.startswith("89")


# ---------------------------------------------------------------------------------------------------- transport


def test_the_kind_sim_has_the_abilities_of_the_contract():
    transport = open_any("sim", TransportOptions(protocol="T=1"))
    assert isinstance(transport, SnapshotTransport)
    transport.connect()
    assert transport.protocol == "T=1"
    assert transport.atr[0] == 0x3B
    before = transport.snapshot()
    assert transport.transmit(bytes.fromhex("0070000001")) == bytes.fromhex("019000")
    transport.restore(before)
    assert transport.transmit(bytes.fromhex("00708001")) == bytes.fromhex("6881")
    with pytest.raises(CardError, match="no snapshot"):
        transport.restore(object())
    transport.close()
    transport.close()


def test_an_unknown_protocol_is_refused():
    with pytest.raises(CardError, match="no protocol 'T=15'; T=0 and T=1 exist"):
        open_transport("", TransportOptions(protocol="T=15"))


def test_a_pki_without_keys_for_the_card_is_one_message(tmp_path):
    write_folder(default_pki(), tmp_path / "pki", bytes.fromhex("89049032123451234512345678901235"))
    other = tmp_path / "card.yaml"
    other.write_text('eid: "89049032123451234512345678901332"')
    for folder in ("EUM", "CertificateIssuer"):
        # With the keys of EUM or CI the folder's PKI would issue an eUICC of any EID.
        for key in (tmp_path / "pki" / folder).glob("SK_*"):
            key.unlink()
    pki = FolderPki(tmp_path / "pki")
    assert open_transport("", TransportOptions(extra={"pki": pki})).euicc.core.credentials.identities
    with pytest.raises(CardError, match=r"SK_EUM_ECDSA_NIST.pem: No such file.*; eid, verification and signing of"):
        open_transport(str(other), TransportOptions(extra={"pki": pki}))


# ---------------------------------------------------------------------------------------------------- defects


def _names_in_code() -> tuple[set[str], set[str]]:
    """What the simulator's code asks ``defective`` for in so many words, and every text in it as a pattern."""
    asked: set[str] = set()
    texts: set[str] = set()
    for path in Path(package.__file__).parent.rglob("*.py"):
        if path.parent.name == "defects":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
                texts.add("".join(map(str, parts)))
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ("defective", "_defective"):
                    asked.add(str(node.args[0].value))
    return asked, texts


def test_every_name_in_the_code_is_registered():
    asked, _ = _names_in_code()
    assert len(asked) > 50
    assert asked - set(DEFECTS) == set()


def test_every_defect_is_somewhere_in_the_code():
    _, texts = _names_in_code()
    patterns = [text for text in texts if "*" in text and text.strip("*")]
    unasked = set(DEFECTS) - texts
    assert {name for name in unasked if not any(fnmatchcase(name, pattern) for pattern in patterns)} == set()


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_card_with_a_defect_still_answers(name):
    """A defect is a wrong answer, never a card that breaks down."""
    device = Device(defects=[name])
    first, second = (profile.iccid.hex() for profile in device.euicc.state.profiles[:2])
    requests = [
        "BF2000", "BF2200", "BF2E00", "BF4300", "BF3C00", "BF3F03800161", "BF3F028000", "BF3F03", "BF2D00",
        "BF2D045C025A94", "BF2D02A000", f"BF3111A00C5A0A{first}8101FF", f"BF3111A00C5A0A{second}8101FF",
        f"BF3211A00C5A0A{second}8101FF", "BF2800", "BF2B00", "BF3003800101", "BF300180", f"BF290F5A0A{first}900161",
        "BF3E035C015A", f"BF330C5A0A{first}", f"BF330C5A0A{first}", "BF3404820205E0", "BF340482020780", "BF2200",
    ]  # fmt: skip
    for _ in range(2):
        device.send("0070000001")
        device.send(f"01{SELECT_ISDR}")
        for request in requests:
            answer = device.send(f"81E29100{len(request) // 2:02X}{request}00")
            assert answer[-4] in "69", request
        device.euicc.reset()


def test_a_defect_that_loses_memory_goes_with_a_snapshot():
    device = Device(defects=["keeps-memory"])
    before, free = device.euicc.snapshot(), device.euicc.core.free_memory
    device.open()
    iccid = device.euicc.state.profiles[0].iccid.hex()
    assert device.es10(f"BF330C5A0A{iccid}") == "BF33038001009000"
    assert device.euicc.core.free_memory == free
    device.euicc.restore(before)
    assert device.euicc.core.free_memory == free
    assert device.euicc.state == before


@pytest.mark.parametrize(
    ("defect", "apdus", "right", "wrong"),
    [
        ("wrong-instruction-is-ok", ["00FE000000"], "6D00", "9000"),
        ("short-identifier-is-ok", ["00A4000C013F"], "6700", "9000"),
        ("answers-before-select", ["80E2910006BF3E035C015A00"], "6D00", "359000"),
        ("ignores-block-number", ["81E2910706BF3E035C015A00"], "6A86", "9000"),
        ("keeps-channel-session", ["00708001", "81E2910006BF3E035C015A00"], "6881", "9000"),
        ("remove-unknown-is-ok", ["81E2910006BF300380010900"], "BF30038001019000", "BF30038001009000"),
        ("reset-nothing-is-ok", ["81E2910007BF340482020640"], "BF34038001019000", "BF34038001009000"),
        ("wrong-eid-check-digits", ["81E2910006BF3E035C015A00"], "359000", "349000"),
    ],
)
def test_a_defect_changes_what_it_says(defect, apdus, right, wrong):
    def answer(*defects):
        device = Device(defects=defects, seed="0")
        device.open()
        return [device.send(apdu) for apdu in apdus][-1]

    assert answer().endswith(right)
    assert answer(defect).endswith(wrong)
