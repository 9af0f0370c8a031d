"""Tampering with an EnableProfileRequest whose octets are worked out by hand."""

from typing import Any

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import TamperError, mistakes, tamper

TYPE = "EnableProfileRequest"
REQUEST = bytes.fromhex("BF3111A00C5A0A98001032547698103214810100")


def test_the_request_is_what_the_codec_encodes():
    value = {"profileIdentifier": ("iccid", bytes.fromhex("98001032547698103214")), "refreshFlag": False}
    assert codec.encode(TYPE, value) == REQUEST


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"flip": {"at": 0, "bit": 7}}, "3F3111A00C5A0A98001032547698103214810100"),
        ({"flip": {"at": "profileIdentifier.iccid"}}, "BF3111A00C5A0A99001032547698103214810100"),
        (
            {"flip": {"at": "profileIdentifier.iccid", "octet": -1, "bit": 3}},
            "BF3111A00C5A0A9800103254769810321C810100",
        ),
        ({"flip": {"at": "profileIdentifier.iccid", "part": "tlv"}}, "BF3111A00C5B0A98001032547698103214810100"),
        ({"cut": {"at": 17, "octets": 3}}, "BF3111A00C5A0A98001032547698103214"),
        ({"cut": {"at": "refreshFlag"}}, "BF310EA00C5A0A98001032547698103214"),
        ({"cut": {"at": "refreshFlag", "lengths": "keep"}}, "BF3111A00C5A0A98001032547698103214"),
        (
            {"cut": {"at": "profileIdentifier.iccid", "part": "value", "octets": 1}},
            "BF3110A00B5A09980010325476981032810100",
        ),
        ({"cut": {"at": "profileIdentifier.iccid", "part": "value"}}, "BF3107A0025A00810100"),
        ({"insert": {"at": 3, "hex": "FF"}}, "BF3111FFA00C5A0A98001032547698103214810100"),
        ({"insert": {"at": "refreshFlag", "hex": "820100"}}, "BF3114A00C5A0A98001032547698103214810100820100"),
        ({"insert": {"at": "", "part": "value", "hex": "820100"}}, "BF3114A00C5A0A98001032547698103214810100820100"),
        ({"replace": {"at": 2, "hex": "10"}}, "BF3110A00C5A0A98001032547698103214810100"),
        ({"replace": {"at": "profileIdentifier.iccid", "hex": "4F00"}}, "BF3107A0024F00810100"),
        (
            {"replace": {"at": "refreshFlag", "part": "value", "hex": "01", "lengths": "keep"}},
            "BF3111A00C5A0A98001032547698103214810101",
        ),
        ({"retag": {"at": "profileIdentifier.iccid", "tag": "5F5A"}}, "BF3112A00D5F5A0A98001032547698103214810100"),
        ({"retag": {"at": 0, "tag": "BF32"}}, "BF3211A00C5A0A98001032547698103214810100"),
        ({"duplicate": {"at": "refreshFlag"}}, "BF3114A00C5A0A98001032547698103214810100810100"),
        ({"duplicate": {"at": 17}}, "BF3111A00C5A0A98001032547698103214810100810100"),
        ({"swap": {"at": "refreshFlag", "with": "profileIdentifier"}}, "BF3111810100A00C5A0A98001032547698103214"),
        (
            {"insert": {"at": "refreshFlag", "part": "value", "hex": "0102", "repeat": 2}},
            "BF3115A00C5A0A9800103254769810321481050001020102",
        ),
        ({"truncate": {"octets": 4}}, "BF3111A0"),
        ({"truncate": {"octets": -1}}, "BF3111A00C5A0A980010325476981032148101"),
    ],
)
def test_operation(operation, result):
    assert tamper(REQUEST, [operation], TYPE).hex().upper() == result


def test_lengths_grow_into_the_long_form():
    grown = tamper(REQUEST, [{"insert": {"at": "profileIdentifier.iccid", "part": "value", "hex": "00" * 120}}], TYPE)
    assert grown.hex().upper().startswith("BF31818B" + "A08185" + "5A8182" + "9800")
    assert len(grown) == 4 + 0x8B


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"flip": {"at": "first", "octet": -1}}, "A30F" + "8603AA0100" + "8603AA0202" + "8603AA0303"),
        ({"flip": {"at": "middle", "octet": -1}}, "A30F" + "8603AA0101" + "8603AA0203" + "8603AA0303"),
        ({"flip": {"at": "last", "octet": -1}}, "A30F" + "8603AA0101" + "8603AA0202" + "8603AA0302"),
        ({"flip": {"at": "1", "octet": -1}}, "A30F" + "8603AA0101" + "8603AA0203" + "8603AA0303"),
        ({"swap": {"at": "first", "with": "last"}}, "A30F" + "8603AA0303" + "8603AA0202" + "8603AA0101"),
        ({"duplicate": {"at": "last"}}, "A314" + "8603AA0101" + "8603AA0202" + "8603AA0303" + "8603AA0303"),
        ({"retag": {"at": "first", "tag": "87"}}, "A30F" + "8703AA0101" + "8603AA0202" + "8603AA0303"),
    ],
)
def test_places_in_a_list(operation, result):
    sequence = bytes.fromhex("A30F" + "8603AA0101" + "8603AA0202" + "8603AA0303")
    assert tamper(sequence, [operation], "BoundProfilePackage.sequenceOf86").hex().upper() == result


def test_operations_follow_each_other():
    operations: list[dict[str, Any]] = [{"cut": {"at": "refreshFlag"}}, {"flip": {"at": -1, "bit": 0}}]
    assert tamper(REQUEST, operations, TYPE).hex().upper() == "BF310EA00C5A0A98001032547698103215"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"cut": {"at": "profileIdentifier.isdpAid"}}, "has no 'isdpAid'"),
        ({"flip": {"at": 20}}, "octet 20 of 20"),
        ({"flip": {"at": "refreshFlag", "octet": 1}}, "no octet 1"),
        ({"swap": {"at": "profileIdentifier", "with": "profileIdentifier.iccid"}}, "one inside the other"),
    ],
)
def test_what_does_not_fit_is_said(operation, message):
    with pytest.raises(TamperError, match=message):
        tamper(REQUEST, [operation], TYPE)


def test_fields_that_share_a_tag_are_told_by_their_place():
    signed = {"transactionId": b"\1", "euiccChallenge": bytes(16), "serverAddress": "a", "serverChallenge": bytes(16)}
    context = ("ctxParamsForCommonAuthentication", {"deviceInfo": {"tac": bytes(4), "deviceCapabilities": {}}})
    certificate = bytes.fromhex("300402020123")
    request = {
        "serverSigned1": signed,
        "serverSignature1": bytes(64),
        "euiccCiPKIdToBeUsed": bytes(20),
        "serverCertificate": certificate,
        "ctxParams1": context,
    }
    octets = codec.encode("AuthenticateServerRequest", request)
    changed = tamper(
        octets, [{"replace": {"at": "serverCertificate", "hex": "3003020105"}}], "AuthenticateServerRequest"
    )
    value = codec.decode("AuthenticateServerRequest", changed)
    assert value["serverCertificate"] == bytes.fromhex("3003020105")
    assert value["serverSigned1"] == signed


@pytest.mark.parametrize(("octets", "right"), [("$b.iccid", True), ("9800", True), ("980", False)])
def test_octets_may_be_a_saved_value(octets: str, right: bool) -> None:
    operation = {"replace": {"at": "eimSignature", "part": "value", "hex": octets}}
    assert (not list(mistakes([operation], asn1_shape("EuiccPackageRequest")))) is right
