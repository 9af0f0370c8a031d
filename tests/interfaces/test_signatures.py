"""Signatures and chains of notifications, made with the test PKI and broken one by one."""

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import InconclusiveError
from pytest_euicc.conformance.engine.library import load
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import CHECKS
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.signatures import sign
from tests.support.mini_card import EID, ICCID_A, MiniCard, tlv

load()
PKI = default_pki()
EUICC = PKI.euicc(bytes.fromhex(EID))
METADATA = tlv("BF2F", tlv("80", b"\1") + tlv("81", b"\6\x40") + tlv("0C", b"smdp.example.com") + tlv("5A", ICCID_A))
RESULT = tlv("BF27", tlv("80", b"\1") + METADATA)


def long_tlv(tag, value):
    return bytes.fromhex(tag) + b"\x82" + len(value).to_bytes(2, "big") + value


def signature(data, identity=EUICC):
    return tlv("5F37", sign(identity.private_key, data))


def other(signed=METADATA, signature_=None, identity=EUICC):
    chain = identity.certificate.der + identity.chain[-1].der
    return long_tlv("30", signed + (signature_ or signature(METADATA, identity)) + chain)


def check(*notifications, trust=None, eid=None, **arguments):
    octets = long_tlv("BF2B", long_tlv("A0", b"".join(notifications)))
    session = Session(Card(MiniCard()), Declaration(eid=eid), trust=PKI.trust() if trust is None else trust)
    outcome = Outcome(received=octets)
    found = CHECKS.get("notification_signatures")(Context(session, "x"), outcome, arguments)
    return [str(mismatch) for mismatch in found]


def test_good_notifications():
    installation = tlv("BF37", RESULT + signature(RESULT))
    assert check(other(), installation, count=2, eid=EID) == []


BROKEN = signature(METADATA)[:-1] + bytes([signature(METADATA)[-1] ^ 1])


@pytest.mark.parametrize(
    ("notifications", "settings", "message"),
    [
        ([other(signature_=BROKEN)], {}, "does not verify"),
        ([other(signed=METADATA.replace(b"smdp", b"smdq"))], {}, "does not verify"),
        ([other(signature_=tlv("5F37", b"\0" * 70))], {}, "64 octets"),
        ([other(identity=PKI.euicc(bytes.fromhex(EID), kind="euicc-expired"))], {}, "expired|valid"),
        ([other()], {"eid": "89" + "0" * 30}, "certificate chain"),
        ([other(), tlv("BF37", RESULT + signature(METADATA))], {}, "euiccSignPIR"),
        ([other(), tlv("BF37", RESULT)], {}, "1 elements"),
        ([long_tlv("30", METADATA + signature(METADATA))], {}, "CERT.EUICC, CERT.EUM"),
        ([other()], {"count": 2}, "2 notifications"),
    ],
)
def test_broken_notifications(notifications, settings, message):
    with pytest.raises(AssertionError, match=message):
        assert "\n".join(check(*notifications, **settings)) == ""


def test_without_trust_or_certificate_nothing_can_be_said():
    with pytest.raises(InconclusiveError, match="--euicc-pki"):
        check(other(), trust=())
    with pytest.raises(InconclusiveError, match=r"no CERT\.EUICC was seen"):
        check(tlv("BF37", RESULT + signature(RESULT)))


def test_another_ci_is_not_trusted():
    assert any("certificate chain" in entry for entry in check(other(), trust=[PKI.authority(number=2).certificate]))
