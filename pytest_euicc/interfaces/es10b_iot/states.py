"""States of an IoT eUICC: associated eIMs, and profiles that packages bring into their state (SGP.32 3.3 to 3.5)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from cryptography import x509
from pydantic import BeforeValidator

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Makes, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, VectorMistake
from pytest_euicc.conformance.engine.installed import forget_notifications, installed_by_tester, remove
from pytest_euicc.conformance.engine.profiles import TAGS, Profile, ProfilesInUse, fresh_isdr
from pytest_euicc.conformance.engine.registry import state
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.interfaces.download.whole import install
from pytest_euicc.interfaces.es10.states import owner_for
from pytest_euicc.interfaces.es10b_iot.functions import call
from pytest_euicc.interfaces.es10b_iot.leftovers import end_emergency, note, take_off
from pytest_euicc.interfaces.es10b_iot.listed import are_unknown, eims_listed, profiles_listed
from pytest_euicc.interfaces.es10b_iot.package import run_package
from pytest_euicc.peers.eim.peer import EimPeer, EimPeers, KeyForm

_STATES = bytes.fromhex("5A 9F70")
_IOT_TAGS = TAGS + bytes.fromhex("9F7B 9F26 9F67")
_EVENTS = ["notificationInstall", "notificationEnable", "notificationDisable", "notificationDelete"]
_GENERATE = -1
_AFTERWARDS = "eIM that puts back"
Rules = Annotated[
    frozenset[Literal["ppr1", "ppr2"]] | None,
    BeforeValidator(
        lambda value: [] if value == "none" else value,
        json_schema_input_type=list[Literal["ppr1", "ppr2"]] | Literal["none"] | None,
    ),
]


def saved(peer: EimPeer, form: KeyForm = "key") -> dict[str, Any]:
    """What ``$eim.…`` reaches."""
    value = {"id": peer.eim_id, "fqdn": peer.fqdn, "key": peer.public_key, "configuration": peer.configuration(form)}
    return value | ({} if peer.token is None else {"token": peer.token})


@state("eim", implies=("isdr_selected",))
def eim(
    context: Context,
    *,
    curve: Literal["nist", "brainpool", "p384"] = "nist",
    key: KeyForm = "key",
    counter: int = 0,
    ci: Literal["first", "second"] | None = None,
    same_id_as: str | None = None,
    as_: SaveAs = "eim1",
) -> Generator[None, None, None]:
    """An eIM of the tester that is not associated yet.

    Args:
        curve: of its key.
        key: how its configuration has the key: ``key``, ``certificate``, ``expired certificate``, or ``whole
            certificate``, which stands inside the tag of its alternative as met in the field.
        counter: its initial counterValue.
        ci: the CI of the eUICC's signing list that results are to be signed under.
        same_id_as: name of another eIM whose eimId it has: the same one with a new key.
        as: name of the eIM; its values are saved under it (``$eim1.id``, ``.key``, ``.configuration``).
    """
    peers = context.part(EimPeers)
    peer = peers.new(as_, curve)
    peer.counter = counter
    if same_id_as is not None:
        peer.eim_id, peer.fqdn = peers.get(same_id_as).eim_id, peers.get(same_id_as).fqdn
        peer.token = peers.get(same_id_as).token
    certificates_of(context)
    if ci is not None:
        peer.ci = _ci(context, ci)
    note(context, peer)
    context.save(as_, saved(peer, key))
    yield
    take_off(context, peer)


def certificates_of(context: Context) -> None:
    """Ask the eUICC once for the certificates that its results verify under."""
    peers = context.part(EimPeers)
    if peers.certificates:
        return
    try:
        known = context.isdr().get_euicc_info2()["euiccCiPKIdListForSigning"]
    except Es10Error as error:
        raise Refused(f"the CIs of the eUICC cannot be read: {error}") from error
    for request, key in [({}, b""), *(({"euiccCiPKId": ci}, ci) for ci in known)]:
        function = IOT_FUNCTIONS["get_certs"]
        reply = call(context, function, codec.encode(function.request, request))
        found = end_entity(reply.octets)
        if found is None and key:
            # Judged by the sequences about that CI.
            continue
        if found is None:
            raise Refused(f"GetCerts gave no certificate of the eUICC: {reply.octets.hex().upper() or reply.sw:04X}")
        peers.certificates[key] = found


def end_entity(octets: bytes) -> bytes | None:
    """CERT.EUICC out of an answer to GetCerts; only the sequences about GetCerts judge its form.

    Where the answer cannot be read, as some cards write it, that is the certificate in it that belongs to no CA.
    """
    try:
        kind, value = codec.decode("GetCertsResponse", octets)
        if kind == "certs":
            return bare(value["euiccCertificate"])
    except codec.Asn1Error:
        pass
    for at in range(len(octets) - 3):
        if octets[at : at + 2] != b"\x30\x82":
            continue
        try:
            certificate = x509.load_der_x509_certificate(tlv.read(octets, at).octets)
            if not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
                return tlv.read(octets, at).octets
        except (ValueError, tlv.TlvError, x509.ExtensionNotFound):
            continue
    return None


def bare(certificate: bytes) -> bytes:
    """A certificate, also of one that was received whole inside its tag."""
    children = tlv.parse(certificate).children()
    return children[0].octets if len(children) == 1 else certificate


def _ci(context: Context, which: Literal["first", "second"]) -> bytes:
    try:
        known = context.isdr().get_euicc_info2()["euiccCiPKIdListForSigning"]
    except Es10Error as error:
        raise Refused(f"the CIs of the eUICC cannot be read: {error}") from error
    if which == "second" and len(known) < 2:
        raise Refused("the eUICC has one CI in its signing list")
    return bytes(known[which == "second"])


@state("eim_associated", implies=("isdr_selected",))
def eim_associated(
    context: Context,
    *,
    curve: Literal["nist", "brainpool"] = "nist",
    key: KeyForm = "key",
    counter: int = 0,
    ci: Literal["first", "second"] | None = None,
    token: bool = False,
    as_: SaveAs = "eim1",
) -> Generator[None, None, None]:
    """An eIM of the tester is associated: the first one by AddInitialEim, further ones by a package of the first.

    Args:
        curve: of its key.
        key: how its configuration has the key, as for the state ``eim``.
        counter: its initial counterValue.
        ci: the CI of the eUICC's signing list that results are to be signed under.
        token: with an association token, which the eUICC generates.
        as: name of the eIM; its values are saved under it (``$eim1.id``, ``.key``, ``.token``, ``.configuration``).
    """
    peers = context.part(EimPeers)
    first = next(iter(peers.by_name), None)
    certificates_of(context)
    peer = peers.new(as_, curve)
    peer.counter = counter
    if ci is not None:
        peer.ci = _ci(context, ci)
    configuration = peer.configuration(key) | ({"associationToken": _GENERATE} if token else {})
    context.change("to associate an eIM")
    note(context, peer)
    if first is None:
        associate(context, peer, configuration)
    else:
        run_package(context, first, eco=[codec.encode("Eco", ("addEim", configuration))])
    context.save(as_, saved(peer, key))
    yield
    take_off(context, peer)


def associate(context: Context, peer: EimPeer, configuration: dict[str, Any]) -> None:
    """AddInitialEim; of an answer that cannot be read only its own sequences judge the form, if the eIM is there.

    Raises:
        Refused: the eIM is not associated.
    """
    function = IOT_FUNCTIONS["add_initial_eim"]
    request = codec.encode(function.request, {"eimConfigurationDataList": [configuration]})
    reply = call(context, function, request)
    if reply.received is None:
        there = eims_listed(context)
        if peer.eim_id not in there:
            raise Refused(f"AddInitialEim was answered {reply.octets.hex().upper()} {reply.sw:04X}")
        peer.token = there[peer.eim_id]
        return
    kind, value = reply.received.value
    if kind != "addInitialEimOk":
        raise Refused(
            f"AddInitialEim answered {to_json(value)}; the eUICC must have no associated eIM: delete those that "
            "are there with the eIM that they belong to, or by a memory reset"
        )
    peer.token = value[0][1] if value[0][0] == "associationToken" else None


@state("iot_profile", implies=("isdr_selected",))
def iot_profile(
    context: Context,
    *,
    state: Literal["enabled", "disabled"] = "disabled",
    class_: Literal["operational", "test"] = "operational",
    ppr: Rules = frozenset(),
    addresses: int | None = 1,
    fallback_allowed: bool | None = None,
    ecall: bool | None = None,
    fallback: bool = False,
    as_: Annotated[SaveAs, Makes("profile")] = "profile",
) -> Generator[None, None, None]:
    """A profile of a kind, brought into its state by packages of the first associated eIM.

    Args:
        state: enabled or disabled.
        class: of the profile.
        ppr: its Profile Policy Rules; none by default.
        addresses: to how many addresses each of its events goes.
        fallback_allowed: fallbackAllowed of its metadata; left out by default.
        ecall: ecallIndication of its metadata; left out by default.
        fallback: it has the fallback attribute.
        as: name of the profile; ``$profile.iccid`` and ``.addresses`` are saved under it.
    """
    rules: frozenset[str] = ppr or frozenset()
    before = _enabled(context)
    _check_reversible(context, rules, class_, enabled=state == "enabled")
    chosen = _choose(context, class_, rules, addresses, fallback_allowed, ecall)
    eim_name = next(iter(context.part(EimPeers).by_name), None)
    if chosen.enabled is not (state == "enabled"):
        if eim_name is None:
            raise VectorMistake("profiles are enabled by packages; name eim_associated before iot_profile in given")
        operation = "enable" if state == "enabled" else "disable"
        run_package(context, eim_name, psmo=[psmo(operation, {"iccid": chosen.iccid})])
    if fallback and eim_name is not None:
        run_package(context, eim_name, psmo=[psmo("setFallbackAttribute", {"iccid": chosen.iccid})])
    forget_notifications(context, chosen.iccid)
    context.save(as_, chosen.saved())
    yield
    _put_back(context, eim_name, chosen.iccid, before, fallback=fallback)


def _check_reversible(context: Context, rules: frozenset[str], class_: str, *, enabled: bool) -> None:
    """A profile with rules comes off a card by a memory reset alone, which would take the card's own with it."""
    bound = "ppr2" in rules or (enabled and "ppr1" in rules)
    if not bound or class_ != "operational" or context.session.puts_back_whole:
        return
    own = [profile for profile in profiles_listed(context, _IOT_TAGS) if profile.profile_class == "operational"]
    if any(profile.iccid not in installed_by_tester(context) for profile in own):
        raise NotPermitted(
            f"a profile with {' and '.join(sorted(rules))} could not be taken off again without the card's own ones; "
            "declare restore: with the commands that put the card back"
        )


