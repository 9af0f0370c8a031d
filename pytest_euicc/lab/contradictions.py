"""Where a declaration and its card contradict each other: reported before the first sequence runs."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.card.identity import read_eid
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.values.text import parse_version
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.lab.facts import options_told_by, told_by

_BITS = {"uicc_capability": "UICCCapability", "rsp_capability": "RspCapability", "forbidden_ppr": "PprIds"}


class OtherCard(PytestEuiccError):
    """The card is not the declared one."""


def refuse_other_card(session: Session, file: str) -> None:
    """See that the card has the EID of the declaration, before anything else is sent to it.

    A card that tells no EID is tested, which is a finding of the sequences; but commands that put the declared
    card back are not sent to it, for they may do something else on another one.

    Raises:
        OtherCard: it has another EID.
    """
    declared, card = session.declaration.eid, session.held_card()
    if declared is None:
        return
    session.section("see which card it is")
    found = read_eid(card.transport, session.isdr_aid)
    card.reset()
    if not found and session.real_card:
        session.declaration = session.declaration.model_copy(update={"restore": []})
    if found and found != declared:
        raise OtherCard(
            f"{file} declares the card with EID {declared}, but the card in {card.description} has EID {found}; "
            "nothing more was sent to it. Put the declared card in, choose its reader (--euicc "
            f"pcsc:eid={declared}), or name the declaration of this card"
        )


def contradictions(declaration: Declaration, info2: dict[str, Any]) -> list[str]:
    """Every value of the declaration that EUICCInfo2 contradicts, in words; what is not declared is not compared."""
    found = []
    for name, told in told_by(info2).items():
        declared = getattr(declaration, name)
        if declared is None:
            continue
        if name in _BITS:
            declared, told = (_named(_BITS[name], each) for each in (declared, told))
        if declared != told:
            found.append(f"{name}: declared {_words(declared)}, the card has {_words(told)}")
    for option, (told, place) in options_told_by(info2).items():
        held = declaration.options.get(option, False)
        if held != told and (option in declaration.options or declaration.options):
            found.append(f"{option}: declared {_words(held)}, the card has {_words(told)} ({place})")
    if "version" in declaration.model_fields_set:
        highest = tuple(info2.get("highestSvn") or info2["svn"])
        if parse_version(declaration.version)[:2] != highest[:2]:
            of_card = ".".join(map(str, highest))
            found.append(f"version: declared {declaration.version}, the card follows {of_card}")
    return found


def _named(type_name: str, bits: list[Any]) -> list[str]:
    names = {str(number): name for name, number in codec.fields(type_name).names.items()}
    return sorted(names.get(str(bit), str(bit)) for bit in bits)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
