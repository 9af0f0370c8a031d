"""ES10b.LoadEuiccPackage as an action: a package of the tester's eIM, and what holds of every answer (SGP.32 5.9.1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Hex, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.resolve import ValueMistake, merge
from pytest_euicc.conformance.values.shapes import NUMBER, OCTETS, TEXT, Shape, asn1_shape, listing, mapping
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.conformance.values.text import describe, parse_hex, to_json
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.download.signatures import signature_mismatches
from pytest_euicc.interfaces.es10.functions import outcome_of
from pytest_euicc.interfaces.es10b_iot.functions import Changed, Refresh, await_refresh, call, refreshing
from pytest_euicc.peers.eim.peer import (
    EimPeer,
    EimPeers,
    PackageParts,
    operation_list,
    token_octets,
    whole_package,
)

_LOAD = IOT_FUNCTIONS["load_euicc_package"]
_ORDER = bytes.fromhex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
"""Of the group of P-256."""

_OVERFLOW = 1
_IMMEDIATE = b"\xa7"
_LISTS = (0xA0, 0xA1)

Signature = Literal["right", "der", "missing", "r zero", "s zero", "r too large", "one bit"]


def _operations(type_name: str) -> Callable[[Any], list[bytes]]:
    """Encoded operations from what a vector writes: values of the type, or whole TLVs in hex."""

    def read(given: Any) -> list[bytes]:
        if not isinstance(given, list):
            raise ValueError("write a list of operations, such as [{ listEim: {} }]")  # noqa: TRY004
        shape = asn1_shape(type_name)
        return [
            parse_hex(entry) if isinstance(entry, str | bytes) else codec.encode(type_name, merge(None, entry, shape))
            for entry in given
        ]

    return read


Psmos = Annotated[list[bytes], BeforeValidator(_operations("Psmo"), json_schema_input_type=list[Any])]
Ecos = Annotated[list[bytes], BeforeValidator(_operations("Eco"), json_schema_input_type=list[Any])]


def answer_shape() -> Shape:
    """What ``expect`` sees of a package result: results, a signed error or an unsigned one."""
    return mapping(
        "eUICC Package Result",
        results=listing(asn1_shape("EuiccResultData")),
        error=asn1_shape("EuiccPackageErrorDataSigned.euiccPackageErrorCode"),
        refused=asn1_shape("EuiccPackageErrorUnsigned"),
        seqNumber=NUMBER,
        counterValue=NUMBER,
        eimId=TEXT,
        eimTransactionId=OCTETS,
        octets=OCTETS,
        resultOctets=NUMBER,
    )


@action(
    "es10b_iot.load_euicc_package",
    tampered="EuiccPackageRequest",
    response=Shape("sequence", "eUICC Package Result", parts=lambda: answer_shape().fields),
    changes=True,
)
def load_euicc_package(
    context: Context,
    message: Message,
    *,
    eim: str = "eim1",
    psmo: Psmos | None = None,
    eco: Ecos | None = None,
    counter: int | None = None,
    counter_octets: Hex | None = None,
    step: int = 1,
    eid: Hex | None = None,
    eim_id: str | None = None,
    eim_id_octets: Hex | None = None,
    transaction_id: Hex | None = None,
    no_transaction_id: bool = False,
    token: int | None = None,
    without_token: bool = False,
    signer: str | None = None,
    signature: Signature = "right",
    extra: Hex = b"",
    size: int | None = None,
    oversize: int = 0,
    times: int = 1,
    within: int | None = None,
    first: Psmos | None = None,
    odd_order: bool = False,
    record: SaveAs | None = None,
    again: str | None = None,
    send: bool = True,
    refresh: Refresh = "performed",
) -> Outcome:
    """ES10b.LoadEuiccPackage (SGP.32 5.9.1) with a package that the tester's eIM signs.

    Whatever is expected, a signed answer must repeat eimId, counter and transaction of the package, its signature must
    cover the received data and the association token, and the sequence number must be higher than any before.
    ``tamper`` changes the whole package after it is signed.

    Args:
        eim: name of the eIM, by the state ``eim_associated``.
        psmo: profile state management operations, each as a value of Psmo or as a whole TLV in hex.
        eco: eIM configuration operations, in the same way.
        counter: counterValue; by default the one used last and ``step``.
        counter_octets: the content of counterValue as written.
        step: what is added to the counter used last.
        eid: in place of the declared one.
        eim_id: in place of the eIM's own.
        eim_id_octets: the content of eimId as written.
        transaction_id: eimTransactionId; by default 16 fresh bytes.
        no_transaction_id: leave it out.
        token: the association token that is signed, in place of the configured one.
        without_token: sign the package data alone.
        signer: name of the eIM whose key signs.
        signature: what is wrong with the signature.
        extra: bytes at the end of the signed part, which the signature covers.
        size: bytes of the whole package; filled up by a listProfileInfo for no profile with a long tag list.
        oversize: bytes that are added to ``size``.
        times: how often the operations of ``psmo`` are in the package.
        within: bytes of the largest package; ``times`` is lowered to what fits.
        first: operations before all these, once.
        odd_order: eidValue comes before eimId.
        record: keep the package under this name.
        again: send a package that was kept under this name.
        send: ``false``: only record it.
        refresh: what the device does with a REFRESH: ``performed``; ``pending``: it stays until ``card.fetch``;
            ``failed``: TERMINAL RESPONSE with a temporary problem.

    Returns:
        ``results`` of a signed result, without a processingTerminated behind a failed operation; ``error``, the code
        of a signed error; ``refused``, an unsigned error; ``octets``, the answer as received.
    """
    peers = context.part(EimPeers)
    peer = peers.get(eim)
    header: dict[str, Any] = {
        "eimId": eim_id_octets if eim_id_octets is not None else eim_id or peer.eim_id,
        "eidValue": eid if eid is not None else _eid(context),
        "counterValue": peer.counter + step if counter is None else counter,
    }
    if counter_octets is not None:
        header["counterValue"] = counter_octets
    if not no_transaction_id:
        header["eimTransactionId"] = peers.transaction_id() if transaction_id is None else transaction_id
    if size is not None:
        psmo = [*(psmo or ()), _filler(header, [*(psmo or ())], size + oversize)]
    if within is not None and psmo:
        times = _fitting(header, [*(first or ())], psmo, times, within)
    lists = b"" if psmo is None else operation_list("Psmo", [*(first or ()), *psmo * times])
    lists += b"" if eco is None else operation_list("Eco", eco)
    parts = PackageParts(header, lists, extra, odd_order=odd_order)
    package = _signed(parts, peer, peers.get(signer or eim), token, without_token=without_token, signature=signature)
    package = tamper(package, message.tamper, "EuiccPackageRequest")
    if again is not None:
        package = peers.recorded[again]
    if record is not None:
        peers.recorded[record] = package
    if not send:
        return Outcome(sent=package)
    context.part(Changed).immediate |= any(operation[:1] == _IMMEDIATE for operation in psmo or ())
    before = len(context.card.fetched)
    with refreshing(context, refresh):
        reply = call(context, _LOAD, package, message.channel)
    outcome = replace(outcome_of(reply), shape=answer_shape(), sent_value=None)
    if reply.received is None:
        return outcome
    outcome = judged(peers, _sender(peers, package, peer), package, outcome)
    switched = [("enableResult", 0), ("disableResult", 0)]
    if refresh == "performed" and any(result in switched for result in outcome.value.get("results", ())):
        await_refresh(context, before)
    return outcome


def _filler(header: dict[str, Any], psmo: list[bytes], size: int) -> bytes:
    """A listProfileInfo for no profile, with a tag list that gives the whole package a length in bytes.

    Raises:
        ValueMistake: the package is longer already, or no length of the tag list fits.
    """
    for fill in range(size):
        wanted = {"searchCriteria": ("iccid", bytes.fromhex("98000000000000000099")), "tagList": b"\x5a" * fill}
        made = codec.encode("Psmo", ("listProfileInfo", wanted))
        signed = PackageParts(header, operation_list("Psmo", [*psmo, made])).signed()
        length = len(whole_package(signed, bytes(64)))
        if length == size:
            return made
        if length > size:
            break
    raise ValueMistake(("size",), f"a package of {size} bytes cannot be made; choose one or two bytes more")


def _fitting(header: dict[str, Any], first: list[bytes], psmo: list[bytes], most: int, largest: int) -> int:
    """How often operations fit behind the first ones into a package of a length in bytes, once to *most* times."""

    def length(times: int) -> int:
        signed = PackageParts(header, operation_list("Psmo", [*first, *psmo * times])).signed()
        return len(whole_package(signed, bytes(64)))

    return max(1, bisect_right(range(1, most + 1), largest, key=length))


def _eid(context: Context) -> bytes:
    declared = context.declaration.eid
    return bytes.fromhex(declared) if declared else bytes.fromhex(context.isdr().get_eid())


def _signed(
    parts: PackageParts,
    peer: EimPeer,
    signer: EimPeer,
    token: int | None,
    *,
    without_token: bool,
    signature: Signature,
) -> bytes:
    signed = parts.signed()
    covered = token_octets(token) if token is not None else peer.token_octets()
    octets = signer.sign(signed, b"" if without_token else covered)
    r, s = octets[:32], octets[32:]
    match signature:
        case "der":
            octets = tlv.encode(0x30, tlv.encode(0x02, b"\x00" + r) + tlv.encode(0x02, b"\x00" + s))
        case "r zero":
            octets = bytes(32) + s
        case "s zero":
            octets = r + bytes(32)
        case "r too large":
            octets = _ORDER + s
        case "one bit":
            octets = octets[:-1] + bytes([octets[-1] ^ 1])
        case "missing":
            return tlv.encode(0xBF51, signed)
    return whole_package(signed, octets)


def _sender(peers: EimPeers, package: bytes, otherwise: EimPeer) -> EimPeer:
    """The eIM that a package names, as its answer must."""
    try:
        named = tlv.find(package, 0xBF51, 0x30, 0x80)
    except tlv.TlvError:
        return otherwise
    eim_id = tlv.parse(named).value
    return next((peer for peer in peers.by_name.values() if peer.eim_id.encode() == eim_id), otherwise)


def judged(peers: EimPeers, peer: EimPeer, package: bytes, outcome: Outcome) -> Outcome:
    """The outcome with the short form of the answer, and what is wrong with it whatever is expected."""
    kind, value = outcome.value
    signed = kind != "euiccPackageErrorUnsigned"
    data = value
    if signed:
        names = ("euiccPackageResultDataSigned", "euiccPackageErrorDataSigned")
        data = value[names[kind == "euiccPackageErrorSigned"]]
    short = {name: data[name] for name in ("eimId", "counterValue", "eimTransactionId", "seqNumber") if name in data}
    short["octets"] = outcome.received
    mismatches = [*_echo(package, data, signed=signed), *_der(outcome.received)]
    if signed:
        mismatches += _signature(peers, peer, outcome.received)
    if kind == "euiccPackageResultSigned":
        short["results"] = _without_termination(data["euiccResult"])
        short["resultOctets"] = sum(len(codec.encode("EuiccResultData", each)) for each in data["euiccResult"])
        mismatches += _numbered(peers, int(data["seqNumber"]), outcome.received)
        mismatches += _complete(package, data["euiccResult"])
        # What the eUICC has stored from now on.
        peer.counter = int(data["counterValue"])
        _note_associations(peers, package, data["euiccResult"])
    elif signed:
        short["error"] = data["euiccPackageErrorCode"]
    else:
        short["refused"] = value
    return replace(outcome, value=short, shape=answer_shape(), mismatches=tuple(mismatches))


def _without_termination(results: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The results without the processingTerminated that may follow the one of an operation that failed (5.9.1)."""
    followed = len(results) > 1 and results[-1][0] == "processingTerminated" and results[-1][1] != _OVERFLOW
    return results[:-1] if followed and _failed(*results[-2]) else results


