"""What an LPA must not let out, and the form in which a confirmation code may leave it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import TEXT, listing, mapping
from pytest_euicc.es9.binding import decode
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.record import Call

Part = Literal["target", "headers", "body"]
_PREPARE = "ES10b.PrepareDownload"
_HASH = 0x04


@action("lpad.secret")
def secret(
    context: Context,
    _message: Message,
    *,
    values: list[Any],
    card: bool = False,
    parts: list[Part] | None = None,
    before: str | None = None,
    scope: Literal["last", "all"] = "all",
) -> Outcome:
    """The LPA sent none of these values, as text, octets, hex or base64, or as a plain SHA-256 hash.

    Args:
        values: text or octets.
        card: whether APDUs are looked at as well, not only requests to servers.
        parts: of HTTP requests; all of them if left out.
        before: a function: only what was sent before it was first answered.
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
    """
    record = bench_of(context).record
    calls = record.calls if scope == "all" else record.since_mark()
    if before is not None:
        place = next((number for number, call in enumerate(calls) if call.name == before), len(calls))
        calls = calls[:place]
    found: dict[str, Mismatch] = {}
    for call in calls:
        for where, octets in _sent(call, card, parts or ["target", "headers", "body"]):
            for value in values:
                form = _contained(value, octets)
                if form:
                    shown = value.hex().upper() if isinstance(value, bytes) else value
                    found.setdefault(call.name, Mismatch(f"{call.name} {where}", f"nothing of {shown}", form))
    return Outcome(mismatches=tuple(found.values()))


@action("lpad.left_behind", response=mapping("left behind", found=listing(TEXT)))
def left_behind(context: Context, _message: Message, *, where: Literal["log", "files"], values: list[Any]) -> Outcome:
    """Which of these values are in what the LPA leaves on its device.

    Args:
        where: in its log, or in its files after it has been ended.
        values: text or octets.

    Returns:
        ``found``: a line for each value that is there, and in what form.
    """
    bench = bench_of(context)
    kept = {"log": bench.log().encode()} if where == "log" else bench.left_files()
    found = []
    for name, octets in kept.items():
        for value in values:
            form = _contained(value, octets)
            if form:
                shown = value.hex().upper()[:40] if isinstance(value, bytes) else value
                found.append(f"{shown} {form} in {name}")
    return Outcome(value={"found": found}, shape=mapping("left behind", found=listing(TEXT)))


def _sent(call: Call, card: bool, parts: list[Part]) -> Iterator[tuple[str, bytes]]:
    if call.peer == "card" and card:
        yield "request", call.request
    if call.http is None:
        return
    if "target" in parts:
        yield "target", call.http.target.encode()
    if "headers" in parts:
        for name, value in call.http.headers.items():
            yield f"header {name}", value.encode()
    if "body" in parts:
        yield "body", call.http.body
        yield from _members(call.http.body)


def _members(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return
    for name, value in members.items() if isinstance(members, dict) else ():
        try:
            yield f"member {name}", decode(value)
        except (TypeError, ValueError):
            continue


def _contained(value: Any, octets: bytes) -> str:
    """The form in which a value is there; empty where it is not."""
    plain = value if isinstance(value, bytes) else str(value).encode()
    forms = {
        "as it is": plain,
        "in hex": plain.hex().encode(),
        "in capital hex": plain.hex().upper().encode(),
        "in base64": base64.b64encode(plain).rstrip(b"="),
        "as SHA-256": hashlib.sha256(plain).digest(),
        "as SHA-256 in hex": hashlib.sha256(plain).hexdigest().encode(),
    }
    return next((name for name, form in forms.items() if form in octets), "")


@action("lpad.hash_cc")
def hash_cc(context: Context, _message: Message, *, code: str | None = None, optional: bool = False) -> Outcome:
    """hashCc of the last PrepareDownload is SHA-256(SHA-256(code) | transactionId) (SGP.22 5.7.5).

    Args:
        code: the confirmation code; without it there must be no hashCc.
        optional: PrepareDownload need not have been called.
    """
    calls = [call for call in bench_of(context).record.since_mark() if call.name == _PREPARE]
    if not calls:
        return Outcome() if optional else Outcome(mismatches=(Mismatch(_PREPARE, "a call", "it was not called"),))
    try:
        children = tlv.parse(calls[-1].request).children()
        hashes = [child.value for child in children if child.tag == _HASH]
        transaction_id = bytes(codec.decode("SmdpSigned2", children[0].octets)["transactionId"])
    except (codec.Asn1Error, tlv.TlvError, IndexError) as error:
        return Outcome(sent=calls[-1].request, mismatches=(Mismatch(_PREPARE, "a request (SGP.22 5.7.5)", str(error)),))
    wanted = [] if code is None else [_hash(code, transaction_id)]
    if hashes == wanted:
        return Outcome(sent=calls[-1].request)
    shown = [", ".join(each.hex().upper() for each in some) or "none" for some in (wanted, hashes)]
    return Outcome(sent=calls[-1].request, mismatches=(Mismatch("hashCc", shown[0], shown[1]),))


def _hash(code: str, transaction_id: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(code.encode()).digest() + transaction_id).digest()
