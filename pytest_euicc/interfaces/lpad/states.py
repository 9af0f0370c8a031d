"""States of the bench of an LPA: the profiles that servers hold, scripted answers, the user."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any, Literal

from pydantic import Field

from pytest_euicc.conformance.engine.arguments import Hex, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.registry import state
from pytest_euicc.conformance.files.metadata import IconOctets, MetadataWords
from pytest_euicc.conformance.files.orders import Keys, OrderWish
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.layout import Layout
from pytest_euicc.peers.lpa.script import Meanwhile, Rule
from pytest_euicc.peers.lpa.tls import Ending, Shown, TlsRule
from pytest_euicc.peers.lpa.transport import Transport
from pytest_euicc.peers.lpa.user import Reply
from pytest_euicc.peers.smdp.content import build
from pytest_euicc.rsp.iccid import to_digits


@state("lpad.order")
def order(
    context: Context,
    *,
    address: str | None = None,
    matching_id: str | None = None,
    keys: Keys | None = None,
    confirmation_code: str | None = None,
    confirmation_tries: int | None = None,
    tries: int | None = None,
    state: str = "Released",
    expired: bool = False,
    metadata: MetadataWords | None = None,
    icon: IconOctets = 0,
    octets: Annotated[int, Field(ge=0)] = 0,
    memory: Annotated[int, Field(ge=0)] = 0,
    iccid: Hex | None = None,
    for_card: bool = False,
    event: bool = False,
    as_: SaveAs = "order",
) -> Generator[None, None, None]:
    """An SM-DP+ of the bench holds a profile.

    Args:
        address: of another SM-DP+ than that of the bench.
        matching_id: in the activation code; any if left out, empty for an order that is found by the EID alone.
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        confirmation_code: that the order needs.
        confirmation_tries: wrong confirmation codes allowed.
        tries: downloads allowed.
        state: of the profile (SGP.22 3.1.6).
        expired: whether the order has expired.
        metadata: of the profile, in the format of an inventory.
        icon: size of an icon in bytes.
        octets: minimum size of the package.
        memory: free memory that the profile needs.
        iccid: of the profile, ten octets as on the card.
        for_card: whether it is for the EID of the bench's card alone.
        event: whether it is registered at the SM-DS of the bench.
        as: saves ``code`` (the activation code), ``address``, ``matchingId``, ``iccid`` and ``digits``.
    """
    bench = bench_of(context)
    wish = OrderWish(
        matching_id=matching_id,
        eid=bench.eid if for_card or matching_id == "" else None,
        event=event,
        keys=keys,
        confirmation_code=confirmation_code,
        confirmation_tries=confirmation_tries,
        tries=tries,
        state=state,
        expired=expired,
        metadata=metadata or {},
        icon=icon,
        octets=octets,
        memory=memory,
        package=build({"iccid": iccid}) if iccid is not None else None,
    )
    held = bench.offer(wish, address)
    where = address or bench.address
    known: dict[str, Any] = {
        "code": f"LPA:1${where}${held.matching_id}",
        "address": where,
        "matchingId": held.matching_id,
        "oid": bench.smdp_oid(address),
    }
    if held.iccid is not None:
        known |= {"iccid": held.iccid, "digits": to_digits(held.iccid)}
    context.save(as_, known)
    yield


@state("lpad.smdp")
def smdp(
    context: Context,
    *,
    address: str | None = None,
    defects: list[str] | None = None,
    variants: list[str] | None = None,
) -> Generator[None, None, None]:
    """An SM-DP+ of the bench has defects or permitted variants, or there is a further SM-DP+.

    Args:
        address: of the SM-DP+; that of the bench if left out.
        defects: names of defects of the simulated SM-DP+.
        variants: names of its permitted variants.
    """
    bench_of(context).set_server(address, defects, variants)
    yield


@state("lpad.smds")
def smds(
    context: Context,
    *,
    address: str | None = None,
    events: list[dict[str, str]] | None = None,
    defects: list[str] | None = None,
) -> Generator[None, None, None]:
    """There is an SM-DS with events for the card.

    Args:
        address: of the SM-DS; the root SM-DS address of the card if left out.
        events: each with its ``event_id`` and the ``address`` of the server that has it.
        defects: names of defects of the simulated SM-DP+, for what both servers do alike.
    """
    bench_of(context).offer_events(address, events or [], defects or ())
    yield


@state("lpad.tls")
def tls(
    context: Context,
    *,
    host: str | None = None,
    certificate: Shown = "valid",
    minimum: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2",
    maximum: Literal["1.1", "1.2", "1.3"] = "1.3",
    suites: str | None = None,
    ends: Ending | None = None,
    connection: Annotated[int, Field(ge=1)] = 1,
    direct: bool = False,
    http2: bool = False,
) -> Generator[None, None, None]:
    """Servers are reached over TLS, with these properties; every handshake is recorded.

    Args:
        host: of the server; every server if left out.
        certificate: what is shown in place of a valid CERT.DP.TLS for the host.
        minimum: lowest version of TLS.
        maximum: highest version of TLS.
        suites: up to TLS 1.2, in OpenSSL's notation.
        ends: the server ends the handshake: ``closes`` the connection, or with an ``alert``; ``unreachable``: nothing
            listens at port 443, while port 80 is open.
        connection: from which connection to the host on, counted from 1.
        http2: HTTP/2 is offered as well (RFC 9113 3.2).
        direct: the LPA knows of no proxy; not applicable where its driver leads it to the servers by one.
    """
    bench_of(context).use_tls(
        TlsRule(
            host=host, certificate=certificate, minimum=minimum, maximum=maximum, suites=suites, ends=ends,
            connection=connection, http2=http2,
        ),
        direct=direct,
    )  # fmt: skip
    yield


@state("lpad.user")
def user(
    context: Context, *, consent: Reply = "yes", confirmation_code: str | None = None, answers_code: bool = True
) -> Generator[None, None, None]:
    """How the user answers the LPA; without this state with yes, and there is no confirmation code.

    Args:
        consent: ``yes``, ``no``, ``not now``, or ``nothing`` for a user who does not answer.
        confirmation_code: that the user enters.
        answers_code: ``false``: the user does not answer the prompt for the code.
    """
    found = bench_of(context).user
    found.consent, found.confirmation_code, found.answers_code = consent, confirmation_code, answers_code
    yield


@state("lpad.answer")
def answer(
    context: Context,
    *,
    function: str,
    host: str | None = None,
    nth: int | None = None,
    block: int | Literal["middle"] | None = None,
    sw: Hex | None = None,
    octets: Hex | None = None,
    value: Any = None,
    with_: Any = None,
    tamper: list[dict[str, Any]] | dict[str, list[dict[str, Any]]] | None = None,
    status: str | None = None,
    message: str = "scripted",
    json: dict[str, Any] | None = None,
    without: list[str] | None = None,
    layout: Layout | None = None,
    mutate: int | None = None,
    http: int | None = None,
    headers: dict[str, str] | None = None,
    body: str | None = None,
    transport: Transport | None = None,
    delay: float = 0.0,
    cut: Literal["before", "after", "inside"] | None = None,
    power_cut: Literal["before", "after"] | None = None,
    meanwhile: Meanwhile | None = None,
    code: str = "",
) -> Generator[None, None, None]:
    """Card or server gives a scripted answer to a function.

    Args:
        function: its name in the record, or a pattern: ``ES9+.AuthenticateClient``, ``ES9+.*``, ``SELECT``.
        host: of servers: only this one.
        nth: only this call, counted from here; every one if left out.
        block: of STORE DATA: only this block, from 0, or ``middle``.
        sw: status word in place of the answer.
        octets: answer of the card in place of its own; empty for 9000 without data.
        value: answer of the card in place of its own, as a value.
        with: overlays the value that is answered; for a server by the names of its members.
        tamper: operations on the octets of a card's answer, or by member on those of a server's.
        status: of a server: refuses with this code, such as 8.1/6.1.
        message: of that refusal.
        json: members that replace those of a server's answer, unchanged.
        without: members to omit.
        layout: the JSON of a server's answer, written differently.
        mutate: seed of a fault in a server's answer, another one each time: in its JSON or in the octets of a member.
        http: HTTP status in place of the answer.
        headers: HTTP headers in addition to or in place of the usual ones.
        body: HTTP body in place of the answer.
        transport: over HTTPS (``lpad.tls``), another HTTP/1.1 transfer form of the answer.
        delay: seconds before the answer.
        cut: the connection ends ``before`` the request is carried out, ``after`` it, or ``inside`` the answer.
        power_cut: the card loses its power ``before`` the command is carried out or ``after`` it.
        meanwhile: what happens before the LPA continues: ``abort`` or ``refusal`` (of what is asked from now on) by the
            user, another ``download``, ``kill`` of the LPA, ``another card`` in the reader, a ``card reset`` by the
            modem, a ``profile switch`` or ``memory reset`` by another application.
        code: activation code of that download.
    """
    given = {
        "host": host, "nth": nth, "block": block, "sw": sw, "octets": octets, "value": value, "with": with_,
        "tamper": tamper, "status": status, "message": message, "json": json, "without": without, "layout": layout,
        "mutate": mutate,
        "http": http, "headers": headers, "body": body, "transport": transport, "delay": delay, "cut": cut,
        "power_cut": power_cut, "meanwhile": meanwhile, "code": code,
    }  # fmt: skip
    bench_of(context).script.add(
        Rule.model_validate({"function": function} | {name: each for name, each in given.items() if each is not None})
    )
    yield


__all__ = ["answer", "order", "smdp", "user"]
