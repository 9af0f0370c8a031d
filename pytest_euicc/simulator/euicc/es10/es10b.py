"""ES10b on the eUICC: information, challenge, notifications, RAT, mutual authentication (SGP.22 5.7.5 to 5.7.14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.es10 import authentication, preparation, revocation
from pytest_euicc.simulator.euicc.es10.preparation import KeyStore
from pytest_euicc.simulator.euicc.es10.session import RspSession, Verifier
from pytest_euicc.simulator.euicc.loading.loading import NotAllowed
from pytest_euicc.simulator.euicc.settings import rat_value
from pytest_euicc.simulator.euicc.state import EVENTS, Notification, bit_names, named_bits
from pytest_euicc.simulator.euicc.variants import elements, information

_V2_4 = b"\x02\x04\x00"


def get_challenge(core: EuiccCore, request: bytes) -> bytes:
    """A fresh challenge; a session that was there is over (SGP.22 5.7.7)."""
    codec.decode("GetEuiccChallengeRequest", request)
    challenge = core.challenge()
    kept = core.defective("challenge-keeps-session")
    core.session = replace(core.session, challenge=challenge) if kept else RspSession(challenge)
    return codec.encode("GetEuiccChallengeResponse", {"euiccChallenge": challenge})


def get_info1(core: EuiccCore, request: bytes) -> bytes:
    """EUICCInfo1 (SGP.22 5.7.8)."""
    codec.decode("GetEuiccInfo1Request", request)
    value = {"svn": core.settings.svn} | _ci_lists(core)
    changes = core.state.enabled is not None and core.defective("info1-changes-with-profile")
    if changes or core.defective("info1-svn"):
        value["svn"] = bytes([value["svn"][0], value["svn"][1], value["svn"][2] ^ 1])
    if core.defective("info1-without-signing-keys"):
        value["euiccCiPKIdListForSigning"] = []
    octets = codec.encode("EUICCInfo1", value)
    return information.vary_info1(octets, core.varies) if core.variants else octets


def _ci_lists(core: EuiccCore) -> dict[str, Any]:
    verification, signing = list(core.credentials.trust), list(core.credentials.identities)
    if core.changed_by_reset:
        verification.reverse()
    if core.defective("signing-without-verification"):
        signing.append(bytes(20))
    return {"euiccCiPKIdListForVerification": verification, "euiccCiPKIdListForSigning": signing}


def info2(core: EuiccCore) -> bytes:
    """EUICCInfo2 as it is at this moment (SGP.22 5.7.8)."""
    settings = core.settings
    node = codec.fields("EUICCInfo2")

    def bits(field: str, names: frozenset[str]) -> tuple[bytes, int]:
        described = node.field(field)
        return named_bits(tuple(described.names) if described else (), names)

    # ETSI TS 102 226 8.2.1.7.2: number of applications (00 on an eUICC), free non-volatile and free volatile memory.
    applications = len(core.state.profiles) if core.defective("counts-applications") else 0
    free, volatile = core.free_memory, settings.volatile_memory
    if core.variants:
        free = information.free_memory(free, len(core.state.notifications), core.memory_tellings, core.varies)
        volatile = information.free_volatile_memory(volatile, core.memory_tellings, core.varies)
        core.memory_tellings += 1
    resources = (
        tlv.encode(0x81, bytes([applications]))
        + tlv.encode(0x82, free.to_bytes(4, "big"))
        + tlv.encode(0x83, volatile.to_bytes(4, "big"))
    )
    if core.variants:
        resources = information.vary_resources(resources, core.varies)
    value: dict[str, Any] = {
        "profileVersion": settings.profile_version,
        "svn": settings.svn,
        "euiccFirmwareVer": settings.firmware,
        "extCardResource": resources,
        "uiccCapability": bits("uiccCapability", settings.uicc_capability),
        "rspCapability": bits("rspCapability", settings.rsp_capability),
        "ppVersion": settings.pp_version,
        "sasAcreditationNumber": settings.accreditation,
        "certificationDataObject": {
            "platformLabel": settings.platform_label,
            "discoveryBaseURL": settings.discovery_url,
        },
    } | _ci_lists(core)
    optional = {
        "ts102241Version": settings.ts102241_version,
        "globalplatformVersion": settings.globalplatform_version,
        "euiccCategory": settings.category,
    }
    value |= {name: given for name, given in optional.items() if given is not None}
    forbidden = settings.forbidden_ppr | ({"ppr1"} if core.defective("forbids-ppr1") else set())
    if forbidden:
        value["forbiddenProfilePolicyRules"] = bits("forbiddenProfilePolicyRules", frozenset(forbidden))
    if settings.additional_profile_versions:
        value["additionalEuiccProfilePackageVersions"] = list(settings.additional_profile_versions)
    if settings.integrated and not core.defective("integrated-without-properties"):
        value |= {"treProperties": bits("treProperties", frozenset({"isIntegrated"})), "treProductReference": "SIM-1"}
    if settings.iot is not None:
        value |= _iot_fields(core)
    value |= _wrong_fields(core, bits)
    octets = codec.encode("EUICCInfo2", value)
    if core.defective("iot-info-out-of-order"):
        parts = tlv.parse(octets).children()
        octets = tlv.encode(0xBF22, b"".join(part.octets for part in sorted(parts, key=lambda part: part.tag != 0xB4)))
    return information.vary_info2(octets, core.varies) if core.variants else octets


def _iot_fields(core: EuiccCore) -> dict[str, Any]:
    """ipaMode and iotSpecificInfo (SGP.32 5.9.2)."""
    iot = core.settings.sgp32
    info: dict[str, Any] = {"iotVersion": list(iot.versions)}
    if core.defective("iot-other-version"):
        info["iotVersion"] = [b"\x01\x00\x00"]
    if iot.ecall != core.defective("iot-ecall-told-wrong"):
        info["ecallSupported"] = None
    if iot.fallback != core.defective("iot-fallback-told-wrong"):
        info["fallbackSupported"] = None
    mode = int(core.state.iot.ipae_active)
    fields = {"lpaMode": 1 - mode if core.defective("iot-other-ipa-mode") else mode, "iotSpecificInfo": info}
    if core.defective("iot-without-specific-info"):
        del fields["iotSpecificInfo"]
    return fields


def _wrong_fields(core: EuiccCore, bits: Callable[[str, frozenset[str]], tuple[bytes, int]]) -> dict[str, Any]:
    """Fields of EUICCInfo2 as defects have them."""
    if not core.defects:
        return {}
    settings = core.settings
    wrong: dict[str, Any] = {}
    if core.defective("other-versions"):
        wrong = dict.fromkeys(("ppVersion", "profileVersion", "euiccFirmwareVer"), b"\t\t\t")
    if core.defective("long-accreditation-number"):
        wrong["sasAcreditationNumber"] = "X" * 65
    missing = {
        "no-additional-profile": {"additionalProfile"},
        "announces-too-little": {"testProfileSupport", "crlSupport", "serviceSpecificDataSupport"},
    }
    for name, names in missing.items():
        if core.defective(name):
            wrong["rspCapability"] = bits("rspCapability", settings.rsp_capability - names)
    if core.defective("announces-everything"):
        wrong["rspCapability"] = (b"\xfc", 6)
    return wrong


def get_info2(core: EuiccCore, request: bytes) -> bytes:
    """EUICCInfo2 (SGP.22 5.7.8)."""
    codec.decode("GetEuiccInfo2Request", request)
    return info2(core)


def get_rat(core: EuiccCore, request: bytes) -> bytes:
    """The Rules Authorisation Table (SGP.22 5.7.22)."""
    codec.decode("GetRatRequest", request)
    rat = rat_value(core.settings)
    if core.defective("rat-without-wildcard") or core.changed_by_reset:
        rat = rat[:-1]
    if core.defective("rat-allows-everything"):
        rat.append({"pprIds": (b"\x60", 3), "allowedOperators": [{"mccMnc": b"\xee\xee\xee"}], "pprFlags": (b"", 0)})
    if core.defective("short-operator"):
        rat = [rule | {"allowedOperators": [{"mccMnc": bytes(2)}]} for rule in rat]
    answer = codec.encode("GetRatResponse", {"rat": rat})
    return elements.extended_entries(answer) if core.varies("rules-with-unknown-element") else answer


def _pending(core: EuiccCore) -> list[Notification]:
    pending = list(core.state.notifications)
    return pending[::-1] if core.varies("newest-notification-first") else pending


def _matching(core: EuiccCore, bits: tuple[bytes, int] | None) -> list[Notification]:
    if bits is None or core.defective("ignores-notification-filter"):
        return _pending(core)
    events = bit_names(EVENTS, bits)
    return [entry for entry in _pending(core) if entry.event in events]


def _criteria(core: EuiccCore, type_name: str, request: bytes) -> dict[str, Any]:
    """A request for notifications."""
    try:
        value: dict[str, Any] = codec.decode(type_name, request)
    except codec.Asn1Error:
        if core.varies("malformed-criteria-are-read"):
            return _read_anyway(request)
        if not core.defective("malformed-filter-is-none"):
            raise
        value = {}
    return value


def _read_anyway(request: bytes) -> dict[str, Any]:
    """Criteria for a card that looks at neither the number of unused bits nor the length of a number.

    Raises:
        tlv.TlvError: it has none of the two.
    """
    if tlv.parse(request).tag == 0xBF28:
        event = tlv.parse(tlv.find(request, 0xBF28, 0x81)).value
        return {"profileManagementOperation": ((event + bytes(2))[1:2], len(EVENTS))}
    number = tlv.parse(tlv.find(request, 0xBF2B, 0xA0, 0x80)).value
    return {"searchCriteria": ("seqNumber", int.from_bytes(number, "big"))}


def list_notification(core: EuiccCore, request: bytes) -> bytes:
    """Metadata of pending notifications, an empty list if none matches (SGP.22 5.7.9)."""
    wanted = _criteria(core, "ListNotificationRequest", request).get("profileManagementOperation")
    entries = [entry.metadata() for entry in _matching(core, wanted)]
    if core.defective("result-not-listed"):
        entries = [entry.metadata() for entry in _matching(core, wanted) if entry.octets[:2] != b"\xbf\x37"]
    if core.channel != 1 and core.defective("removed-on-channel-1"):
        entries += [entry.metadata() for entry in core.removed]
    if not entries and core.defective("empty-list-is-error"):
        return codec.encode("ListNotificationResponse", ("listNotificationsResultError", "undefinedError"))
    if core.defective("renumbers-when-listed"):
        core.listings += 1
        entries = [entry | {"seqNumber": entry["seqNumber"] + core.listings} for entry in entries]
    if core.defective("listing-removes"):
        core.state = replace(core.state, notifications=())
    answer = codec.encode("ListNotificationResponse", ("notificationMetadataList", entries))
    return elements.extended_entries(answer) if core.varies("notification-with-unknown-element") else answer


def retrieve_notifications(core: EuiccCore, request: bytes) -> bytes:
    """Pending notifications with their signatures, as they were made (SGP.22 5.7.10)."""
    criteria = _criteria(core, "RetrieveNotificationsListRequest", request).get("searchCriteria")
    if criteria is None or (criteria[0] == "seqNumber" and core.defective("ignores-sequence-number")):
        found = _pending(core)
    elif criteria[0] == "seqNumber":
        found = [entry for entry in core.state.notifications if entry.number == criteria[1]]
    else:
        found = _matching(core, criteria[1])
    if not found and core.defective("no-result-is-undefined"):
        error = ("notificationsListResultError", "undefinedError")
        return codec.encode("RetrieveNotificationsListResponse", error)
    # It was there up to v2.3, and is gone in v2.5.
    if not found and core.settings.svn < _V2_4 and core.varies("no-result-is-an-error"):
        return tlv.encode(0xBF2B, tlv.encode(0x81, b"\x01"))
    if core.defective("removes-when-retrieved"):
        core.state = replace(core.state, notifications=())
    return tlv.encode(0xBF2B, tlv.encode(0xA0, b"".join(entry.octets for entry in found)))


def remove_notification(core: EuiccCore, request: bytes) -> bytes:
    """Remove one notification by its sequence number (SGP.22 5.7.11)."""
    number = codec.decode("NotificationSentRequest", request)["seqNumber"]
    kept = tuple(entry for entry in core.state.notifications if entry.number != number)
    found = len(kept) < len(core.state.notifications)
    if core.defective("removes-all-notifications"):
        kept = ()
    core.removed = [entry for entry in core.state.notifications if entry not in kept]
    if core.defective("removal-has-no-effect"):
        kept = core.state.notifications
    core.state = replace(core.state, notifications=kept)
    status = "ok" if found or core.defective("remove-unknown-is-ok") else "nothingToDelete"
    return codec.encode("NotificationSentResponse", {"deleteNotificationStatus": status})


def authenticate_server(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.13."""
    codec.decode("AuthenticateServerRequest", request)
    if core.locked:
        raise NotAllowed
    verifier = _verifier(core, Role.DP_AUTH)
    answer, core.session = authentication.authenticate_server(core.session, request, verifier, lambda: info2(core))
    core.locked = core.session.server is None and core.defective("no-session-after-an-error")
    return answer