def _failed(name: str, value: Any) -> bool:
    """Whether a result is that of an operation that failed."""
    if isinstance(value, tuple):
        return bool(value[0].endswith(("Error", "Code")) and value[1] != 0)
    if isinstance(value, dict):
        return any(code != 0 for code in value.values())
    # A deleteEimResult of 2, lastEimDeleted, is a success.
    return isinstance(value, int) and value not in ((0, 2) if name == "deleteEimResult" else (0,))


def _note_associations(peers: EimPeers, package: bytes, results: list[tuple[str, Any]]) -> None:
    """Tokens and counters that operations of the package gave the tester's eIMs."""
    try:
        operations = tlv.parse(tlv.find(package, 0xBF51, 0x30, 0xA1)).children()
    except tlv.TlvError:
        return
    for operation, (name, result) in zip(operations, results, strict=False):
        added = name == "addEimResult" and result not in [("addEimResultCode", code) for code in range(1, 128)]
        if not added and not (name == "updateEimResult" and result == 0):
            continue
        fields = {part.tag: part.value for part in operation.children()}
        peer = next((one for one in peers.by_name.values() if one.eim_id.encode() == fields.get(0x80)), None)
        if peer is None:
            continue
        if 0x83 in fields:
            peer.counter = int.from_bytes(fields[0x83], "big", signed=True)
        if added:
            peer.token = int(result[1]) if result[0] == "associationToken" else None


