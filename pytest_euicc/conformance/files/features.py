"""Options that an implementation under test may declare (names in the manner of SGP.23)."""

from __future__ import annotations

OPTIONS: dict[str, str] = {
    "O_E_NIST": "eUICC: keys and certificates on P-256",
    "O_E_BRP": "eUICC: keys and certificates on brainpoolP256r1",
    "O_E_BRP_VERIFICATION_ONLY": "eUICC: a Brainpool CI in the list for verification but not in the list for signing",
    "O_E_LPAe": "eUICC: LPA inside the eUICC (SGP.22 5.7.1)",
    "O_E_LPAd": "eUICC: works with an LPA in the device",
    "O_E_ISDR_CHANNELS": "eUICC: the ISD-R can be selected on several logical channels at a time",
    "O_E_OTA": "eUICC: ES6 over SCP80 (SGP.22 5.4)",
    "O_E_CRL": "eUICC: certificate revocation lists (SGP.22 5.7.12)",
    "O_E_TEST_PROFILE": "eUICC: test profiles (RSPCapability testProfileSupport)",
    "O_E_REUSE_OTPK": "eUICC: reuses the one-time key pair in a retried download (SGP.22 5.7.5)",
    "O_E_INTEGRATED": "eUICC: integrated in a tamper resistant element (EUICCInfo2 treProperties)",
    "O_E_CAT_BUSY": "eUICC: returns catBusy during a proactive session",
    "O_E_CLOCK": "eUICC: knows the time and checks the validity of certificates (SGP.22 4.5.2.2)",
    "O_E_RAT": "eUICC: Rules Authorisation Table with at least one entry",
    "O_E_SDS": "eUICC: root SM-DS address configured",
    "O_E_PROVISIONING": "eUICC: provisioning profile installed",
    "O_E_SERVICE_DATA": "eUICC: stores service specific data (RSPCapability serviceSpecificDataSupport)",
    "O_E_DEVICE_INFO_EXT": "eUICC: accepts extensions of DeviceInfo (RSPCapability deviceInfoExtensibilitySupport)",
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
    "O_P_REUSE_OTPK": "SM-DP+: offers the one-time key of the previous download (bppEuiccOtpk, SGP.22 3.1.3)",
    "O_P_CC": "SM-DP+: confirmation codes",
    "O_P_ES2": "SM-DP+: provisioning over ES2+",
    "O_D_AC_MANUAL": "LPA: an activation code can be typed (without the prefix LPA:)",
    "O_D_AC_QR": "LPA: an activation code can be given as the text of a QR code (with LPA:)",
    "O_D_CONFIRMATION_CODE": "LPA: downloads with a confirmation code",
    "O_D_CC_PROMPT": "LPA: asks for the confirmation code in the session; otherwise it is given beforehand",
    "O_D_USER_CONSENT": "LPA: asks the user before a profile is installed",
    "O_D_NOT_NOW": "LPA: offers to postpone as well as to reject",
    "O_D_CONSENT_TIMEOUT": "LPA: gives up an unanswered prompt by itself; its time limit is declared",
    "O_D_ABORT": "LPA: the user can abort a running download",
    "O_D_METADATA": "LPA: shows the profile's metadata before it installs",
    "O_D_ICON": "LPA: shows or hands out icons",
    "O_D_PPR": "LPA: installs profiles with PPRs on the card it is tested with",
    "O_D_REMOVABLE": "LPA: the card can be removed and reinserted; the driver or the bench does it",
    "O_D_DEFAULT_DP": "LPA: downloads from the default SM-DP+ address of the eUICC",
    "O_D_SET_DEFAULT_DP": "LPA: sets and clears the default SM-DP+ address",
    "O_D_SMDS": "LPA: retrieves events from an SM-DS",
    "O_D_SMDS_ADDRESS": "LPA: the SM-DS address can be given by the user or configuration",
    "O_D_POWER_ON_DISCOVERY": "LPA: looks for profiles by itself at power-on when no operational profile is there",
    "O_D_LIST": "LPA: lists profiles",
    "O_D_ENABLE": "LPA: enables profiles",
    "O_D_DISABLE": "LPA: disables profiles",
    "O_D_DELETE": "LPA: deletes profiles",
    "O_D_NICKNAME": "LPA: sets nicknames",
    "O_D_EID": "LPA: shows the EID",
    "O_D_EUICC_INFO": "LPA: shows EUICCInfo2 or parts of it",
    "O_D_MEMORY_RESET": "LPA: eUICC memory reset",
    "O_D_TEST_MODE": "LPA: has a device test mode, with test profiles and the reset of test profiles",
    "O_D_STRONG_CONFIRM": "LPA: asks for confirmation itself before delete, memory reset and the like",
    "O_D_REFRESH_CHOICE": "LPA: the refresh flag can be chosen by the driver",
    "O_D_CAT": "LPA: fetches and answers proactive commands itself; otherwise the modem does",
    "O_D_STARTS_CARD": "LPA: starts the card itself (ATR, TERMINAL CAPABILITY); otherwise a modem does that before",
    "O_D_ISDR_AID": "LPA: another AID for the ISD-R can be configured",
    "O_D_NOTIFY_AUTO": "LPA: delivers pending notifications by itself (after an operation, or at its next start)",
    "O_D_NOTIFY_MANUAL": "LPA: delivers pending notifications on request",
    "O_D_NOTIFY_LIST": "LPA: lists pending notifications",
    "O_D_RETRY": "LPA: repeats a request by itself after a communication failure",
    "O_D_RESTART": "LPA: the driver can end and start the LPA, and kill it",
    "O_D_IMEI": "LPA: knows an IMEI (of its own, or given)",
    "O_D_BRP": "LPA: accepts servers with certificates on brainpoolP256r1 (everything else uses P-256)",
    "O_D_TLS13": "LPA: offers TLS 1.3",
    "O_D_PUBLIC_CA": "LPA: accepts TLS certificates of public CAs as well as those under a GSMA CI (v2.4 and later)",
    "O_D_TLS_RSP": "LPA: checks the RSP policy of TLS certificates under a GSMA CI",
    "O_D_TLS_BRP": "LPA: accepts TLS certificates on brainpoolP256r1",
    "O_D_TLS_CRL": "LPA: checks TLS certificates against the revocation list that they name",
    "O_D_CRL": "LPA: passes CRLs to the eUICC (ES10b.LoadCRL)",
    "O_D_LOG": "LPA: writes a log that the bench can read",
    "O_D_ACR": "LPA: activation code retrieval (v2.7)",
}
"""Name of each option and what it means; `register_option` adds a vendor's own."""


def register_option(name: str, meaning: str) -> None:
    """Register an option of your own, for declarations and applicability.

    Args:
        name: starts with ``O_``, better with ``O_E_`` (eUICC), ``O_P_`` (SM-DP+) or ``O_D_`` (LPA) and a vendor's name.
        meaning: what an implementation has that declares it, in one line.

    Raises:
        ValueError: the name does not start with ``O_``, or means something else already.
    """
    if not name.startswith("O_"):
        raise ValueError(f"option {name!r}: names of options start with O_")
    if OPTIONS.setdefault(name, meaning) != meaning:
        raise ValueError(f"option {name!r} means {OPTIONS[name]!r} already; choose another name")
