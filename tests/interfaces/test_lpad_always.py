"""What is judged of everything that an LPA sends, and what is not its own fault."""

from __future__ import annotations

import base64
import json

from pytest_euicc.asn1 import codec
from pytest_euicc.interfaces.lpad import always
from pytest_euicc.peers.lpa.record import Call, Http, Record

SERVER = "smdp.example.com"
HEADERS = {"content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.2.0"}
CANCEL = "/gsma/rsp2/es9plus/cancelSession"
RESPONSE = "vyEIgAIBI4ECASM="


def faults(*given: str, sent: str) -> list[str]:
    """Paths of what is wrong with a CancelSession, after answers that gave transactionIds."""
    record = Record()
    for each in given:
        answer = json.dumps({"transactionId": each}).encode()
        record.add(Call("ES9+.InitiateAuthentication", "server", 0.0, 0.0, answer=answer))
    record.mark()
    body = json.dumps({"transactionId": sent, "cancelSessionResponse": RESPONSE}).encode()
    http = Http(SERVER, "POST", CANCEL, HEADERS, body, 200, {}, b"")
    record.add(Call("ES9+.CancelSession", "server", 0.0, 0.0, body, http=http))
    return [each.path for each in always.judge(record) if "transactionId" in each.path]


def test_base64_in_lines_is_read_and_told() -> None:
    record = Record()
    record.mark()
    octets = codec.encode("CancelSessionResponse", ("cancelSessionResponseError", 5))
    lines = base64.encodebytes(octets).decode()
    body = json.dumps({"transactionId": "0123", "cancelSessionResponse": lines}).encode()
    http = Http(SERVER, "POST", CANCEL, HEADERS, body, 200, {}, b"")
    record.add(Call("ES9+.CancelSession", "server", 0.0, 0.0, body, http=http))
    assert always.judge(record) == []
    assert list(always.in_lines(record.since_mark())) == ["ES9+.CancelSession cancelSessionResponse"]


def test_a_transaction_id_is_hex() -> None:
    assert faults("0123", sent="0123") == []
    assert faults("0123", sent="no hex") == ["ES9+.CancelSession transactionId"]


def test_one_that_the_server_gave_is_not_the_fault_of_the_lpa() -> None:
    assert faults("0123", "no hex", sent="no hex") == []
