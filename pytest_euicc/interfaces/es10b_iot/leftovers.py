"""eIMs of the tester taken off a card: after a sequence, or after a run that was cut short (SGP.32 3.4, 3.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.errors import CardError
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.leftovers import LEFTOVERS
from pytest_euicc.conformance.engine.message import Message
from pytest_euicc.conformance.engine.profiles import fresh_isdr
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.es10b_iot.functions import Changed, call
from pytest_euicc.interfaces.es10b_iot.listed import eims_listed
from pytest_euicc.interfaces.es10b_iot.package import load_euicc_package
from pytest_euicc.peers.eim.peer import EimPeer, EimPeers

_KIND = "eim"
_NO_EMERGENCY = 2
"""profileNotInEnabledState (SGP.32 5.9.23)."""
_HIGHEST = 8388607
"""counterValue of the last package that an eIM can send (SGP.32 2.11.1.1): above whatever was sent before."""
_EIM_CONFIGURATION = (b"\x04", 6)
"""Bit 5 of resetOptions (SGP.32 5.9.5)."""
_CURVES = {curve.name: curve for curve in (ec.SECP256R1(), ec.BrainpoolP256R1(), ec.SECP384R1())}


def ask(context: Context, name: str, value: dict[str, Any], result: str) -> int:
    """The code that a function answers; raises Refused where it answers none."""
    function = IOT_FUNCTIONS[name]
    reply = call(context, function, codec.encode(function.request, value))
    if reply.received is None:
        raise Refused(f"{function.full_name} was answered with {reply.octets.hex().upper()} {reply.sw:04X}")
    return int(reply.received.value[result])


def end_emergency(context: Context) -> None:
    """As long as the emergency profile is enabled packages are refused (SGP.32 5.9.1)."""
    changed = context.part(Changed)
    if changed.emergency:
        changed.emergency = False
        with context.undoing("the emergency profile is enabled"):
            fresh_isdr(context)
            code = ask(context, "disable_emergency_profile", {"refreshFlag": False}, "disableEmergencyProfileResult")
            if code not in (0, _NO_EMERGENCY):
                raise Refused(f"the eUICC answered {code}")


def note(context: Context, peer: EimPeer) -> None:
    """Before an eIM of the tester can be associated: without its key nobody could delete it."""
    number = peer.key.private_numbers().private_value
    context.note(_KIND, {"id": peer.eim_id, "curve": peer.key.curve.name, "key": f"{number:x}"})


class Associations:
    """The eIMs that are associated."""

    def held(self, context: Context) -> list[str] | None:
        """Their identifiers; None for a card that is not declared as an IoT eUICC, or does not list them."""
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
    end_emergency(context)
    with context.undoing(f"the eIM {peer.eim_id} is associated"):
        isdr = fresh_isdr(context)
        peers = context.part(EimPeers)
        known = set(eims_listed(context))
        if peer.eim_id in known:
            # One whose counter is at its end cannot delete itself, so that this one does before it goes.
            for other in {one.eim_id: one for one in peers.by_name.values()}.values():
                if other.eim_id in known - {peer.eim_id} and other.counter >= _HIGHEST:
                    delete(context, other, known)
            _delete_or_reset(context, peer, known)
        for number in {*peers.answers, *_results_of(context, {one.eim_id for one in peers.by_name.values()})}:
            isdr.remove_notification_from_list(number)
        peers.answers.clear()


def _results_of(context: Context, eims: set[str]) -> Iterator[int]:
    """Numbers of the package results of some eIMs that the card keeps, as far as they can be read."""
    answer = context.channel(None).store_data(bytes.fromhex("BF2B04A0028200")).data
    with suppress(tlv.TlvError, UnicodeDecodeError):
        for result in tlv.within(answer, 0xBF51):
            for data in tlv.within(result.value, 0x30):
                parts = {part.tag: part.value for part in data.children()}
                if parts.get(0x80, b"").decode() in eims and 0x83 in parts:
                    yield int.from_bytes(parts[0x83], "big", signed=True)


def _delete_or_reset(context: Context, peer: EimPeer, known: set[str]) -> None:
    """By a package, or by a memory reset where no eIM but the tester's is associated."""
    try:
        delete(context, peer, known)
    except Refused:
        if known - {one.eim_id for one in context.part(EimPeers).by_name.values()}:
            raise
        _reset(context)
        if peer.eim_id in eims_listed(context):
            raise


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
