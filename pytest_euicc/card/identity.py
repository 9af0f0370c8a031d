"""Which card it is: the EID, by the fewest commands (SGP.22 5.7.1, 5.7.2, 5.7.20)."""

from __future__ import annotations

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import MalformedAnswer
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.card.transport import Transport

ISDR_AID = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
"""SGP.22 Annex D (AID registrations)."""
_GET_EID = bytes.fromhex("BF3E035C015A")
_ANSWER, _EID = 0xBF3E, 0x5A


def read_eid(transport: Transport, aid: bytes = ISDR_AID) -> str:
    """The EID of the card on a connected transport, 32 digits; empty if it does not report one.

    It opens a logical channel, which a reset closes again.

    Raises:
        CardError: the card is gone or mute.
    """
    card = Card(transport)
    try:
        channel = card.open_channel()
        if not channel.select(aid).ok:
            return ""
        response = channel.store_data(_GET_EID)
        answer = tlv.parse(response.data)
    except (UnexpectedStatus, MalformedAnswer, tlv.TlvError):
        return ""
    found = [part.value for part in answer.children() if part.tag == _EID] if answer.tag == _ANSWER else []
    return found[0].hex() if found else ""
