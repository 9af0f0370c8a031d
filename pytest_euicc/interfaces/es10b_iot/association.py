"""ES10b.AddInitialEim as an action (SGP.32 5.9.4)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.resolve import merge
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.es10.functions import outcome_of
from pytest_euicc.interfaces.es10b_iot.functions import call
from pytest_euicc.peers.eim.peer import EimPeer, EimPeers

_ADD = IOT_FUNCTIONS["add_initial_eim"]


@action("es10b_iot.add_initial_eim", request=_ADD.request, response=_ADD.response, changes=True)
def add_initial_eim(context: Context, message: Message, *, eims: list[str | dict[str, Any]]) -> Outcome:
    """ES10b.AddInitialEim (SGP.32 5.9.4).

    Args:
        eims: names of eIMs, by the state ``eim``; ``{eim1: {…}}`` overlays its EimConfigurationData.
    """
    peers = context.part(EimPeers)
    chosen: list[EimPeer] = []
    configurations: list[dict[str, Any]] = []
    for entry in eims:
        name, overlay = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
        peer = peers.get(name)
        configuration = context.variables[name]["configuration"]
        chosen.append(peer)
        configurations.append(merge(configuration, overlay, asn1_shape("EimConfigurationData")))
    request = message.encode(_ADD.request, {"eimConfigurationDataList": configurations})
    outcome = outcome_of(call(context, _ADD, request.octets, message.channel), request.value)
    if outcome.value is not None and outcome.value[0] == "addInitialEimOk":
        for peer, configuration, answer in zip(chosen, configurations, outcome.value[1], strict=False):
            peer.token = answer[1] if answer[0] == "associationToken" else None
            peer.counter = configuration.get("counterValue", 0)
    return outcome
