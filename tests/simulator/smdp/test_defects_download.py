"""Each defect of the SM-DP+ in packages, notifications and cancelling shows, and only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bpp_opening import BppFault
from pytest_euicc.rsp.bsp import LARGEST_SEGMENT
from pytest_euicc.rsp.signatures import CURVES
from pytest_euicc.simulator.smdp.defects.download import OF_DOWNLOADS
from tests.support.smdp_peer import ICCID, UPP, Peer
from tests.support.smdp_scenarios import BAD, Make, after_authenticate, error_alternative, maker

CODE = {"confirmation_code": "1"}
# The last segment of the profile is of whole blocks.
WHOLE_BLOCKS = {"octets": UPP + bytes(-(len(UPP) % 1007) % 16)}
LONG = {"metadata": {"icon": "00" * 1024}}
OTHER_ID = bytes(16)
INTERRUPTED = ("loadProfileElements", "installFailedDueToInterruption")
Scenario = Callable[[Make], object]


def longest(reply: Any) -> int:
    """Octets of the longest segment of a package."""
    sequences = tlv.parse(reply.octets_of("boundProfilePackage")).children()[1:]
    return max(len(segment.octets) for sequence in sequences for segment in sequence.children())


def opened(peer: Peer, reply: Any = None) -> object:
    """What an eUICC makes of a package: the kind of its fault, or what it holds."""
    if reply is None:
        reply = after_authenticate(peer).package()
    if reply.failed:
        return reply.status_code
    try:
        package = peer.open(reply)
    except BppFault as fault:
        return fault.kind
    assert peer.authenticated is not None
    announced = package.metadata == peer.authenticated.octets_of("profileMetadata")
    own_keys = package.random_keys == package.session_keys
    return package.profile == UPP, announced, package.configure, own_keys, longest(reply) > LARGEST_SEGMENT


def codes(peer: Peer, count: int, confirmation_code: str | None) -> list[str]:
    found = []
    for _ in range(count):
        begun = peer.begin("AC")
        found.append(begun.status_code if begun.failed else peer.package(confirmation_code).status_code)
    return found


def retried(peer: Peer, *, same_key: bool, code: str | None = None, then: str | None = None) -> object:
    """What the second download gives, and whether the server's one-time key is that of the first.

    ``then``: the second confirmation code, where it is another.
    """
    first = peer.open(after_authenticate(peer).package(code))
    key = peer.one_time_key if same_key else None
    peer.begin("AC")
    reply = peer.package(then or code, otpk=key)
    seen = opened(peer, reply)
    again = isinstance(seen, tuple) and peer.open(reply).smdp_otpk == first.smdp_otpk
    return seen, again


def keys_of(peer: Peer) -> object:
    """Which of a server's keys are those that a defect makes constant."""
    package = peer.open(after_authenticate(peer).package())
    assert package.random_keys is not None
    constant = signatures.private_key_from(bytes(32), CURVES["nist"])
    return package.random_keys.encryption == bytes(16), package.smdp_otpk == signatures.public_point(constant)


def settled(peer: Peer, error: tuple[str, str] | None = None, times: int = 1, **changes: Any) -> list[object]:
    """How results are answered, and what the next session is told."""
    assert not after_authenticate(peer).package().failed
    result = peer.result(error, **changes)
    answers: list[object] = []
    for _ in range(times):
        reply = peer.client.handle_notification(result)
        answers.append((reply.status, reply.status_code))
    return [*answers, peer.begin("AC").status_code]


def unverified(peer: Peer) -> list[object]:
    after_authenticate(peer).package()
    good = peer.result()
    reply = peer.client.handle_notification(good[: -len(BAD)] + BAD)
    return [reply.status, peer.begin("AC").status_code]


def notified(peer: Peer, iccid: bytes = ICCID, signature: bytes | None = None) -> int:
    octets = peer.other_notification("notificationEnable", iccid, signature)
    return peer.client.handle_notification(octets).status


def cancelled(peer: Peer, reason: str, *, bound: bool = False, **how: Any) -> list[str]:
    """The answers to a session cancelled twice, and what the next session is told."""
    after_authenticate(peer)
    if bound:
        assert not peer.package().failed
    first, second = peer.cancel(reason, **how), peer.cancel(reason, **how)
    return [first.status_code, second.status_code, peer.begin("AC").status_code]


def another_id(peer: Peer) -> list[str]:
    """What is said to a transactionId in JSON that is of no session."""
    response = after_authenticate(peer).response2()
    answered = peer.client.get_bound_profile_package("00" * 16, response).status_code
    return [answered, peer.client.cancel_session("00" * 16, peer.cancelled("postponed")).status_code]


def error_of(name: str) -> str:
    return name.removesuffix("-not-acknowledged").removesuffix("-ends-order")