def run_package(context: Context, name: str, **arguments: Any) -> list[tuple[str, Any]]:
    """Results of a package that a state needs, all of them successes.

    Raises:
        NotPermitted: the card must not be changed.
        Refused: the eUICC refuses the package or an operation.
    """
    context.change("to send an eUICC Package")
    outcome = load_euicc_package(context, Message(), eim=name, **arguments)
    results = (outcome.value or {}).get("results")
    if results is None:
        raise Refused(f"the eUICC refused the package of {name}: {outcome.fault or describe(outcome.value, 200)}")
    failed = [(kind, to_json(result)) for kind, result in results if isinstance(result, int) and result not in (0,)]
    failed = [entry for entry in failed if entry != ("deleteEimResult", "lastEimDeleted")]
    if failed:
        raise Refused(f"the eUICC answered {failed[0][0]} {failed[0][1]}")
    return list(results)


def _echo(package: bytes, data: dict[str, Any], *, signed: bool) -> Iterator[Mismatch]:
    """What of the package the answer has to repeat (SGP.32 2.11.2.1)."""
    try:
        sent = {part.tag: part.value for part in tlv.parse(tlv.find(package, 0xBF51, 0x30)).children()}
    except tlv.TlvError:
        return
    if 0x80 in sent and data["eimId"].encode() != sent[0x80]:
        yield Mismatch("eimId", sent[0x80].decode(errors="replace"), data["eimId"])
    if signed and 0x81 in sent and data["counterValue"] != int.from_bytes(sent[0x81], "big", signed=True):
        expected = str(int.from_bytes(sent[0x81], "big", signed=True))
        yield Mismatch("counterValue", expected, str(data["counterValue"]))
    transaction = data.get("eimTransactionId")
    if transaction != sent.get(0x82) and len(sent.get(0x82, b"")) <= 16:
        yield Mismatch("eimTransactionId", str(to_json(sent.get(0x82))), str(to_json(transaction)))