def psmo(name: str, value: Any) -> bytes:
    """An operation of a package."""
    return codec.encode("Psmo", (name, value))


def _choose(
    context: Context,
    class_: str,
    rules: frozenset[str],
    addresses: int | None,
    fallback_allowed: bool | None,
    ecall: bool | None,
) -> Profile:
    """A profile that fits and no other name has, or one that is downloaded for it."""
    in_use = context.part(ProfilesInUse).iccids
    for profile in profiles_listed(context, _IOT_TAGS):
        wanted = (
            profile.iccid not in in_use
            and profile.profile_class == class_
            and profile.info.get("fallbackAllowed") is fallback_allowed
            and profile.info.get("ecallIndication") is ecall
            and _tells_as_wanted(profile, rules, addresses)
        )
        if wanted:
            in_use.add(profile.iccid)
            return profile
    metadata: dict[str, Any] = {"profileClass": class_}
    metadata["notificationConfigurationInfo"] = [
        {"profileManagementOperation": {"bits": _EVENTS}, "notificationAddress": f"smdp{number}.example.com"}
        for number in range(addresses or 0)
    ] or {"absent": True}
    metadata |= {} if fallback_allowed is None else {"fallbackAllowed": fallback_allowed}
    metadata |= {} if ecall is None else {"ecallIndication": ecall}
    if rules:
        metadata |= {"profilePolicyRules": {"bits": sorted(rules)}, "profileOwner": owner_for(context, rules)}
    iccid = install(context, metadata)
    in_use.add(iccid)
    return next(profile for profile in profiles_listed(context, _IOT_TAGS) if profile.iccid == iccid)


