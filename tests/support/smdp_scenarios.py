"""A server with defects and a peer for it: what the tests of its defects start from."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import UPP, InProcess, Peer

BAD = bytes(63) + b"\1"
Make = Callable[..., Peer]


def service(defects: frozenset[str], **profile: Any) -> SmdpService:
    entry = {"octets": UPP, "matching_id": "AC"} | profile
    inventory = Inventory.model_validate({"profiles": [entry]})
    return SmdpService(inventory, defects=defects, random=random.Random(1).randbytes)


def maker(defects: frozenset[str]) -> Make:
    def make(profile: dict[str, Any] | None = None, **fields: Any) -> Peer:
        return Peer(InProcess(service(defects, **(profile or {}))), **fields)

    return make


def error_alternative(peer: Peer, type_name: str) -> bytes:
    """What an eUICC sends that refused: the error alternative of a response, for the session of the peer."""
    transaction = bytes.fromhex(peer.transaction)
    values: dict[str, tuple[str, Any]] = {
        "AuthenticateServerResponse": (
            "authenticateResponseError",
            {"transactionId": transaction, "authenticateErrorCode": "undefinedError"},
        ),
        "PrepareDownloadResponse": (
            "downloadResponseError",
            {"transactionId": transaction, "downloadErrorCode": "undefinedError"},
        ),
        "CancelSessionResponse": ("cancelSessionResponseError", "undefinedError"),
    }
    return codec.encode(type_name, values[type_name])


def after_initiate(peer: Peer) -> Peer:
    assert not peer.initiate().failed
    return peer


def after_authenticate(peer: Peer) -> Peer:
    assert not peer.begin("AC").failed
    return peer
