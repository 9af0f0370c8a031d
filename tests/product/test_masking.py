"""Secrets are masked wherever a report may hold them, and can be shown when asked for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

import pytest

from pytest_euicc import masking
from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.package_secrets import note_secrets

SECRET = bytes(range(0xA0, 0xB0))


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    masking.note(SECRET)
    yield
    masking.show(shown=False)


@pytest.mark.parametrize("offset", range(6))
@pytest.mark.parametrize("behind", range(4))
def test_in_base64_at_any_place(offset: int, behind: int) -> None:
    octets = bytes(range(1, offset + 1)) + SECRET + b"\x11" * behind
    text = json.dumps({"a": base64.b64encode(octets).decode(), "b": "untouched"})
    masked = json.loads(masking.mask(text))
    assert masked["b"] == "untouched"
    assert len(masked["a"]) == len(json.loads(text)["a"])
    assert masked["a"].count("*") in range(22, 25)
    for at in range(3):
        inner = base64.b64encode(bytes(at) + SECRET)[4 if at else 0 :].rstrip(b"=")[:-2].decode()
        assert inner not in masking.mask(text)


def test_keys_of_a_profile_package() -> None:
    """K is all zeros but for its end in a test profile, so that it is known by the OPc beside it."""
    key, opc = bytes(15) + b"\x9c", bytes(range(0x60, 0x70))
    parameters = {"algorithmID": "milenage", "algorithmOptions": b"\x01", "key": key, "opc": opc}
    element = (
        "akaParameter",
        {"aka-header": {"mandated": None, "identification": 5}, "algoConfiguration": ("algoParameter", parameters)},
    )
    package = codec.encode("ProfileElement", element)
    note_secrets(b"\xff" + package)
    note_secrets(package)
    text = masking.octets_text(package)
    assert text == package.hex().upper().replace(f"{key.hex()}8310{opc.hex()}".upper(), "**" * 34)
    assert "*" in masking.mask(base64.b64encode(package).decode())
    shown = json.loads(describe(parameters))
    assert (shown["key"], shown["opc"], shown["algorithmOptions"]) == ("***", "***", "01")
    # Part of it in one APDU, the rest in the next; zeros alone are no part of a secret.
    at = package.index(opc)
    rest = package[at - 4 : at + 20]
    assert masking.command_text(b"\x80\xe2\x11\x01\x18" + rest) == "80E2110118" + "**" * 20 + rest[20:].hex().upper()
    assert masking.command_text(bytes.fromhex("80E2110010") + bytes(16)) == "80E2110010" + "00" * 16


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\\n", "\\r\\n"])
def test_in_base64_in_lines(line_break: str) -> None:
    """RFC 2045 6.8: lines of 76 characters, as they are or as in JSON; the secret may lie over a break."""
    for before in range(120):
        text = base64.encodebytes(bytes(before) + SECRET + bytes(80)).decode().replace("\n", line_break)
        masked = masking.mask(f'"{text}"')
        assert [len(line) for line in masked[1:-1].split(line_break)] == [len(line) for line in text.split(line_break)]
        hidden = {at for at, character in enumerate(masked) if character == "*"}
        assert len(hidden) in range(22, 25), before
        assert all(masked[at] == f'"{text}"'[at] for at in range(len(masked)) if at not in hidden)


def test_in_base64_that_goes_on_from_other_text() -> None:
    assert "*" in masking.mask("key" + base64.b64encode(SECRET + b"123").decode())


def test_in_hex_of_either_case() -> None:
    for form in (SECRET.hex(), SECRET.hex().upper()):
        assert masking.mask(f"<{form}>") == f"<{'**' * 16}>"


@pytest.mark.parametrize("offset", range(13))
def test_the_shortest_secret_at_any_place(offset: int) -> None:
    shortest = bytes(range(0xC1, 0xC9))
    masking.note(shortest)
    before = bytes(range(0x11, 0x11 + offset))
    assert masking.octets_text(before + shortest + b"\x01") == before.hex().upper() + "**" * 8 + "01"
    for text in (before.hex() + shortest.hex(), "x" * offset + shortest.hex().upper() + "z" * 2000):
        assert "c1c2c3c4" not in masking.mask(text).lower()
        assert "*" * 16 in masking.mask(text)
    assert base64.b64encode(shortest)[:10].decode() not in masking.mask(
        "A" * offset + base64.b64encode(shortest).decode()
    )


def test_old_secrets_are_forgotten_wholly() -> None:
    made = [hashlib.sha256(number.to_bytes(2)).digest()[:16] for number in range(600)]
    for secret in made:
        masking.note(secret)
        assert masking.mask(secret.hex()) == "**" * 16
    assert masking.mask(made[0].hex()) == made[0].hex()
    assert masking.octets_text(made[-1] + made[0]) == "**" * 16 + made[0].hex().upper()
    for index in (masking._marks, masking._by_number, masking._begins, masking._ends):
        assert set().union(*index.values()) == set(masking._known)


def test_over_two_apdus() -> None:
    for cut in range(4, 13):
        first = bytes.fromhex("80E2110014") + bytes(20 - cut) + SECRET[:cut]
        second = bytes.fromhex("80E2910114") + SECRET[cut:] + bytes(4 + cut)
        assert masking.command_text(first) == first[:-cut].hex().upper() + "**" * cut
        assert masking.command_text(second) == "80E2910114" + "**" * (16 - cut) + "00" * (4 + cut)
        assert masking.response_text(SECRET[cut:] + b"\x90\x00") == "**" * (16 - cut) + "9000"
        assert masking.response_text(bytes(9) + SECRET[:cut] + b"\x61\x10") == "00" * 9 + "**" * cut + "6110"
    with_le = bytes.fromhex("80E2110008") + SECRET[:8] + b"\x00"
    assert masking.command_text(with_le) == "80E2110008" + "**" * 8 + "00"
    assert masking.command_text(bytes.fromhex("00C0000010")) == "00C0000010"
    assert masking.response_text(b"\x90\x00") == "9000"
    assert masking.response_text(b"") == ""


def test_by_the_name_of_a_field() -> None:
    value = {"hashCc": b"\x01" * 32, "euiccOtpk": b"\x02", "list": [{"confirmationCode": "1234"}], "pinValue": b""}
    assert json.loads(describe(value)) == {
        "hashCc": "***",
        "euiccOtpk": "02",
        "list": [{"confirmationCode": "***"}],
        "pinValue": "",
    }
    assert masking.mask('{"confirmationCode" : "12\\"34", "x": 1}') == '{"confirmationCode" : "***", "x": 1}'


def test_a_code_that_a_person_enters() -> None:
    masking.note_text("86753094")
    assert masking.mask("code 86753094, not 886753094") == "code ***, not 886753094"


def test_a_hash_of_a_code_is_known_when_it_is_made() -> None:
    found = signatures.hash_cc("1234", b"\x07" * 16)
    assert masking.octets_text(b"\x04\x20" + found) == "0420" + "**" * 32


def test_what_is_no_secret_is_left_as_it_is() -> None:
    masking.note(bytes(16), b"short")
    text = f"{bytes(32).hex()} {base64.b64encode(bytes(99)).decode()} {b'short'.hex()}"
    assert masking.mask(text) == text
    assert masking.octets_text(bytes(20)) == "00" * 20


def test_very_many_are_forgotten_in_turn() -> None:
    for number in range(300):
        masking.note(b"secret" + number.to_bytes(10, "big"))
    assert SECRET.hex() in masking.mask(SECRET.hex())
    assert masking.mask((b"secret" + (299).to_bytes(10, "big")).hex()) == "**" * 16


def test_shown_when_asked_for() -> None:
    masking.show(shown=True)
    value = {"hashCc": SECRET.hex()}
    assert masking.mask_value(value) == value
    assert masking.octets_text(SECRET) == SECRET.hex().upper()
    assert masking.mask(SECRET.hex()) == SECRET.hex()