def _der(received: bytes) -> Iterator[Mismatch]:
    for fault in codec.check_der(received, "EuiccPackageResult"):
        yield Mismatch(f"octet {fault.offset}", "canonical DER", fault.reason)


def _signature(peers: EimPeers, peer: EimPeer, received: bytes) -> Iterator[Mismatch]:
    """The signature covers the received data and the token TLV (SGP.32 2.11.2.1)."""
    inner = tlv.parse(received).children()[0].children()
    certificate = peers.certificates.get(peer.ci or b"")
    if certificate is None:
        yield Mismatch("euiccSignEPR", "a certificate to verify it with", "GetCerts gave none")
        return
    covered = inner[0].octets + peer.token_octets()
    yield from signature_mismatches(certificate, covered, inner[1].value, "signature")


def _complete(package: bytes, results: list[tuple[str, Any]]) -> Iterator[Mismatch]:
    """Every operation has a result, up to one that failed or ended the processing (SGP.32 5.9.1)."""
    try:
        lists = [part for part in tlv.parse(tlv.find(package, 0xBF51, 0x30)).children() if part.tag in _LISTS]
        asked = len(lists[0].children()) if len(lists) == 1 else 0
    except tlv.TlvError:
        return
    ended = bool(results) and (results[-1][0] == "processingTerminated" or _failed(*results[-1]))
    if len(results) < asked and not ended:
        yield Mismatch("results", f"one for each of {asked} operations", str(len(results)))


def _numbered(peers: EimPeers, number: int, received: bytes) -> Iterator[Mismatch]:
    highest = max(peers.numbers, default=0)
    if number <= highest:
        yield Mismatch("seqNumber", f"more than {highest}, which was given before", str(number))
    peers.numbers.append(number)
    peers.answers[number] = received