def _tells_as_wanted(profile: Profile, rules: frozenset[str], addresses: int | None) -> bool:
    """Rules and addresses; of a card that does not tell them any profile will do where none in particular is wanted."""
    if are_unknown(profile):
        return not rules and addresses == 1
    reported = all(profile.addresses[event] == addresses for event in ("enable", "disable", "delete"))
    return profile.rules == rules and reported


def _enabled(context: Context) -> bytes | None:
    return next((profile.iccid for profile in profiles_listed(context, _STATES) if profile.enabled), None)


@contextmanager
def eim_at_hand(context: Context, preferred: str | None = None) -> Iterator[str]:
    """Name of an eIM of the tester's that is associated; where none is, one becomes it for the time this takes.

    Args:
        preferred: used where it is associated.

    Raises:
        Refused: others are associated, so that the tester's cannot be.
    """
    peers, there = context.part(EimPeers), eims_listed(context)
    names = [name for name, peer in peers.by_name.items() if peer.eim_id in there]
    if names:
        yield preferred if preferred in names else names[0]
        return
    certificates_of(context)
    peer = peers.new(_AFTERWARDS)
    note(context, peer)
    associate(context, peer, peer.configuration())
    try:
        yield _AFTERWARDS
    finally:
        take_off(context, peer)


