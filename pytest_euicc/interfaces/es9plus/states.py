"""States of an SM-DP+: the profile it holds, and how far a session has come (SGP.22 3.1.2, 3.1)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from pytest_euicc.conformance.engine.arguments import Makes, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import ACTIONS, state
from pytest_euicc.conformance.files.metadata import IconOctets, MetadataWords
from pytest_euicc.conformance.files.orders import Curve, HeldOrder, Keys, OrderWish
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.peers.euicc import EuiccPeer

OTHER_EID = bytes.fromhex("89049032000000000000000000000163")
"""An EID that the tester's certificate does not name."""
Use = Literal["activation code", "default address", "event"]


@state("order")
def order(
    context: Context,
    *,
    use: Use = "activation code",
    matching_id: bool = True,
    eid: Literal["any", "ours", "another"] | None = None,
    confirmation_code: str | None = None,
    confirmation_tries: int | None = None,
    tries: int | None = None,
    state: str = "Released",
    expired: bool = False,
    keys: Keys | None = None,
    rebinding: bool = True,
    memory: Annotated[int, Field(ge=0)] = 0,
    metadata: MetadataWords | None = None,
    icon: IconOctets = 0,
    consumed: bool = False,
    as_: Annotated[SaveAs, Makes("order")] = "order",
) -> Generator[None, None, None]:
    """The SM-DP+ holds a profile for the tester's eUICC.

    It comes from the provisioning hook, from ES2+ or from the inventory of the declaration. Inconclusive if there is
    none.

    Args:
        use: how the eUICC asks for it; with the default address the server finds it by EID alone (SGP.22 3.1.3).
        matching_id: ``false``: an activation code or event without matchingId, so that the server finds it by EID
            alone.
        eid: the EID it is reserved for; by default ``any`` with an activation code, ``ours`` otherwise.
        confirmation_code: that it needs.
        confirmation_tries: wrong confirmation codes allowed.
        tries: downloads allowed.
        state: state of the profile (SGP.22 3.1.6).
        expired: whether the order has expired.
        keys: session keys, or ``random`` for ReplaceSessionKeys; either if left out.
        rebinding: whether the SM-DP+ binds the profile again for another one-time key.
        memory: free memory in bytes that the profile needs.
        metadata: properties of the profile, in the format of an inventory.
        icon: size of its icon in bytes.
        consumed: whether the sequence uses it up.
        as: saves ``matchingId``, ``confirmationCode`` and ``iccid`` as far as they are known.
    """
    peer = context.part(EuiccPeer)
    without = use == "default address" or not matching_id
    bound = eid or ("ours" if without or use == "event" else "any")
    wish = OrderWish(
        matching_id="" if without else None,
        eid={"any": None, "ours": peer.eid, "another": OTHER_EID}[bound],
        event=use == "event",
        confirmation_code=confirmation_code,
        confirmation_tries=confirmation_tries,
        tries=tries,
        state=state,
        expired=expired,
        keys=keys,
        rebinding=rebinding,
        metadata=metadata or {},
        icon=icon,
        memory=memory,
        consumed=consumed,
    )
    held = context.smdp.offer(wish)
    peer.order = held
    context.part(Orders).by_name[as_] = held
    known = {"matchingId": held.matching_id, "confirmationCode": held.confirmation_code, "iccid": held.iccid}
    context.save(as_, {name: value for name, value in known.items() if value is not None})
    yield


@dataclass
class Orders:
    """Orders of the sequence by the names that states gave them."""

    by_name: dict[str, HeldOrder] = field(default_factory=dict)


@state("session_initiated")
def session_initiated(context: Context, *, curve: Curve = "nist") -> Generator[None, None, None]:
    """An RSP session is open: InitiateAuthentication has succeeded.

    Args:
        curve: of the session.
    """
    _reach(context, "es9plus.initiate_authentication", {"curve": curve})
    yield


@state("client_authenticated")
def client_authenticated(context: Context, *, curve: Curve = "nist") -> Generator[None, None, None]:
    """Both sides are authenticated: AuthenticateClient has succeeded for the order.

    Args:
        curve: of the session.
    """
    _reach(context, "es9plus.initiate_authentication", {"curve": curve})
    _reach(context, "es9plus.authenticate_client", {})
    yield


@state("package_bound")
def package_bound(context: Context, *, curve: Curve = "nist") -> Generator[None, None, None]:
    """GetBoundProfilePackage has succeeded.

    Args:
        curve: of the session.
    """
    _reach(context, "es9plus.initiate_authentication", {"curve": curve})
    _reach(context, "es9plus.authenticate_client", {})
    _reach(context, "es9plus.get_bound_profile_package", {})
    yield


@state("session_postponed")
def session_postponed(context: Context, *, curve: Curve = "nist") -> Generator[None, None, None]:
    """A session was cancelled with the reason postponed: CancelSession has succeeded, and the order stays open.

    For sequences that do not judge whether CancelSession itself works.

    Args:
        curve: of the session.
    """
    _reach(context, "es9plus.initiate_authentication", {"curve": curve})
    _reach(context, "es9plus.authenticate_client", {})
    _reach(context, "es9plus.cancel_session", {}, {"reason": "postponed"})
    yield


def _reach(context: Context, name: str, arguments: dict[str, Any], with_: dict[str, Any] | None = None) -> None:
    """Run an action that must succeed."""
    outcome: Outcome = ACTIONS.get(name)(context, Message(with_), arguments)
    if outcome.status != "success" or outcome.mismatches:
        reported = "; ".join(map(str, outcome.mismatches)) or describe(outcome.value.get("message", ""))
        if outcome.status == "8.8.1/3.8":
            reported += f"; {context.smdp.address} was asked for: addresses.smdp of the declaration is its own name"
        raise Refused(f"{name}: {outcome.status} {reported}")
