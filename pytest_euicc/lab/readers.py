"""The readers of a bench and the cards in them; no card is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.pcsc import list_readers
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.card.winscard import Reader
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.lab.facts import Identity, identify


@dataclass(frozen=True)
class Found:
    """A reader: what is in it, or why it cannot be used (``fault``)."""

    number: int
    reader: Reader
    identity: Identity | None
    fault: str

    def lines(self, declarations: Sequence[tuple[str, Declaration]]) -> Iterator[str]:
        """For the terminal; *declarations* are file names with what they declare."""
        yield f"pcsc:{self.number}  {self.reader.name}"
        if self.reader.has_card:
            yield f"        ATR {self.reader.atr.hex().upper()}"
        if self.identity is not None:
            eid, svn = self.identity.eid, self.identity.svn
            count = self.identity.profiles
            profiles = "profiles not reported" if count is None else f"{count} profile{'' if count == 1 else 's'}"
            yield f"        eUICC: EID {eid or 'not reported'}, svn {svn or 'not reported'}, {profiles}"
            files = [file for file, declaration in declarations if eid and declaration.eid == eid]
            yield f"        declared in {', '.join(files)}" if files else f"        {_undeclared(eid, declarations)}"
        if self.fault:
            yield f"        cannot be used: {self.fault}"


def _undeclared(eid: str, declarations: Sequence[tuple[str, Declaration]]) -> str:
    if not declarations:
        return "not declared: `pytest-euicc declare` writes a declaration, --declaration names one"
    changeable = [file for file, declaration in declarations if eid in declaration.test_cards]
    return f"a test card of {', '.join(changeable)}" if changeable else "in none of the declarations"


def find(aid: bytes = ISDR_AID, timeout: float = 15.0) -> list[Found]:
    """Every reader in the order of PC/SC, its card asked where it can be.

    Args:
        timeout: seconds that a card may take to answer.

    Raises:
        CardError: there is no way to ask for readers.
    """
    return [_look(number, reader, aid, timeout) for number, reader in enumerate(list_readers())]


def _look(number: int, reader: Reader, aid: bytes, timeout: float) -> Found:
    if reader.fault:
        return Found(number, reader, None, reader.fault)
    if not reader.has_card:
        return Found(number, reader, None, "no card; insert one")
    card = Card(open_transport(f"pcsc:{reader.name}", TransportOptions(timeout=timeout)), patience=2 * timeout)
    try:
        card.connect()
        return Found(number, reader, identify(card, aid), "")
    except CardError as error:
        return Found(number, reader, None, str(error))
    finally:
        card.close()
