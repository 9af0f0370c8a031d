"""Associations of eIMs: added by the IPA or by a package, updated, deleted, listed (SGP.32 2.11.1.1, 5.9.4, 5.9.18)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.iot.state import Eim
from pytest_euicc.simulator.euicc.iot.switching import update
from pytest_euicc.simulator.euicc.variants import elements

LARGEST_COUNTER = 8_388_607
_UNDEFINED = 127
_GENERATE = -1
_LARGEST_ID = 128
_FEW = 2
_HIGHEST_DOWNWARDS = 1000
_TYPE_WITHOUT_NAME = 3

OK, MEMORY, EXISTS, CI_UNKNOWN, BAD_TOKEN, BAD_COUNTER, COMMAND_ERROR = 0, 1, 2, 3, 5, 6, 7
NOT_FOUND, LAST_DELETED = 1, 2


class Refused(Exception):
    """An eIM configuration is refused; ``code`` is the EimOperationResult."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def add_initial_eim(core: EuiccCore, request: bytes) -> bytes:
    """AddInitialEim: unsigned, while no eIM is associated (SGP.32 5.9.4); all of the list or none of it."""
    if core.defective("iot-cuts-eim-ids"):
        request = _with_ids_cut(request)
    given = codec.decode("AddInitialEimRequest", request)["eimConfigurationDataList"]
    before = core.state
    try:
        answers = _added_initially(core, given)
    except Refused as refused:
        if not core.defective("iot-initial-eims-one-by-one"):
            core.state = before
        return codec.encode("AddInitialEimResponse", ("addInitialEimError", refused.code))
    if core.defective("iot-initial-eim-answers-reversed"):
        answers.reverse()
    if core.defective("iot-add-ok-is-tagged"):
        return tlv.encode(0xBF57, tlv.encode(0xA0, b"".join(b"\x80\x00" for _ in answers)))
    if core.defective("iot-initial-eim-has-no-effect"):
        core.state = before
    return codec.encode("AddInitialEimResponse", ("addInitialEimOk", answers))


def _with_ids_cut(request: bytes) -> bytes:
    """AddInitialEim with every eimId cut off after 128 octets."""
    entries = b""
    for entry in tlv.parse(request).children()[0].children():
        parts = entry.children()
        cut = (tlv.encode(0x80, part.value[:_LARGEST_ID]) if part.tag == 0x80 else part.octets for part in parts)
        entries += tlv.encode(0x30, b"".join(cut))
    return tlv.encode(0xBF57, tlv.encode(0xA0, entries))


