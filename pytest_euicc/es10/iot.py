"""The functions of ES10b that SGP.32 adds or changes (5.9): tags, types, clauses."""

from __future__ import annotations

from pytest_euicc.es10.functions import Function


def _function(clause: str, name: str, title: str, tag: int, request: str, response: str) -> Function:
    return Function(name, tag, request, response, "ES10b", f"SGP.32 {clause}", title, tag)


def _pair(clause: str, name: str, title: str, tag: int, stem: str) -> Function:
    return _function(clause, name, title, tag, f"{stem}Request", f"{stem}Response")


_ALL = (
    _pair("3.8.4", "ipae_activation", "IpaeActivation", 0xBF42, "IpaeActivation"),
    _function("5.9.1", "load_euicc_package", "LoadEuiccPackage", 0xBF51, "EuiccPackageRequest", "EuiccPackageResult"),
    _pair("5.9.4", "add_initial_eim", "AddInitialEim", 0xBF57, "AddInitialEim"),
    _pair("5.9.5", "euicc_memory_reset", "eUICCMemoryReset", 0xBF64, "SGP32-EuiccMemoryReset"),
    _pair("5.9.10", "get_certs", "GetCerts", 0xBF56, "GetCerts"),
    _pair(
        "5.9.11",
        "retrieve_notifications_list",
        "RetrieveNotificationsList",
        0xBF2B,
        "SGP32-RetrieveNotificationsList",
    ),
    _function(
        "5.9.14",
        "get_profiles_info",
        "GetProfilesInfo",
        0xBF2D,
        "ProfileInfoListRequest",
        "SGP32-ProfileInfoListResponse",
    ),
    _pair("5.9.15", "immediate_enable", "ImmediateEnable", 0xBF5A, "ImmediateEnable"),
    _pair("5.9.16", "profile_rollback", "ProfileRollback", 0xBF58, "ProfileRollback"),
    _pair(
        "5.9.17",
        "configure_immediate_profile_enabling",
        "ConfigureImmediateProfileEnabling",
        0xBF59,
        "ConfigureImmediateProfileEnabling",
    ),
    _pair("5.9.18", "get_eim_configuration_data", "GetEimConfigurationData", 0xBF55, "GetEimConfigurationData"),
    _pair("5.9.20", "execute_fallback_mechanism", "ExecuteFallbackMechanism", 0xBF5D, "ExecuteFallbackMechanism"),
    _pair("5.9.21", "return_from_fallback", "ReturnFromFallback", 0xBF5E, "ReturnFromFallback"),
    _pair("5.9.22", "enable_emergency_profile", "EnableEmergencyProfile", 0xBF5B, "EnableEmergencyProfile"),
    _pair("5.9.23", "disable_emergency_profile", "DisableEmergencyProfile", 0xBF5C, "DisableEmergencyProfile"),
    _pair("5.9.24", "get_connectivity_parameters", "GetConnectivityParameters", 0xBF5F, "GetConnectivityParameters"),
    _pair("5.9.25", "set_default_dp_address", "SetDefaultDpAddress", 0xBF65, "SGP32-SetDefaultDpAddress"),
)

IOT_FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""Every function by its Python name."""
