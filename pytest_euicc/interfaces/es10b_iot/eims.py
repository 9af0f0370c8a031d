"""States of an IoT eUICC: eIMs of the tester, and their association (SGP.32 3.4)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from cryptography import x509

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.registry import state
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.interfaces.es10b_iot.functions import call
from pytest_euicc.interfaces.es10b_iot.leftovers import note, take_off
from pytest_euicc.interfaces.es10b_iot.listed import eims_listed
from pytest_euicc.interfaces.es10b_iot.package import run_package
from pytest_euicc.peers.eim.peer import EimPeer, EimPeers, KeyForm

_GENERATE = -1


def saved(peer: EimPeer, form: KeyForm = "key") -> dict[str, Any]:
    """What ``$eim.…`` reaches."""
    value: dict[str, Any] = {"id": peer.eim_id, "id_octets": peer.eim_id.encode(), "fqdn": peer.fqdn}
    value |= {"key": peer.public_key, "configuration": peer.configuration(form)}
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
    id_octets: int | None = None,
    as_: SaveAs = "eim1",
) -> Generator[None, None, None]:
    """An eIM of the tester that is not associated yet.

    Args:
        curve: of its key.
        key: how its configuration has the key: ``key``, ``certificate``, ``expired certificate``, or ``whole
            certificate``, which is inside the tag of its alternative, as seen in the field.
        counter: its initial counterValue.
        ci: the CI of the eUICC's signing list that results are to be signed under.
        same_id_as: name of another eIM whose eimId it shares, with a new key.
        id_octets: bytes of its eimId, if it is to be longer than usual.
        as: name of the eIM; its values are saved under it (``$eim1.id``, ``.id_octets``, ``.key``, ``.configuration``).
    """
    peers = context.part(EimPeers)
    peer = peers.new(as_, curve)
    peer.counter = counter
    if same_id_as is not None:
        peer.eim_id, peer.fqdn = peers.get(same_id_as).eim_id, peers.get(same_id_as).fqdn
        peer.token = peers.get(same_id_as).token
    if id_octets is not None:
        peer.eim_id = f"{peer.eim_id}.".ljust(id_octets, "1")
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
            answer = reply.octets.hex().upper() or f"{reply.sw:04X}"
            raise Refused(f"GetCerts gave no certificate of the eUICC: {answer}")
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
            raise Refused(f"AddInitialEim was answered with {reply.octets.hex().upper()} {reply.sw:04X}")
        peer.token = there[peer.eim_id]
        return
    kind, value = reply.received.value
    if kind != "addInitialEimOk":
        raise Refused(
            f"AddInitialEim answered {to_json(value)}; the eUICC must have no associated eIM: delete those that "
            "are there with the eIM that they belong to, or by a memory reset"
        )
    peer.token = value[0][1] if value[0][0] == "associationToken" else None
