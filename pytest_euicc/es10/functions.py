"""The functions of ES10a, ES10b and ES10c (SGP.22 5.7): tags, types, clauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """One function: `tag` opens the request, `response_tag` the answer; `request` and `response` are ASN.1 types."""

    name: str
    tag: int
    request: str
    response: str
    interface: str
    clause: str
    title: str
    response_tag: int

    @property
    def full_name(self) -> str:
        """As SGP.22 writes it: ``ES10b.GetEUICCChallenge``."""
        return f"{self.interface}.{self.title}"

    @property
    def changes(self) -> bool:
        """It changes the card permanently, so it needs permission on a real one."""
        return self.name in _CHANGING

    @property
    def default(self) -> dict[str, Any] | None:
        """The request without arguments; None if arguments are required."""
        return _DEFAULTS.get(self.name)


_CHANGING = frozenset(
    {
        "set_default_dp_address",
        "load_bound_profile_package",
        "remove_notification_from_list",
        "load_crl",
        "enable_profile",
        "disable_profile",
        "delete_profile",
        "euicc_memory_reset",
        "set_nickname",
        # Of SGP.32.
        "add_initial_eim",
        "configure_immediate_profile_enabling",
        "disable_emergency_profile",
        "enable_emergency_profile",
        "execute_fallback_mechanism",
        "immediate_enable",
        "ipae_activation",
        "load_euicc_package",
        "profile_rollback",
        "return_from_fallback",
    }
)
# SGP.22 5.7.20: GetEuiccDataRequest lists the tag 5A, the EID. The others have no mandatory field.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "get_euicc_configured_addresses": {},
    "get_euicc_challenge": {},
    "get_euicc_info1": {},
    "get_euicc_info2": {},
    "list_notification": {},
    "retrieve_notifications_list": {},
    "get_rat": {},
    "get_profiles_info": {},
    "get_eid": {"tagList": b"\x5a"},
}


def _function(
    interface: str, clause: str, name: str, title: str, tag: int, request: str, response: str, response_tag: int = 0
) -> Function:
    return Function(name, tag, request, response, interface, clause, title, response_tag or tag)


def _pair(interface: str, clause: str, name: str, title: str, tag: int, stem: str) -> Function:
    return _function(interface, clause, name, title, tag, f"{stem}Request", f"{stem}Response")


_ALL = (
    _pair(
        "ES10a",
        "5.7.3",
        "get_euicc_configured_addresses",
        "GetEuiccConfiguredAddresses",
        0xBF3C,
        "EuiccConfiguredAddresses",
    ),
    _pair("ES10a", "5.7.4", "set_default_dp_address", "SetDefaultDpAddress", 0xBF3F, "SetDefaultDpAddress"),
    _pair("ES10b", "5.7.5", "prepare_download", "PrepareDownload", 0xBF21, "PrepareDownload"),
    _function(
        "ES10b",
        "5.7.6",
        "load_bound_profile_package",
        "LoadBoundProfilePackage",
        0xBF36,
        "BoundProfilePackage",
        "ProfileInstallationResult",
        0xBF37,
    ),
    _pair("ES10b", "5.7.7", "get_euicc_challenge", "GetEUICCChallenge", 0xBF2E, "GetEuiccChallenge"),
    _function("ES10b", "5.7.8", "get_euicc_info1", "GetEUICCInfo", 0xBF20, "GetEuiccInfo1Request", "EUICCInfo1"),
    _function("ES10b", "5.7.8", "get_euicc_info2", "GetEUICCInfo", 0xBF22, "GetEuiccInfo2Request", "EUICCInfo2"),
    _pair("ES10b", "5.7.9", "list_notification", "ListNotification", 0xBF28, "ListNotification"),
    _pair(
        "ES10b",
        "5.7.10",
        "retrieve_notifications_list",
        "RetrieveNotificationsList",
        0xBF2B,
        "RetrieveNotificationsList",
    ),
    _pair(
        "ES10b",
        "5.7.11",
        "remove_notification_from_list",
        "RemoveNotificationFromList",
        0xBF30,
        "NotificationSent",
    ),
    _pair("ES10b", "5.7.12", "load_crl", "LoadCRL", 0xBF35, "LoadCRL"),
    _pair("ES10b", "5.7.13", "authenticate_server", "AuthenticateServer", 0xBF38, "AuthenticateServer"),
    _pair("ES10b", "5.7.14", "cancel_session", "CancelSession", 0xBF41, "CancelSession"),
    _pair("ES10b", "5.7.22", "get_rat", "GetRAT", 0xBF43, "GetRat"),
    _pair("ES10c", "5.7.15", "get_profiles_info", "GetProfilesInfo", 0xBF2D, "ProfileInfoList"),
    _pair("ES10c", "5.7.16", "enable_profile", "EnableProfile", 0xBF31, "EnableProfile"),
    _pair("ES10c", "5.7.17", "disable_profile", "DisableProfile", 0xBF32, "DisableProfile"),
    _pair("ES10c", "5.7.18", "delete_profile", "DeleteProfile", 0xBF33, "DeleteProfile"),
    _pair("ES10c", "5.7.19", "euicc_memory_reset", "eUICCMemoryReset", 0xBF34, "EuiccMemoryReset"),
    _function("ES10c", "5.7.20", "get_eid", "GetEID", 0xBF3E, "GetEuiccDataRequest", "GetEuiccDataResponse"),
    _pair("ES10c", "5.7.21", "set_nickname", "SetNickname", 0xBF29, "SetNickname"),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""Every function by its Python name."""