def _put_back(context: Context, name: str | None, iccid: bytes, before: bytes | None, *, fallback: bool) -> None:
    """The profile that was enabled is enabled again, and the tester's is deleted, by packages."""
    end_emergency(context)
    with context.undoing(f"the profile {iccid.hex()} is not as it was"):
        fresh_isdr(context)
        if iccid in installed_by_tester(context):
            remove(context, iccid, enabled=_enabled(context) == iccid)
            installed_by_tester(context).remove(iccid)
        fresh_isdr(context)
        there = {profile.iccid: profile for profile in profiles_listed(context, _STATES)}
        now = _enabled(context)
        operations = []
        if now != before and now is not None:
            operations.append(psmo("disable", {"iccid": now}))
        if before is not None and before in there and now != before:
            operations.append(psmo("enable", {"iccid": before}))
        if fallback and iccid in there:
            operations.append(psmo("unsetFallbackAttribute", {}))
        if operations:
            with eim_at_hand(context, name) as eim_name:
                for operation in operations:
                    run_package(context, eim_name, psmo=[operation])
        forget_notifications(context, iccid)


@state("no_enabled_iot_profile", implies=("isdr_selected",))
def no_enabled_iot_profile(context: Context) -> Generator[None, None, None]:
    """No profile is enabled; one that is gets disabled by a package of the first associated eIM."""
    before = _enabled(context)
    name = next(iter(context.part(EimPeers).by_name), None)
    if before is not None and name is not None:
        run_package(context, name, psmo=[psmo("disable", {"iccid": before})])
    elif before is not None:
        raise VectorMistake("profiles are disabled by packages; name eim_associated in given")
    yield
    if before is not None and name is not None:
        _put_back(context, name, b"", before, fallback=False)


@state("package_result_kept", implies=("eim_associated",))
def package_result_kept(context: Context, *, as_: SaveAs = "result") -> Generator[None, None, None]:
    """The result of a package that lists the profiles is kept by the eUICC.

    Args:
        as: ``$result.seqNumber`` and ``.octets`` are saved under it.
    """
    name = next(iter(context.part(EimPeers).by_name))
    run_package(context, name, psmo=[psmo("listProfileInfo", {})])
    number, octets = list(context.part(EimPeers).answers.items())[-1]
    context.save(as_, {"seqNumber": number, "octets": octets})
    yield