def prepare_download(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.5; the one-time key is kept from now on, as a retry may come without any load (3.1.3)."""
    codec.decode("PrepareDownloadRequest", request)
    keys = KeyStore(core.state.kept_keys, core.new_key)
    verifier = _verifier(core, Role.DP_PB)
    answer, core.session = preparation.prepare_download(core.session, request, verifier, keys)
    if core.session.download is not None:
        core.keep_key(core.session.download.one_time_key)
    return answer


def cancel_session(core: EuiccCore, request: bytes) -> bytes:
    """SGP.22 5.7.14."""
    if core.session.server is None and core.defective("cancel-without-session-is-refused"):
        raise NotAllowed
    answer, core.session = authentication.cancel_session(core.session, request, _verifier(core, Role.DP_AUTH))
    return answer


def _verifier(core: EuiccCore, role: Role) -> Verifier:
    """How certificates of a role are checked."""

    def revoked(certificate: Certificate) -> bool:
        return not core.defective(f"ignores-revoked-{role.value}") and revocation.is_revoked(core, certificate)

    return Verifier(core.credentials, core.time, revoked, core.defective, core.varies)


HANDLERS = {
    0xBF2E: get_challenge,
    0xBF20: get_info1,
    0xBF22: get_info2,
    0xBF43: get_rat,
    0xBF28: list_notification,
    0xBF2B: retrieve_notifications,
    0xBF30: remove_notification,
    0xBF38: authenticate_server,
    0xBF21: prepare_download,
    0xBF41: cancel_session,
    0xBF35: revocation.load_crl,
}
