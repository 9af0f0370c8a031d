"""eIMs of the tester taken off a card: after a sequence, or after a run that was cut short (SGP.32 3.4, 3.5.1)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec
from pytest_euicc.card.errors import CardError
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.leftovers import LEFTOVERS
from pytest_euicc.conformance.engine.message import Message
from pytest_euicc.conformance.engine.profiles import fresh_isdr
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.es10b_iot.functions import call
from pytest_euicc.interfaces.es10b_iot.listed import eims_listed
from pytest_euicc.interfaces.es10b_iot.package import load_euicc_package
from pytest_euicc.peers.eim.peer import EimPeer, EimPeers

_KIND = "eim"
_HIGHEST = 8388607
"""counterValue of the last package that an eIM can send (SGP.32 2.11.1.1): above whatever was sent before."""
_EIM_CONFIGURATION = (b"\x04", 6)
"""Bit 5 of resetOptions (SGP.32 5.9.5)."""
_CURVES = {curve.name: curve for curve in (ec.SECP256R1(), ec.BrainpoolP256R1(), ec.SECP384R1())}


def note(context: Context, peer: EimPeer) -> None:
    """Before an eIM of the tester can be associated: without its key nobody could delete it."""
    number = peer.key.private_numbers().private_value
    context.note(_KIND, {"id": peer.eim_id, "curve": peer.key.curve.name, "key": f"{number:x}"})


class Associations:
    """The eIMs that are associated."""

    def held(self, context: Context) -> list[str] | None:
        """Their identifiers; None of a card that is no IoT eUICC by its declaration, or does not tell them."""
        if not context.declaration.options.get("O_E_IOT"):
            return None
        try:
            fresh_isdr(context)
            return list(eims_listed(context))
        except Refused:
            return None
        finally:
            context.reset(start=False)

    def take_off(self, context: Context, before: list[str] | None, noted: list[dict[str, Any]]) -> None:
        """By packages under their own keys, or by a memory reset where the card had none before."""
        known = set(before or ())
        with context.undoing("the eIMs that are associated cannot be compared"):
            fresh_isdr(context)
            peers = context.part(EimPeers)
            for number, each in enumerate(noted, 1):
                key = ec.derive_private_key(int(each["key"], 16), _CURVES[each["curve"]])
                peers.by_name[f"left {number}"] = EimPeer(str(each["id"]), key, counter=_HIGHEST - 1)
            for eim_id, token in eims_listed(context).items():
                if eim_id not in known:
                    _delete(context, eim_id, token)
            left = set(eims_listed(context))
            if left and not known:
                _reset(context)
                left = set(eims_listed(context))
            context.left_behind += [f"the eIM {name} is associated" for name in sorted(left - known)]
            context.left_behind += [f"the eIM {name} was deleted" for name in sorted(known - left)]


def take_off(context: Context, peer: EimPeer) -> None:
    """Delete an eIM of the tester if it is associated, and remove the package results of the sequence."""
    with context.undoing(f"the eIM {peer.eim_id} is associated"):
        isdr = fresh_isdr(context)
        peers = context.part(EimPeers)
        known = set(eims_listed(context))
        if peer.eim_id in known:
            delete(context, peer, known)
        while peers.answers:
            number, _ = peers.answers.popitem()
            isdr.remove_notification_from_list(number)


def delete(context: Context, peer: EimPeer, known: set[str]) -> None:
    """Delete an associated eIM by a package of its own, under any key it had, or of another eIM of the tester.

    Raises:
        Refused: none of these packages is accepted.
    """
    peers = context.part(EimPeers)
    operations = [codec.encode("Eco", ("deleteEim", {"eimId": peer.eim_id}))]
    associated = [(name, one) for name, one in peers.by_name.items() if one.eim_id in known]
    for name, one in sorted(associated, key=lambda entry: entry[1].eim_id != peer.eim_id):
        counter = max(other.counter for _, other in associated if other.eim_id == one.eim_id) + 1
        context.change("to send an eUICC Package")
        outcome = load_euicc_package(context, Message(), eim=name, counter=counter, eco=operations)
        if isinstance(outcome.value, dict) and "results" in outcome.value:
            return
    raise Refused("no package of the tester's eIMs is accepted")


def _delete(context: Context, eim_id: str, token: int | None) -> None:
    """Whether it is gone is asked afterwards."""
    for peer in context.part(EimPeers).by_name.values():
        if peer.eim_id == eim_id:
            peer.token = token
            try:
                delete(context, peer, {peer.eim_id})
            except (Refused, CardError):
                fresh_isdr(context)


def _reset(context: Context) -> None:
    function = IOT_FUNCTIONS["euicc_memory_reset"]
    call(context, function, codec.encode(function.request, {"resetOptions": _EIM_CONFIGURATION}))


LEFTOVERS.add(_KIND, Associations())