SCENARIOS: dict[str, Scenario] = {
    "ignores-euicc-signature2": lambda make: after_authenticate(make()).package(signature=BAD).status_code,
    "finds-session-by-signed-id": lambda make: another_id(make()),
    "ignores-confirmation-code": lambda make: codes(make(CODE), 1, "2"),
    "takes-missing-code": lambda make: codes(make(CODE), 1, None),
    "unlimited-confirmation-codes": lambda make: codes(make(CODE), 4, "2"),
    "forgets-code-on-retry": lambda make: retried(make(CODE), same_key=True, code="1", then="2"),
    "hashes-code-with-first-id": lambda make: retried(make(CODE), same_key=True, code="1"),
    "binds-again-at-any-rate": lambda make: retried(make({"rebinding": False}), same_key=False),
    "refuses-same-key": lambda make: retried(make(), same_key=True),
    "bpp-padding-left-out": lambda make: opened(make(WHOLE_BLOCKS)),
    "long-segments": lambda make: opened(make(LONG)),
    "metadata-cut-off": lambda make: opened(make(LONG)),
    "keys-before-metadata": lambda make: opened(make({"keys": "random"})),
    "session-keys-as-random": lambda make: opened(make({"keys": "random"})),
    "random-keys-for-all": lambda make: keys_of(make({"keys": "random"})),
    "one-time-key-for-all": lambda make: keys_of(make({"keys": "random"})),
    "longer-lengths": lambda make: after_authenticate(make()).package().octets_of("boundProfilePackage")[2],
    "new-random-keys-on-retry": lambda make: retried(make({"keys": "random"}), same_key=True),
    "keeps-first-binding": lambda make: retried(make(), same_key=False),
    "keeps-secure-channel": lambda make: retried(make(), same_key=True),
    "reuses-one-time-key": lambda make: retried(make(), same_key=False),
    "one-time-key-on-p256": lambda make: opened(make(curve="brainpool")),
    "notification-answers-200": lambda make: make().client.handle_notification(b"").status,
    "ignores-result-signature": lambda make: unverified(make()),
    "refuses-unverified-results": lambda make: unverified(make()),
    "success-leaves-order": lambda make: settled(make()),
    "loses-results-not-asked-for": lambda make: settled(make()),
    "loses-brainpool-results": lambda make: settled(make(curve="brainpool")),
    "applies-results-by-iccid": lambda make: settled(make(), transactionId=OTHER_ID),
    "refuses-unknown-results": lambda make: settled(make(), transactionId=OTHER_ID),
    "counts-results-twice": lambda make: settled(make({"tries": 2}), INTERRUPTED, times=2),
    "breaks-on-unverified-results": lambda make: unverified(make()),
    "lasting-failure-leaves-order": lambda make: settled(make(), ("configureISDP", "scp03tStructureError")),
    "breaks-on-notifications-badly-signed": lambda make: notified(make(), signature=BAD),
    "refuses-notifications-badly-signed": lambda make: notified(make(), signature=BAD),
    "breaks-on-notifications-under-unknown-ci": lambda make: notified(make(kind="eum-unknown-ci")),
    "refuses-notifications-under-unknown-ci": lambda make: notified(make(kind="eum-unknown-ci")),
    "breaks-on-download-error": lambda make: (
        (peer := after_authenticate(make()))
        .client.get_bound_profile_package(peer.transaction, error_alternative(peer, "PrepareDownloadResponse"))
        .status
    ),
    "breaks-on-cancel-error": lambda make: (
        (peer := after_authenticate(make()))
        .client.cancel_session(peer.transaction, error_alternative(peer, "CancelSessionResponse"))
        .status
    ),
    "refuses-other-notifications": lambda make: notified(make()),
    "refuses-unknown-notifications": lambda make: notified(make(), bytes(10)),
    "ignores-cancel-signature": lambda make: cancelled(make(), "timeout", signature=BAD),
    "ignores-cancel-oid": lambda make: cancelled(make(), "timeout", smdpOid="2.999.12"),
    "unverified-cancel-ends-order": lambda make: cancelled(make(), "endUserRejection", signature=BAD),
    "keeps-session-after-cancel": lambda make: cancelled(make(), "timeout"),
    "refuses-cancel-after-package": lambda make: cancelled(make(), "timeout", bound=True),
    "refuses-brainpool-cancel": lambda make: cancelled(make(curve="brainpool"), "timeout"),
}


def scenario(name: str) -> Scenario:
    """What shows a defect: for most the one of its name, for families what they have in common."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    if name.startswith("bpp-"):
        return lambda make: opened(make(LONG | {"keys": "random"}))
    if name in ("postponed-ends-order", "timeout-ends-order"):
        return lambda make: cancelled(make(), error_of(name))
    if name.startswith("keeps-order-after-"):
        return lambda make: cancelled(make(), name.removeprefix("keeps-order-after-"))
    if name.endswith(("-not-acknowledged", "-ends-order")):
        return lambda make: settled(make(), ("loadProfileElements", error_of(name)))
    return lambda make: opened(make())


NAMES = [defect.name for defect in OF_DOWNLOADS]


@pytest.mark.parametrize("name", NAMES)
def test_a_defect_shows(name: str) -> None:
    shows = scenario(name)
    assert shows(maker(frozenset())) != shows(maker(frozenset({name})))


def test_no_scenario_is_left_over() -> None:
    assert SCENARIOS.keys() <= set(NAMES)
