"""What the card holds after packages: profile states after a reset, and whether anything changed (SGP.32 3.3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.errors import InconclusiveError, Refused
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, check
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.interfaces.download.signatures import chain_mismatches, signature_mismatches
from pytest_euicc.interfaces.es10b_iot.eims import bare
from pytest_euicc.interfaces.es10b_iot.listed import are_unknown, entries_without_counters, profiles_listed
from pytest_euicc.interfaces.es10b_iot.package import load_euicc_package
from pytest_euicc.peers.eim.peer import EimPeers

_TAGS = bytes.fromhex("5A 9F70 9F26")
_STATES = bytes.fromhex("BF2D05 5C03 5A 9F70")
_WITHOUT_TAGS = bytes.fromhex("BF2D00")
_ONGOING = bytes.fromhex("BF2D03 81010B")
Part = Literal["profiles", "eims", "results", "notifications", "address"]
_QUESTIONS: dict[Part, tuple[int, bytes]] = {
    "profiles": (0xBF2D, bytes.fromhex("BF2D0E 5C0C 5A 9F70 9F26 95 92 99 9F67 9F7B".replace(" ", ""))),
    "eims": (0xBF55, bytes.fromhex("BF5500")),
    "results": (0xBF2B, bytes.fromhex("BF2B04A0028200")),
    "notifications": (0xBF28, bytes.fromhex("BF2800")),
    "address": (0xBF3C, bytes.fromhex("BF3C00")),
}


@dataclass
class Look:
    """What the card answered to every question at the last look."""

    answers: dict[Part, bytes] = field(default_factory=dict)


def look_at(context: Context) -> dict[Part, bytes]:
    """What the card answers to the questions about everything that functions change."""
    found: dict[Part, bytes] = {}
    for part, (_, question) in _QUESTIONS.items():
        answer = context.channel(None).store_data(question)
        if part == "profiles" and not answer.ok:
            answer = context.channel(None).store_data(_WITHOUT_TAGS)
        found[part] = answer.data if answer.ok else answer.sw.to_bytes(2, "big")
        if part == "eims" and answer.ok:
            found[part] = _without_counters(answer.data)
    return found


def _without_counters(octets: bytes) -> bytes:
    """GetEimConfigurationData without the counters, which an eUICC may show or not (SGP.32 5.9.18)."""
    try:
        value = codec.decode("GetEimConfigurationDataResponse", octets)
    except codec.Asn1Error:
        return entries_without_counters(octets)
    listed = [
        {name: given for name, given in entry.items() if name != "counterValue"}
        for entry in value["eimConfigurationDataList"]
    ]
    return codec.encode("GetEimConfigurationDataResponse", {"eimConfigurationDataList": listed})


@action("es10b_iot.look")
def look(context: Context, _message: Message) -> Outcome:
    """Take down profiles, eIMs, package results, notifications and the default address, for ``es10b_iot.unchanged``."""
    context.part(Look).answers = look_at(context)
    return Outcome()


@action("es10b_iot.unchanged", changes=True)
def unchanged(
    context: Context,
    _message: Message,
    *,
    but: list[Part] | None = None,
    eim: str | None = "eim1",
) -> Outcome:
    """All is as at the last ``es10b_iot.look``, and a package with the next counter is accepted.

    Args:
        but: what may have changed.
        eim: name of the eIM whose counter must not have moved; ``null`` leaves the package out.
    """
    before, now = context.part(Look).answers, look_at(context)
    mismatches = [
        Mismatch(part, before[part].hex().upper(), now[part].hex().upper())
        for part in _QUESTIONS
        if part not in (but or ()) and before[part] != now[part]
    ]
    if eim is not None:
        operations = [codec.encode("Psmo", ("getRAT", {}))]
        outcome = load_euicc_package(context, Message(), eim=eim, psmo=operations)
        if not isinstance(outcome.value, dict) or "results" not in outcome.value:
            reported = outcome.fault or describe(outcome.value, 200)
            mismatches.append(
                Mismatch("counter", f"{context.part(EimPeers).get(eim).counter + 1} is accepted", reported)
            )
        mismatches += outcome.mismatches
    return Outcome(mismatches=tuple(mismatches))


@action("es10b_iot.read_back")
def read_back(
    context: Context,
    _message: Message,
    *,
    enabled: str | Hex | None = None,
    disabled: list[Hex] | None = None,
    gone: list[Hex] | None = None,
    fallback: str | Hex | None = None,
    reset: bool = True,
    code: Any = None,
    otherwise: dict[str, Any] | None = None,
) -> Outcome:
    """Profile states as GetProfilesInfo lists them, by default after a reset.

    Without a reset the eUICC may also answer profileChangeOngoing, as long as a REFRESH is pending (SGP.32 5.9.14).

    Args:
        enabled: ICCID of the one enabled profile, or ``none``.
        disabled: ICCIDs of profiles that must be there and disabled.
        gone: ICCIDs of profiles that must not be there.
        fallback: ICCID of the one profile with the fallback attribute, or ``none``.
        reset: reset the card before.
        code: the result of an operation whose effect is left open, saved from its answer.
        otherwise: what holds in place of ``enabled``, ``disabled``, ``gone`` and ``fallback`` where ``code`` is not 0.
    """
    if code not in (None, 0, "ok"):
        kept = otherwise or {}
        enabled, disabled = kept.get("enabled"), kept.get("disabled")
        gone, fallback = kept.get("gone"), kept.get("fallback")
    if reset:
        context.reset()
        context.select_isdr(DEFAULT_CHANNEL)
    answer = context.channel(None).store_data(_STATES)
    if not reset and answer.data == _ONGOING:
        return Outcome(received=answer.data)
    try:
        there = {profile.iccid: profile for profile in profiles_listed(context, _TAGS)}
    except InconclusiveError as error:
        return Outcome(fault=str(error), mismatches=(Mismatch("profiles", "a list", str(error)),))
    if fallback not in (None, "none") and any(map(are_unknown, there.values())):
        raise Refused("the fallback attribute cannot be read, as a tag list is refused")
    on = [iccid for iccid, profile in there.items() if profile.enabled]
    with_attribute = [iccid for iccid, profile in there.items() if profile.info.get("fallbackAttribute")]
    found = [*_one("enabled", enabled, on), *_one("fallbackAttribute", fallback, with_attribute)]
    for iccid in disabled or ():
        if iccid not in there or there[iccid].enabled:
            found.append(Mismatch(iccid.hex(), "disabled", "enabled" if iccid in there else "not there"))
    found += [Mismatch(iccid.hex(), "not there", "installed") for iccid in gone or () if iccid in there]
    return Outcome(mismatches=tuple(found))


def _one(what: str, wanted: str | bytes | None, found: list[bytes]) -> Iterator[Mismatch]:
    if wanted is None:
        return
    expected = [] if wanted == "none" else [wanted if isinstance(wanted, bytes) else bytes.fromhex(wanted)]
    if found != expected:
        reported = ", ".join(iccid.hex() for iccid in found) or "none"
        yield Mismatch(what, ", ".join(iccid.hex() for iccid in expected) or "none", reported)


@action("es10b_iot.switched_or_not")
def switched_or_not(context: Context, _message: Message, *, before: Hex, after: Hex) -> Outcome:
    """One of two profiles is enabled, and the notifications are those of a change that happened, or not (SGP.32 3.7).

    Both profiles notify of every event, and none of these notifications was pending before.

    Args:
        before: ICCID of the profile that was enabled.
        after: ICCID of the one that was to be.
    """
    on = [profile.iccid for profile in profiles_listed(context, _TAGS) if profile.enabled]
    found = []
    if on not in ([before], [after]):
        reported = ", ".join(iccid.hex() for iccid in on) or "none"
        found.append(Mismatch("enabled", f"{before.hex()} or {after.hex()}", reported))
    due = on == [after]
    for iccid, event in ((before, "notificationDisable"), (after, "notificationEnable")):
        pending = context.isdr().list_notification(event)[1]
        there = any(bytes(each.get("iccid", b"")) == iccid for each in pending)
        if there != due:
            names = ("is not pending", "is pending")
            found.append(Mismatch(f"{event} of {iccid.hex()}", names[due], names[there]))
    return Outcome(mismatches=tuple(found))


@check("kept_results")
def kept_results(
    context: Context,
    outcome: Outcome,
    *,
    numbers: list[Any] | None = None,
    newest: int | None = None,
    may_be_gone: bool = False,
) -> Iterator[Mismatch]:
    """The package results in the answer equal those returned for the packages, octet for octet (SGP.32 5.9.11).

    Args:
        numbers: sequence numbers of the results that must be present, in order.
        newest: instead, how many are kept: the last results of this sequence, and no more than these.
        may_be_gone: there may also be no result.
    """
    peers = context.part(EimPeers)
    wanted = sorted(peers.answers)[-newest:] if newest is not None else [int(number) for number in numbers or ()]
    parts = [part for part in tlv.parse(outcome.received).children() if part.tag == 0xA2]
    if may_be_gone and not any(part.children() for part in parts):
        return
    if not parts:
        yield Mismatch("euiccPackageResultList", "A2 with package results", outcome.received.hex().upper())
        return
    found = [element.octets for element in parts[0].children()]
    expected = [peers.answers.get(number, b"") for number in wanted]
    if newest is not None and len(expected) < len(found) <= newest:
        # Results from before the sequence may still be among those that are kept.
        found = found[-len(expected) :]
    if found != expected:
        reported = " ".join(octets.hex().upper() for octets in found) or "none"
        yield Mismatch(
            "euiccPackageResultList", " ".join(octets.hex().upper() for octets in expected) or "none", reported
        )


@check("iot_chain")
def iot_chain(context: Context, outcome: Outcome, *, ci: Any = None) -> Iterator[Mismatch]:
    """The certificates of GetCerts chain to a CI, and that of the eUICC has the declared EID (SGP.32 5.9.10).

    Args:
        ci: key identifier of the required CI; any by default.
    """
    if outcome.value is None or outcome.value[0] != "certs":
        yield Mismatch("", "certs", describe(outcome.value, 80))
        return
    value = outcome.value[1]
    chain = [bare(value["euiccCertificate"]), bare(value["eumCertificate"])]
    yield from chain_mismatches(context, chain, "certs", ci)


@check("rollback_signature")
def rollback_signature(context: Context, outcome: Outcome, *, eim: str = "eim1") -> Iterator[Mismatch]:
    """The package result of ProfileRollback is signed as that of a package (SGP.32 5.9.16, 2.11.2.1).

    Args:
        eim: name of the eIM that sent the package.
    """
    peers = context.part(EimPeers)
    peer = peers.get(eim)
    found = [part for part in tlv.parse(outcome.received).children() if part.tag == 0xBF51]
    certificate = peers.certificates.get(peer.ci or b"")
    if not found or certificate is None:
        yield Mismatch("euiccPackageResult", "BF51 with a signed result", outcome.received.hex().upper())
        return
    inner = found[0].children()[0].children()
    covered = inner[0].octets + peer.token_octets()
    yield from signature_mismatches(certificate, covered, inner[1].value, "euiccPackageResult.signature")
