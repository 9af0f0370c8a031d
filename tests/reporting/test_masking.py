"""No report has a confirmation code or its hash, and nothing else of it changes."""

from __future__ import annotations

import base64
import json

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.reporting.masking import masked

HASH = bytes(range(0xA0, 0xC0))
HEX = HASH.hex().upper()
OPENED = bytes.fromhex("5F4941") + bytes(65) + bytes.fromhex("0420")
SIGNED = bytes.fromhex("5F3740") + bytes(64) + bytes.fromhex("0420")


def test_a_hash_in_an_apdu() -> None:
    for before in (OPENED, SIGNED):
        octets = before.hex().upper()
        assert masked(f"81E29100{octets}{HEX}5F37") == f"81E29100{octets}{'X' * 64}5F37"
        # A text that was cut ends within the hash.
        assert masked(f"{octets}{HEX[:20]}…") == f"{octets}{'X' * 20}…"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"hashCc": "{HEX}"}}',
        json.dumps(json.dumps({"hashCc": HEX})),
        f'downloadResponseOk.euiccSigned2.hashCc: expected "{HEX}", received "{HEX}"',
        json.dumps({"path": "euiccSigned2.hashCc", "expected": f'"{HEX}"', "actual": f'"{HEX}"'}),
        f'hashCc: expected {{"octets": 31}}, received "{HEX}"',
    ],
)
def test_a_hash_by_its_name(text: str) -> None:
    assert masked(text) == text.replace(HEX, "X" * 64)


def test_a_hash_in_a_request_of_es9plus() -> None:
    message = b"\xbf\x21\x81\x80" + OPENED + HASH + b"\x5f\x37\x40" + bytes(64)
    body = json.dumps({"transactionId": "01", "prepareDownloadResponse": base64.b64encode(message).decode()})
    for text in (body, json.dumps({"http": {"body": body}}), body.partition("AAAAXzd")[0]):
        told = masked(text)
        assert len(told) == len(text)
        assert told != text
    hidden = base64.b64decode(json.loads(masked(body))["prepareDownloadResponse"])
    assert hidden == message.replace(HASH, b"X" * 32)


def test_a_confirmation_code_of_an_order() -> None:
    body = json.dumps({"iccid": "89", "confirmationCode": "1234", "releaseFlag": True})
    assert json.loads(masked(body)) == {"iccid": "89", "confirmationCode": "XXXX", "releaseFlag": True}
    assert "1234" not in masked(json.dumps({"body": body}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps({"prepareDownloadResponse": "A"}),
        json.dumps({"prepareDownloadResponse": "AAAA=AAA"}),
        f'{{"euiccChallenge": "{HEX[:32]}", "hashCc": null, "other": "{HEX}"}}',
        f"8082{SIGNED[:-2].hex().upper()}{HEX}",
    ],
)
def test_all_else_stays(text: str) -> None:
    assert masked(text) == text


def test_the_places_are_those_of_the_modules() -> None:
    """The order of fields that the patterns rely on is that of the ASN.1 modules."""
    signed = {"transactionId": b"\x01", "euiccOtpk": b"\x04" + bytes(64), "hashCc": HASH}
    assert HEX not in masked(codec.encode("EUICCSigned2", signed).hex().upper())