def _added_initially(core: EuiccCore, given: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    if core.state.iot.eims and not core.defective("iot-initial-eim-at-any-time"):
        raise Refused(EXISTS)
    if not given and not core.varies("iot-empty-association-is-ok"):
        raise Refused(_UNDEFINED if core.varies("iot-undefined-for-odd-associations") else COMMAND_ERROR)
    return [_added(core, configuration) for configuration in given]


def _added(core: EuiccCore, configuration: dict[str, Any]) -> tuple[str, int | None]:
    token = add(core, configuration)
    if token is None or core.defective("iot-does-not-tell-the-token"):
        return "addOk", None
    return "associationToken", token


def add(core: EuiccCore, configuration: dict[str, Any]) -> int | None:
    """Associate an eIM; returns its token, None if it has none.

    Raises:
        Refused: what is wrong with the configuration.
    """
    iot, settings = core.state.iot, core.settings.sgp32
    known = iot.eim(configuration["eimId"])
    if known is not None and not core.defective("iot-eim-can-be-added-twice"):
        raise Refused(EXISTS)
    if len(iot.eims) >= _FEW and core.varies("iot-room-for-two-eims"):
        raise Refused(MEMORY)
    largest = _LARGEST_ID // 2 if core.defective("iot-refuses-long-eim-ids") else _LARGEST_ID
    if len(configuration["eimId"].encode()) > largest:
        raise Refused(COMMAND_ERROR)
    counter = configuration.get("counterValue")
    if counter is None and not core.defective("iot-counter-is-optional"):
        raise Refused(COMMAND_ERROR)
    keyless = "eimPublicKeyData" not in configuration
    if keyless and not core.defective("iot-key-is-optional"):
        raise Refused(COMMAND_ERROR)
    _check_counter(core, counter or 0)
    key = b"" if keyless else public_key(core, configuration["eimPublicKeyData"])
    _check_ci(core, configuration)
    token = configuration.get("associationToken")
    if token is not None and token != _GENERATE and not core.defective("iot-takes-any-token"):
        raise Refused(BAD_TOKEN)
    if len(iot.eims) >= settings.eims:
        raise Refused(_UNDEFINED if core.defective("iot-no-room-is-undefined") else MEMORY)
    if token == _GENERATE:
        token = iot.last_token + (7 if core.varies("iot-tokens-with-gaps") else 1)
        if core.defective("iot-same-token-again"):
            token = 1
        if core.varies("iot-first-token-is-high"):
            token = max(token, 1000)
        update(core, last_token=max(token, iot.last_token))
        if core.defective("iot-tokens-count-down"):
            token = iot.last_token - 1 if iot.last_token else _HIGHEST_DOWNWARDS
            update(core, last_token=token)
    shown = _shown(core, configuration)
    eim = Eim(configuration["eimId"], counter or 0, token, key, shown)
    others = tuple(entry for entry in iot.eims if entry.eim_id != eim.eim_id)
    update(core, eims=(*others, eim))
    return token


def _shown(core: EuiccCore, configuration: dict[str, Any]) -> dict[str, Any]:
    dropped = {"counterValue", "associationToken"}
    if core.defective("iot-forgets-fqdn"):
        dropped.add("eimFqdn")
    if core.defective("iot-forgets-tls-key"):
        dropped.add("trustedPublicKeyDataTls")
    if core.defective("iot-forgets-protocols"):
        dropped.add("eimSupportedProtocol")
    if core.defective("iot-forgets-indirect-download"):
        dropped.add("indirectProfileDownload")
    if core.defective("iot-forgets-ci-of-eim"):
        dropped.add("euiccCiPKId")
    return {name: value for name, value in configuration.items() if name not in dropped}


def _check_counter(core: EuiccCore, counter: int) -> None:
    if not 0 <= counter <= LARGEST_COUNTER and not core.defective("iot-takes-any-initial-counter"):
        raise Refused(BAD_COUNTER)


def _check_ci(core: EuiccCore, configuration: dict[str, Any]) -> None:
    ci = configuration.get("euiccCiPKId")
    if ci is not None and ci not in core.credentials.identities and not core.defective("iot-takes-any-ci"):
        raise Refused(CI_UNKNOWN)


def public_key(core: EuiccCore, given: tuple[str, bytes]) -> bytes:
    """The SubjectPublicKeyInfo of eimPublicKeyData, on a curve that the eUICC verifies with.

    A certificate may come whole inside the tag of its alternative, as met in the field.

    Raises:
        Refused: no such key.
    """
    kind, octets = given
    if kind == "eimCertificate" and core.defective("iot-refuses-certificates"):
        raise Refused(COMMAND_ERROR)
    if kind == "eimCertificate" and core.varies("iot-no-whole-certificates") and octets[:1] == b"\x30":
        inner = tlv.parse(octets).children()
        if len(inner) == 1:
            raise Refused(COMMAND_ERROR)
    try:
        certificate = _certificate(octets) if kind == "eimCertificate" else None
        key: Any = load_der_public_key(octets) if certificate is None else certificate.public_key()
    except ValueError:
        raise Refused(COMMAND_ERROR) from None
    expired = certificate is not None and certificate.not_valid_after_utc < datetime.now(UTC)
    if expired and core.varies("iot-expired-certificates-are-refused"):
        raise Refused(COMMAND_ERROR)
    curves: tuple[type[ec.EllipticCurve], ...] = (ec.SECP256R1,)
    brainpool = core.settings.iot is not None and core.settings.iot.eim_brainpool
    if brainpool and not core.defective("iot-refuses-brainpool"):
        curves = (ec.SECP256R1, ec.BrainpoolP256R1)
    known = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curves)
    if not known and not (isinstance(key, ec.EllipticCurvePublicKey) and core.defective("iot-takes-any-curve")):
        raise Refused(_UNDEFINED if core.varies("iot-undefined-for-odd-associations") else COMMAND_ERROR)
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _certificate(octets: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(octets)
    except ValueError:
        return x509.load_der_x509_certificate(tlv.parse(octets).children()[0].octets)


def delete(core: EuiccCore, eim_id: str | None, *, at_once: bool = True) -> int:
    """deleteEim: a DeleteEimResult, of which lastEimDeleted is a success as well.

    Args:
        core: the card.
        eim_id: as given, if it is.
        at_once: whether it takes effect now.
    """
    iot = core.state.iot
    if eim_id is None:
        return COMMAND_ERROR
    if iot.eim(eim_id) is None:
        return OK if core.defective("iot-deleting-unknown-eim-is-ok") else NOT_FOUND
    left = tuple(eim for eim in iot.eims if eim.eim_id != eim_id)
    if at_once and not core.defective("iot-delete-eim-has-no-effect"):
        update(core, eims=left)
    if core.defective("iot-delete-eim-drops-results"):
        update(core, results=())
    return OK if left or core.defective("iot-last-eim-is-like-any") else LAST_DELETED


def update_eim(core: EuiccCore, configuration: dict[str, Any]) -> int:
    """updateEim: key, TLS, protocols, FQDN and counter of an associated eIM; an UpdateEimResult."""
    eim = core.state.iot.eim(configuration["eimId"])
    if eim is None:
        return OK if core.defective("iot-updating-unknown-eim-is-ok") else NOT_FOUND
    token_given = "associationToken" in configuration and not core.defective("iot-update-takes-token")
    nothing = len(configuration) == 1
    if nothing and core.varies("iot-empty-update-is-ok"):
        return OK
    if nothing and core.defective("iot-empty-update-forgets-fqdn"):
        shown = {name: value for name, value in eim.shown.items() if name != "eimFqdn"}
        core.state = replace(core.state, iot=core.state.iot.with_eim(replace(eim, shown=shown)))
    if token_given or nothing:
        return COMMAND_ERROR
    try:
        counter = configuration.get("counterValue", eim.counter)
        _check_counter(core, counter)
        _check_ci(core, configuration)
        key = eim.key
        if "eimPublicKeyData" in configuration:
            key = public_key(core, configuration["eimPublicKeyData"])
    except Refused as refused:
        return refused.code
    lowered = counter < eim.counter and "eimPublicKeyData" not in configuration
    if lowered and not core.defective("iot-update-lowers-counter"):
        return COMMAND_ERROR if core.varies("iot-lower-counter-is-command-error") else BAD_COUNTER
    if core.defective("iot-update-keeps-key"):
        key = eim.key
    if core.defective("iot-update-keeps-counter"):
        counter = eim.counter
    token = None if core.defective("iot-update-drops-token") else eim.token
    if core.defective("iot-update-takes-token"):
        token = configuration.get("associationToken", token)
    shown = eim.shown | ({} if core.defective("iot-update-keeps-fqdn") else _shown(core, configuration))
    changed = replace(eim, key=key, counter=counter, token=token, shown=shown)
    if not core.defective("iot-update-eim-has-no-effect"):
        core.state = replace(core.state, iot=core.state.iot.with_eim(changed))
    return OK


def listed(core: EuiccCore) -> list[dict[str, Any]]:
    """The EimIdInfo of every associated eIM; the type only where the identifier is an OID or an FQDN."""
    found = []
    for eim in core.state.iot.eims:
        entry: dict[str, Any] = {"eimId": eim.eim_id}
        kind = eim.shown.get("eimIdType")
        hidden = (None,) if core.varies("iot-lists-every-type") else (None, _TYPE_WITHOUT_NAME)
        wanted = kind not in hidden
        if wanted and not core.defective("iot-list-without-types"):
            entry["eimIdType"] = kind
        if kind == _TYPE_WITHOUT_NAME and core.defective("iot-lists-proprietary-as-oid"):
            entry["eimIdType"] = 1
        found.append(entry)
    return found[:1] if core.defective("iot-lists-one-eim") else found


def get_configuration(core: EuiccCore, request: bytes) -> bytes:
    """GetEimConfigurationData (SGP.32 5.9.18), without the counter."""
    received = codec.receive("GetEimConfigurationDataRequest", request)
    wanted = received.value.get("searchCriteria")
    if wanted is None and received.unknown and not core.defective("iot-bare-criteria-are-none"):
        if not core.varies("iot-takes-bare-criteria"):
            raise codec.Asn1Error("GetEimConfigurationDataRequest", "searchCriteria", None, "not inside A0")
        wanted = ("eimId", tlv.parse(received.unknown[0].octets).value.decode())
    found = []
    for eim in core.state.iot.eims:
        if wanted is not None and wanted[1] != eim.eim_id and not core.defective("iot-ignores-eim-criteria"):
            continue
        token = -1 if core.defective("iot-shows-token-as-asked") and eim.token is not None else eim.token
        if core.defective("iot-hides-token"):
            token = None
        if token is None and core.defective("iot-shows-token-zero"):
            token = 0
        counter = {"counterValue": eim.counter} if core.varies("iot-shows-counters") else {}
        if core.defective("iot-shows-initial-counter"):
            counter = {"counterValue": 0}
        found.append(eim.shown | counter | ({} if token is None else {"associationToken": token}))
    if core.varies("iot-lists-eims-backwards"):
        found.reverse()
    if core.defective("iot-shows-one-eim"):
        found = found[:1]
    if wanted is not None and not found and core.varies("iot-unknown-eim-is-refused"):
        raise codec.Asn1Error("GetEimConfigurationDataRequest", "searchCriteria", None, "no such eIM")
    answer = codec.encode("GetEimConfigurationDataResponse", {"eimConfigurationDataList": found})
    if core.defective("iot-configuration-without-list"):
        return tlv.encode(0xBF55, b"".join(codec.encode("EimConfigurationData", entry) for entry in found))
    if core.varies("iot-configuration-with-unknown-element"):
        answer = elements.extended_entries(answer)
    if core.defective("iot-configuration-out-of-order"):
        entries = [tlv.parse(codec.encode("EimConfigurationData", entry)).children() for entry in found]
        turned = [tlv.encode(0x30, b"".join(part.octets for part in reversed(parts))) for parts in entries]
        return tlv.encode(0xBF55, tlv.encode(0xA0, b"".join(turned)))
    return answer
