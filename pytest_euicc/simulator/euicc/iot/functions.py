"""ES10b for the IPA: certificates, notifications and results, profiles, memory reset, addresses (SGP.32 5.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import REFRESH_UICC_RESET, EuiccCore
from pytest_euicc.simulator.euicc.es10 import es10b
from pytest_euicc.simulator.euicc.iot import eims
from pytest_euicc.simulator.euicc.iot.mechanisms import (
    busy,
    configure_immediate_enabling,
    disable_emergency_profile,
    enable_emergency_profile,
    execute_fallback,
    immediate_enable,
    profile_rollback,
    return_from_fallback,
)
from pytest_euicc.simulator.euicc.iot.operations import profile_list, set_address
from pytest_euicc.simulator.euicc.iot.packages import load_euicc_package
from pytest_euicc.simulator.euicc.iot.state import ImmediateEnable
from pytest_euicc.simulator.euicc.iot.switching import fallback_profile, remove, update
from pytest_euicc.simulator.euicc.loading.loading import NotAllowed
from pytest_euicc.simulator.euicc.state import EVENTS, Profile, bit_names


def activate_ipae(core: EuiccCore, request: bytes) -> bytes:
    """IpaeActivation (SGP.32 3.8.4)."""
    codec.decode("IpaeActivationRequest", request)
    if not core.settings.sgp32.ipae and core.varies("iot-ipae-activation-is-refused"):
        raise NotAllowed
    if core.settings.sgp32.ipae:
        update(core, ipae_active=True)
    supported = core.settings.sgp32.ipae or core.defective("iot-activates-missing-ipae")
    return codec.encode("IpaeActivationResponse", {"ipaeActivationResult": 0 if supported else 1})


def get_certs(core: EuiccCore, request: bytes) -> bytes:
    """The eUICC's certificate and its EUM's, under a CI of the signing list (SGP.32 5.9.10)."""
    wanted = codec.decode("GetCertsRequest", request).get("euiccCiPKId")
    identity = core.identity()
    if core.state.iot.eims and core.defective("iot-no-certs-with-eim"):
        return codec.encode("GetCertsResponse", ("getCertsError", "undefinedError"))
    if wanted is not None:
        found = core.credentials.identities.get(wanted)
        if found is None and not core.defective("iot-certs-of-any-ci"):
            return codec.encode("GetCertsResponse", ("getCertsError", "invalidCiPKId"))
        identity = found or identity
        if core.defective("iot-certs-of-first-ci"):
            identity = core.identity()
    certificates = {"eumCertificate": identity.chain[0].der, "euiccCertificate": identity.certificate.der}
    if core.varies("iot-whole-certificates"):
        certificates = {name: tlv.encode(0x30, octets) for name, octets in certificates.items()}
    if core.defective("iot-certs-as-octet-strings"):
        certificates = {name: tlv.encode(0x30, tlv.encode(0x04, octets)) for name, octets in certificates.items()}
    if core.defective("iot-certs-exchanged"):
        certificates = dict(zip(certificates, reversed(certificates.values()), strict=True))
    return codec.encode("GetCertsResponse", ("certs", certificates))


def retrieve(core: EuiccCore, request: bytes) -> bytes:
    """Notifications, or package results where they are asked for (SGP.32 5.9.11)."""
    received = codec.receive("SGP32-RetrieveNotificationsListRequest", request)
    criteria = received.value.get("searchCriteria")
    if criteria is None and received.unknown and not core.varies("iot-unknown-criteria-are-ignored"):
        if not core.varies("iot-takes-bare-criteria"):
            raise codec.Asn1Error("SGP32-RetrieveNotificationsListRequest", "searchCriteria", None, "not inside A0")
        criteria = ("euiccPackageResults", None)
    results, notifications = core.state.iot.results, list(core.state.notifications)
    if criteria is None and core.defective("iot-results-among-notifications"):
        found = [entry.octets for entry in notifications] + [entry.octets for entry in results]
        return tlv.encode(0xBF2B, tlv.encode(0xA0, b"".join(found)))
    if core.varies("iot-retrieving-ends-session"):
        core.installed = None
    if criteria is not None:
        kind, wanted = criteria
        if kind == "profileManagementOperation":
            events = bit_names(EVENTS, wanted)
            notifications = [entry for entry in notifications if entry.event in events]
        elif kind == "seqNumber":
            notifications = [entry for entry in notifications if entry.number == wanted]
            results = tuple(entry for entry in results if entry.number == wanted)
            if core.defective("iot-results-not-by-number"):
                results = ()
        none = kind == "seqNumber" and not notifications and not core.settings.sgp32.lpad
        if none and core.varies("iot-unknown-number-is-no-result"):
            return _results(core, [entry.octets for entry in results])
        if kind == "euiccPackageResults" or (kind == "seqNumber" and results):
            return _results(core, [entry.octets for entry in results])
    return tlv.encode(0xBF2B, tlv.encode(0xA0, b"".join(entry.octets for entry in notifications)))


def _results(core: EuiccCore, found: list[bytes]) -> bytes:
    if core.defective("iot-results-are-undefined"):
        error = ("notificationsListResultError", "undefinedError")
        return codec.encode("SGP32-RetrieveNotificationsListResponse", error)
    if core.defective("iot-results-removed-when-retrieved"):
        update(core, results=())
    if core.defective("iot-results-without-tag"):
        found = [tlv.parse(octets).value for octets in found]
    if not found and core.varies("iot-no-results-is-no-notification"):
        return tlv.encode(0xBF2B, tlv.encode(0xA0, b""))
    if core.defective("iot-results-as-notifications"):
        return tlv.encode(0xBF2B, tlv.encode(0xA0, b"".join(found)))
    return tlv.encode(0xBF2B, tlv.encode(0xA2, b"".join(found)))


def remove_from_list(core: EuiccCore, request: bytes) -> bytes:
    """Remove a notification or a package result by its number (SGP.32 5.9.12)."""
    number = codec.decode("NotificationSentRequest", request)["seqNumber"]
    kept = tuple(entry for entry in core.state.iot.results if entry.number != number)
    if len(kept) == len(core.state.iot.results):
        return es10b.remove_notification(core, request)
    if core.defective("iot-removes-every-result"):
        kept = ()
    if not core.defective("iot-result-cannot-be-removed"):
        update(core, results=kept)
    grant = core.state.iot.rollback
    if grant is not None and grant.result == number and core.varies("iot-removed-result-ends-rollback"):
        update(core, rollback=None)
    return codec.encode("NotificationSentResponse", {"deleteNotificationStatus": "ok"})


def get_profiles_info(core: EuiccCore, request: bytes) -> bytes:
    """GetProfilesInfo (SGP.32 5.9.14)."""
    value = codec.decode("ProfileInfoListRequest", request)
    if core.state.iot.pending is not None and core.varies("iot-no-list-before-refresh"):
        error = ("profileInfoListError", "profileChangeOngoing")
        return codec.encode("SGP32-ProfileInfoListResponse", error)
    answer = profile_list(core, value)
    if answer[0] == "profileInfoListError" and core.defective("iot-list-error-untagged"):
        return tlv.encode(0xBF2D, tlv.encode(0x02, bytes([answer[1]])))
    return codec.encode("SGP32-ProfileInfoListResponse", answer)


def memory_reset(core: EuiccCore, request: bytes) -> bytes:
    """eUICCMemoryReset of an IoT eUICC (SGP.32 5.9.5)."""
    bits = codec.decode("SGP32-EuiccMemoryResetRequest", request)["resetOptions"]
    node = codec.fields("SGP32-EuiccMemoryResetRequest").field("resetOptions")
    chosen = bit_names(tuple(node.names) if node else (), bits)
    value: dict[str, Any] = {"resetResult": _reset_profiles(core, chosen)}
    if value["resetResult"] in (0, 1):
        value |= _reset_eims(core, chosen)
    other = "resetEimResult" in value and value["resetEimResult"] == 0
    if other and value["resetResult"] == 1 and core.varies("iot-reset-of-eims-is-ok"):
        value["resetResult"] = 0
    if core.defective("iot-reset-answers-everything"):
        value = {"resetEimResult": 0, "resetImmediateEnableConfigResult": 0} | value
    return codec.encode("SGP32-EuiccMemoryResetResponse", value)


def _reset_profiles(core: EuiccCore, chosen: frozenset[str]) -> int:
    if core.state.iot.emergency is not None and not core.defective("iot-reset-in-emergency"):
        return 104
    if busy(core):
        return 5
    doomed = [profile for profile in core.state.profiles if _is_doomed(core, profile, chosen)]
    address = "resetDefaultSmdpAddress" in chosen and core.state.default_address != core.settings.default_address
    if core.defective("iot-reset-keeps-address"):
        address = False
    if core.defective("iot-reset-clears-address-always"):
        address = True
    if not doomed and not address:
        return 0 if core.defective("iot-reset-nothing-is-ok") else 1
    if any(profile.enabled for profile in doomed) and not core.defective("iot-reset-without-refresh"):
        core.refresh = REFRESH_UICC_RESET
    for profile in doomed:
        remove(core, profile, notify=not core.defective("iot-reset-without-notifications"))
    if address:
        core.state = replace(core.state, default_address=core.settings.default_address)
    if doomed:
        update(core, rollback=None, return_to=None)
    if core.defective("iot-reset-spoils-results"):
        kept = (replace(entry, octets=entry.octets[:-1] + b"\x00") for entry in core.state.iot.results)
        update(core, results=tuple(kept))
    if core.defective("iot-reset-drops-eims"):
        update(core, eims=())
    return 0


def _is_doomed(core: EuiccCore, profile: Profile, chosen: frozenset[str]) -> bool:
    spared = profile.has_rule(2) and core.defective("iot-reset-spares-ppr2")
    if spared or (profile == fallback_profile(core) and core.defective("iot-reset-spares-fallback")):
        return False
    if profile.is_test:
        loaded = "deleteFieldLoadedTestProfiles" if profile.field_loaded else "deletePreLoadedTestProfiles"
        return loaded in chosen
    return ("deleteOperationalProfiles" if profile.is_operational else "deleteProvisioningProfiles") in chosen


def _reset_eims(core: EuiccCore, chosen: frozenset[str]) -> dict[str, Any]:
    settings, found = core.settings.sgp32, {}
    if "resetEimConfigData" in chosen:
        if not settings.reset_eim and not core.defective("iot-eim-reset-unsupported-is-ok"):
            found["resetEimResult"] = 2
        elif not core.state.iot.eims:
            found["resetEimResult"] = 0 if core.defective("iot-reset-of-no-eims-is-ok") else 1
        else:
            found["resetEimResult"] = 0
            if core.varies("iot-reset-of-eims-drops-results"):
                update(core, results=())
            if not core.defective("iot-reset-keeps-eims"):
                update(core, eims=(), rollback=None)
            if core.defective("iot-reset-forgets-tokens"):
                update(core, last_token=0)
    if "resetImmediateEnableConfig" in chosen:
        supported = settings.reset_immediate_enable or core.defective("iot-immediate-reset-unsupported-is-ok")
        found["resetImmediateEnableConfigResult"] = 0 if supported else 1
        if settings.reset_immediate_enable and not core.defective("iot-reset-keeps-immediate"):
            update(core, immediate=ImmediateEnable())
    return found


def set_default_dp_address(core: EuiccCore, request: bytes) -> bytes:
    """SetDefaultDpAddress by the IPA (SGP.32 5.9.25)."""
    try:
        value = codec.decode("SGP32-SetDefaultDpAddressRequest", request)
    except codec.Asn1Error:
        if not core.varies("iot-odd-address-is-undefined"):
            raise
        return codec.encode("SGP32-SetDefaultDpAddressResponse", {"setDefaultDpAddressResult": 127})
    ruled = core.state.iot.eims and core.varies("iot-address-by-eims-alone")
    result = {"setDefaultDpAddressResult": 127 if ruled else set_address(core, value)}
    return codec.encode("SGP32-SetDefaultDpAddressResponse", result)


def get_connectivity_parameters(core: EuiccCore, request: bytes) -> bytes:
    """The HTTP connection parameters of the enabled profile (SGP.32 5.9.24)."""
    codec.decode("GetConnectivityParametersRequest", request)
    enabled = core.state.enabled
    if core.defective("iot-connectivity-of-first-profile"):
        enabled = next((profile for profile in core.state.profiles if profile.connectivity), None)
    if enabled is None or not enabled.connectivity:
        error = ("connectivityParametersError", "parametersNotAvailable")
        if core.defective("iot-no-connectivity-is-empty"):
            return codec.encode("GetConnectivityParametersResponse", ("connectivityParameters", {}))
        return codec.encode("GetConnectivityParametersResponse", error)
    parameters = codec.encode(
        "GetConnectivityParametersResponse", ("connectivityParameters", {"httpParams": enabled.connectivity})
    )
    if core.defective("iot-connectivity-without-choice"):
        return tlv.encode(0xBF5F, tlv.parse(parameters).children()[0].value)
    return parameters


HANDLERS = {
    0xBF42: activate_ipae,
    0xBF51: load_euicc_package,
    0xBF55: eims.get_configuration,
    0xBF56: get_certs,
    0xBF57: eims.add_initial_eim,
    0xBF58: profile_rollback,
    0xBF59: configure_immediate_enabling,
    0xBF5A: immediate_enable,
    0xBF5B: enable_emergency_profile,
    0xBF5C: disable_emergency_profile,
    0xBF5D: execute_fallback,
    0xBF5E: return_from_fallback,
    0xBF5F: get_connectivity_parameters,
    0xBF64: memory_reset,
    0xBF65: set_default_dp_address,
    0xBF2B: retrieve,
    0xBF30: remove_from_list,
    0xBF2D: get_profiles_info,
}
"""What an eUICC of SGP.32 answers in place of, or besides, the functions of SGP.22."""

_UNDEFINED_FOR_LPAD = frozenset({0xBF31, 0xBF32, 0xBF33, 0xBF34})
OF_LPAD = frozenset({0xBF31, 0xBF32, 0xBF33, 0xBF34, 0xBF3F, 0xBF29, 0xBF35})
"""Functions of SGP.22 for an LPAd that an IoT eUICC without one does not have."""


_ABSENT = {
    "iot-absent-fallback-is-refused": ("fallback", (0xBF5D, 0xBF5E)),
    "iot-absent-emergency-is-refused": ("ecall", (0xBF5B, 0xBF5C)),
    "iot-absent-immediate-is-refused": ("immediate_enable", (0xBF59, 0xBF5A)),
}
"""Variants: functions that are refused with a status word where their option is not there."""


def handler(core: EuiccCore, tag: int) -> Callable[[EuiccCore, bytes], bytes] | None:
    """The function of SGP.32 under a tag, if this eUICC has it."""
    iot = core.settings.iot
    for name, (option, tags) in _ABSENT.items():
        if tag in tags and not getattr(iot, option) and core.varies(name):
            return None
    if iot is not None and not iot.lpad and tag in _UNDEFINED_FOR_LPAD and core.varies("iot-lpad-gets-undefined"):
        return lambda _core, _request: tlv.encode(tag, b"\x80\x01\x7f")
    return HANDLERS.get(tag)


def answers(core: EuiccCore, tag: int) -> bool:
    """Whether this eUICC has a function of SGP.22, being one of SGP.32."""
    iot = core.settings.iot
    found = iot is None or iot.lpad or tag not in OF_LPAD or core.defective("iot-serves-lpad")
    core.packages_blocked |= not found and core.defective("iot-lpad-function-blocks-packages")
    return found
