"""Options that an implementation under test may declare (names in the manner of SGP.23)."""

from __future__ import annotations

OPTIONS: dict[str, str] = {
    "O_E_NIST": "eUICC: keys and certificates on P-256",
    "O_E_BRP": "eUICC: keys and certificates on brainpoolP256r1",
    "O_E_BRP_VERIFICATION_ONLY": "eUICC: a Brainpool CI in the list for verification, not in that for signing",
    "O_E_LPAe": "eUICC: LPA inside the eUICC (SGP.22 5.7.1)",
    "O_E_LPAd": "eUICC: works with an LPA in the device",
    "O_E_OTA": "eUICC: ES6 over SCP80 (SGP.22 5.4)",
    "O_E_CRL": "eUICC: certificate revocation lists (SGP.22 5.7.12)",
    "O_E_TEST_PROFILE": "eUICC: test profiles (RSPCapability testProfileSupport)",
    "O_E_REUSE_OTPK": "eUICC: one-time key pair used again in a retried download (SGP.22 5.7.5)",
    "O_E_INTEGRATED": "eUICC: integrated in a tamper resistant element (EUICCInfo2 treProperties)",
    "O_E_CAT_BUSY": "eUICC: answers catBusy while a proactive session runs",
    "O_E_CLOCK": "eUICC: knows the time and checks the validity of certificates (SGP.22 4.5.2.2)",
    "O_E_RAT": "eUICC: Rules Authorisation Table with at least one entry",
    "O_E_SDS": "eUICC: root SM-DS address configured",
    "O_E_PROVISIONING": "eUICC: provisioning profile installed",
    "O_E_SERVICE_DATA": "eUICC: service specific data kept (RSPCapability serviceSpecificDataSupport)",
    "O_E_DEVICE_INFO_EXT": "eUICC: extensions of device info taken (RSPCapability deviceInfoExtensibilitySupport)",
    "O_E_FORBIDDEN_PPR": "eUICC: forbids Profile Policy Rules (EUICCInfo2 forbiddenProfilePolicyRules)",
    "O_E_IOT": "eUICC of SGP.32: LoadEuiccPackage and the ES10b functions for an IPA",
    "O_E_IOT_LPAD": "IoT eUICC that also serves an LPAd (ES10c of SGP.22)",
    "O_E_IOT_IPAE": "IoT eUICC: IPAe, which IpaeActivation starts (SGP.32 3.8.4)",
    "O_E_IOT_FALLBACK": "IoT eUICC: fallback mechanism (EUICCInfo2 fallbackSupported)",
    "O_E_IOT_ECALL": "IoT eUICC: emergency profile (EUICCInfo2 ecallSupported)",
    "O_E_IOT_ROLLBACK": "IoT eUICC: grants a rollback when it is asked for (SGP.32 3.4.1)",
    "O_E_IOT_IMMEDIATE": "IoT eUICC: immediate enabling can be configured (SGP.32 3.4.4)",
    "O_E_IOT_RESET_EIM": "IoT eUICC: memory reset deletes eIM configurations (SGP.32 5.9.5)",
    "O_E_IOT_RESET_IEC": "IoT eUICC: memory reset deletes the immediate enable configuration (SGP.32 5.9.5)",
    "O_E_IOT_TWO_EIMS": "IoT eUICC: room for at least two associated eIMs",
    "O_E_IOT_EIM_BRP": "IoT eUICC: eIM keys on brainpoolP256r1",
    "O_E_IOT_CONNECTIVITY": "IoT eUICC: an installed profile has connectivity parameters (SGP.32 5.9.24)",
    "O_E_IOT_PACKAGE_SIZE": "IoT eUICC: settings package_size and result_size are declared (bytes)",
    "O_E_IOT_KEPT_RESULTS": "IoT eUICC: setting results_kept, the number of package results kept, is declared",
    "O_P_NIST": "SM-DP+: keys and certificates on P-256",
    "O_P_BRP": "SM-DP+: keys and certificates on brainpoolP256r1",
    "O_P_TLS13": "SM-DP+: TLS 1.3",
    "O_P_SDS": "SM-DP+: registers events at an SM-DS",
    "O_P_RETRY": "SM-DP+: a profile that is Downloaded is offered again for a retry (SGP.22 3.1.3)",
    "O_P_REUSE_OTPK": "SM-DP+: offers the one-time key of the download before (bppEuiccOtpk, SGP.22 3.1.3)",
    "O_P_CC": "SM-DP+: confirmation codes",
    "O_P_ES2": "SM-DP+: provisioning over ES2+",
}
"""Name of each option and what it means; `register_option` adds a vendor's own."""


def register_option(name: str, meaning: str) -> None:
    """Make an option of one's own known, for declarations and for applicability.

    Args:
        name: starts with ``O_``, better with ``O_E_`` (eUICC) or ``O_P_`` (SM-DP+) and the vendor's name.
        meaning: what an implementation has that declares it, in one line.

    Raises:
        ValueError: the name does not start with ``O_``, or means something else already.
    """
    if not name.startswith("O_"):
        raise ValueError(f"option {name!r}: names of options start with O_")
    if OPTIONS.setdefault(name, meaning) != meaning:
        raise ValueError(f"option {name!r} means {OPTIONS[name]!r} already; choose another name")
